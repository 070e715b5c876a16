//! The gateway: plans for every profile, and the data listener.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use super::dependencies::Dependencies;
use super::embedded::reachable;
use super::error::StartError;
use super::listeners::{Door, Listener, serve};
use crate::config::{self, CallerConfig, ClientAuth, Config, CredentialsSource, Endpoint, ProfileConfig};
use crate::gateway::{Gateway, Routes, Shared};
use crate::http::{Caller, Callers, DataService, DataSettings, DropIn};
use crate::outbound::EndpointAddress;
use crate::signature::Credentials;
use crate::tasks::{Phase, Service, Services, Stage, Tasks};
use crate::upstream::{self, Keys, Plan, PlanError, PlanResources};

/// One plan per profile, in the order of their names, which is how routes number them.
pub(super) fn plans(
    config: &Config,
    embedded: Option<SocketAddr>,
    embedded_credentials: Option<&Credentials>,
    dependencies: &Dependencies,
) -> Result<Vec<Plan>, StartError> {
    config
        .profiles
        .values()
        .map(|profile| plan(config, profile, embedded, embedded_credentials, dependencies))
        .collect()
}

fn plan(
    config: &Config,
    profile: &ProfileConfig,
    embedded: Option<SocketAddr>,
    embedded_credentials: Option<&Credentials>,
    dependencies: &Dependencies,
) -> Result<Plan, StartError> {
    let name = profile.name.clone();
    let no_endpoint = || StartError::Inconsistent(format!("profile `{name}`: the embedded endpoint is not enabled"));
    let addresses = profile.endpoints.iter().map(|endpoint| match endpoint {
        Endpoint::Url { tls, host, port } => Ok(EndpointAddress { tls: *tls, host: host.clone(), port: *port }),
        Endpoint::Embedded => {
            let address = reachable(embedded.ok_or_else(no_endpoint)?);
            Ok(EndpointAddress { tls: false, host: address.ip().to_string(), port: address.port() })
        }
    });
    let addresses = addresses.collect::<Result<Vec<_>, StartError>>()?;
    let credentials = match &profile.credentials {
        CredentialsSource::Inline(credentials) => credentials.clone(),
        CredentialsSource::Embedded => embedded_credentials.cloned().ok_or_else(no_endpoint)?,
        CredentialsSource::Named(credentials) => {
            let files = config.credentials.get(credentials).ok_or_else(|| {
                StartError::Inconsistent(format!("profile `{name}`: [credentials.{credentials}] is missing"))
            })?;
            config::load_credentials(files)
                .map_err(|source| StartError::Credentials { profile: name.clone(), source })?
        }
    };
    let files = match &profile.credentials {
        CredentialsSource::Named(name) => config.credentials.get(name).map(|files| (name.clone(), files.clone())),
        CredentialsSource::Inline(_) | CredentialsSource::Embedded => None,
    };
    let resources = PlanResources {
        addresses,
        keys: Keys::new(&credentials, files),
        clock: dependencies.clock.clone(),
        random: dependencies.random.clone(),
        metrics: &dependencies.metrics,
    };
    Plan::new(profile, resources).map_err(|error| match error {
        PlanError::Host(_) => StartError::Inconsistent(format!("profile `{name}`: {error}")),
        PlanError::Tls(source) => StartError::Tls { profile: name.clone(), source },
    })
}

/// Says at the start what would look like wrong keys to everybody who meets it.
pub(super) fn log_refused_clients(config: &Config) {
    if !config.dropin.enabled || config.dropin.client_auth != ClientAuth::EmbeddedOnly {
        return;
    }
    for profile in config.profiles.values().filter(|profile| !profile.endpoints.contains(&Endpoint::Embedded)) {
        tracing::info!(
            profile = profile.name,
            "clients of the vendors' protocols are refused here until dropin.client_auth says who may call"
        );
    }
}

/// Who may call the drop-in relay with which keys: those of the configuration, or the embedded endpoint's own pair.
pub(super) fn callers(config: &Config, embedded: Option<&Credentials>) -> Result<Callers, StartError> {
    match config.dropin.client_auth {
        ClientAuth::None => Ok(Callers::default()),
        ClientAuth::EmbeddedOnly => Ok(embedded.map(Callers::embedded).unwrap_or_default()),
        ClientAuth::Keys => {
            let callers = config.callers.values().map(|it| caller(config, it)).collect::<Result<Vec<_>, _>>()?;
            Callers::new(callers).map_err(|(one, other)| {
                StartError::Inconsistent(format!(
                    "callers `{one}` and `{other}` have the same access key: issue one anew"
                ))
            })
        }
    }
}

fn caller(config: &Config, caller: &CallerConfig) -> Result<Caller, StartError> {
    let name = caller.credentials.as_str();
    let files = config.credentials.get(name).ok_or_else(|| {
        StartError::Inconsistent(format!("caller `{}`: [credentials.{name}] is missing", caller.name))
    })?;
    let credentials = config::load_credentials(files)
        .map_err(|source| StartError::CallerCredentials { caller: caller.name.clone(), source })?;
    let keys = Keys::new(&credentials, Some((name.to_owned(), files.clone())));
    Ok(Caller { name: caller.name.as_str().into(), keys, topics: caller.topics.clone() })
}

/// Starts to look after every upstream, and after every key that is in files.
pub(super) fn watch(plans: &[Plan], callers: &Callers, dependencies: &Dependencies, services: &mut Services) {
    let mut add = |service| services.add(Phase::Background, service);
    for plan in plans {
        add(Service::start(format!("upstream {}", plan.name()), |stop| stop.interrupts(plan.clone().watch())));
    }
    for keys in plans.iter().map(|plan| plan.keys().clone()).chain(callers.keys()) {
        let Some(name) = keys.name().map(|name| format!("credentials {name}")) else { continue };
        let watch = upstream::watch_keys(keys, dependencies.metrics.credential_reloads.clone());
        add(Service::start(name, |stop| stop.interrupts(watch)));
    }
}

/// Serves the plans.
pub(super) fn listen(
    config: &Config,
    plans: Vec<Plan>,
    callers: Callers,
    tasks: &Tasks,
    dependencies: &Dependencies,
    stage: watch::Receiver<Stage>,
) -> Result<Listener, StartError> {
    let shared = Shared {
        routes: Arc::new(Routes::new(config, &dependencies.metrics)),
        plans: Arc::new(plans),
        metrics: Arc::clone(&dependencies.metrics),
        clock: dependencies.clock.clone(),
        stage,
    };
    let settings = DataSettings::new(&config.server, DropIn::new(&config.dropin, callers));
    let (tasks, random) = (tasks.clone(), dependencies.random.clone());
    let build = move || {
        let gateway = Gateway::new(shared.clone());
        Rc::new(DataService::new(gateway, settings.clone(), tasks.clone(), &random))
    };
    let door = Door {
        name: "data",
        address: config.server.listen,
        key: "server.listen",
        metrics: dependencies.metrics.connections.listener("data"),
    };
    serve(config, door, build, DataService::handle)
}

//! The gateway: plans for every profile, and the data listener.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use super::credentials::{CredentialsError, named_credentials, profile_credentials};
use super::dependencies::Dependencies;
use super::descriptors;
use super::endpoints::profile_endpoints;
use super::error::StartError;
use crate::config::{CallerConfig, ClientAuth, Config, CredentialsSource, Endpoint, ProfileConfig};
use crate::gateway::{Gateway, Routes, Shared};
use crate::http::{Caller, Callers, DataService, DataSettings, DropIn};
use crate::listener::{self, ListenAddress, Listener, ListenerOptions};
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
    let addresses = profile_endpoints(profile, || embedded.ok_or_else(no_endpoint))?;
    let embedded = || embedded_credentials.cloned().ok_or(CredentialsError::NoEndpoint);
    let credentials = profile_credentials(config, profile, embedded)
        .map_err(|source| StartError::Credentials { profile: name.clone(), source })?;
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
    let (credentials, files) = named_credentials(config, name)
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
        stage: stage.clone(),
    };
    let settings = DataSettings::new(&config.server, DropIn::new(&config.dropin, callers));
    let (tasks, resources) = (tasks.clone(), dependencies.for_services(stage));
    let build = move || {
        let gateway = Gateway::new(shared.clone());
        Rc::new(DataService::new(gateway, settings.clone(), tasks.clone(), resources.clone()))
    };
    let options = ListenerOptions {
        name: "data",
        listen: ListenAddress { address: config.server.listen, key: "server.listen" },
        connections: descriptors::connections(config),
        metrics: dependencies.metrics.connections.listener("data"),
    };
    Ok(listener::serve(&config.server, options, build, DataService::handle)?)
}

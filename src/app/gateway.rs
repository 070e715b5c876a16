//! The gateway: plans for every profile, and the data listener.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use super::embedded::reachable;
use super::listeners::{Door, Listener, serve};
use super::{StartError, Surroundings};
use crate::config::{self, Config, CredentialsSource, Endpoint, ProfileConfig, Protocol};
use crate::gateway::{Gateway, Routes, Shared};
use crate::http::{DataService, DataSettings};
use crate::http_client::{TlsRoots, client_config};
use crate::signature::Credentials;
use crate::tasks::{Stage, Tasks};
use crate::upstream::{BreakerSettings, EndpointAddress, Endpoints, Keys, Parts, Plan};

/// One plan per profile, in the order of their names, which is how routes number them.
pub(super) fn plans(
    config: &Config,
    embedded: Option<SocketAddr>,
    embedded_credentials: Option<&Credentials>,
    surroundings: &Surroundings,
) -> Result<Vec<Plan>, StartError> {
    config
        .profiles
        .values()
        .map(|profile| plan(config, profile, embedded, embedded_credentials, surroundings))
        .collect()
}

fn plan(
    config: &Config,
    profile: &ProfileConfig,
    embedded: Option<SocketAddr>,
    embedded_credentials: Option<&Credentials>,
    surroundings: &Surroundings,
) -> Result<Plan, StartError> {
    let name = profile.name.clone();
    if profile.protocol == Protocol::MqHttp {
        return Err(StartError::Inconsistent(format!("profile `{name}`: mq-http is not served by this version yet")));
    }
    let no_endpoint = || StartError::Inconsistent(format!("profile `{name}`: the embedded endpoint is not enabled"));
    let addresses = profile.endpoints.iter().map(|endpoint| match endpoint {
        Endpoint::Url { tls, host, port } => Ok(EndpointAddress { tls: *tls, host: host.clone(), port: *port }),
        Endpoint::Embedded => {
            let address = reachable(embedded.ok_or_else(no_endpoint)?);
            Ok(EndpointAddress { tls: false, host: address.ip().to_string(), port: address.port() })
        }
    });
    let addresses = addresses.collect::<Result<Vec<_>, StartError>>()?;
    let breaker = BreakerSettings { failures: profile.breaker_failures, open: profile.breaker_open };
    let state = |endpoint: &str| surroundings.metrics.circuit_breaker_state(&name, endpoint);
    let endpoints = Endpoints::new(&addresses, breaker, state)
        .map_err(|error| StartError::Inconsistent(format!("profile `{name}`: endpoints: {error}")))?;
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
    let roots = profile.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
    let tls = client_config(&roots).map_err(|source| StartError::Tls { profile: name.clone(), source })?;
    let parts = Parts {
        endpoints: Arc::new(endpoints),
        keys: Keys::new(&credentials, files),
        tls,
        clock: surroundings.clock.clone(),
        random: surroundings.random.clone(),
        metrics: &surroundings.metrics,
    };
    Ok(Plan::new(profile, parts))
}

/// Serves the plans.
pub(super) fn listen(
    config: &Config,
    plans: Vec<Plan>,
    tasks: &Tasks,
    surroundings: &Surroundings,
    stage: watch::Receiver<Stage>,
) -> Result<Listener, StartError> {
    let shared = Shared {
        routes: Arc::new(Routes::new(config, &surroundings.metrics)),
        plans: Arc::new(plans),
        metrics: Arc::clone(&surroundings.metrics),
        clock: surroundings.clock.clone(),
        stage,
    };
    let settings = DataSettings::new(&config.server);
    let (tasks, random) = (tasks.clone(), surroundings.random.clone());
    let build = move || {
        let gateway = Gateway::new(shared.clone());
        Rc::new(DataService::new(gateway, settings.clone(), tasks.clone(), &random))
    };
    let door = Door {
        name: "data",
        address: config.server.listen,
        key: "server.listen",
        metrics: surroundings.metrics.connections("data"),
    };
    serve(config, door, build, DataService::handle)
}

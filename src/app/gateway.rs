//! The gateway: plans for every profile, and the data listener.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::credentials::{CredentialsError, named_credentials, profile_credentials};
use super::descriptors;
use super::endpoints::profile_endpoints;
use super::error::StartError;
use super::run_mode::RunMode;
use crate::config::{
    CallerConfig, ClientAuth, Config, CredentialsSource, Endpoint, Groups, ProfileConfig, TopicPattern,
};
use crate::embedded::Engine;
use crate::gateway::{Gateway, GiveBack, Routes, Shared, Streams};
use crate::http::{Caller, Callers, DataService, DataSettings, DropIn, ServiceResources};
use crate::listener::{self, ListenAddress, Listener, ListenerOptions};
use crate::model::UpstreamHandle;
use crate::signature::Credentials;
use crate::tasks::{Phase, Service, Services, Tasks};
use crate::upstream::{self, KeyRecord, Keys, Plan, PlanError, PlanResources};

/// One plan per profile, in the order of their names, which is how routes number them.
pub(super) fn plans(
    config: &Config,
    embedded: Option<SocketAddr>,
    embedded_credentials: Option<&Credentials>,
    resources: &ServiceResources,
) -> Result<Vec<Plan>, StartError> {
    config.profiles.values().map(|profile| plan(config, profile, embedded, embedded_credentials, resources)).collect()
}

fn plan(
    config: &Config,
    profile: &ProfileConfig,
    embedded: Option<SocketAddr>,
    embedded_credentials: Option<&Credentials>,
    resources: &ServiceResources,
) -> Result<Plan, StartError> {
    let name = profile.name.clone();
    let no_endpoint = || StartError::Inconsistent(format!("profile `{name}`: the embedded endpoint is not enabled"));
    let addresses = profile_endpoints(profile, || embedded.ok_or_else(no_endpoint))?;
    let embedded = || embedded_credentials.cloned().ok_or(CredentialsError::NoEndpoint);
    let files = match &profile.credentials {
        CredentialsSource::Named(name) => config.credentials.get(name).map(|files| (name.clone(), files.clone())),
        CredentialsSource::Inline(_) | CredentialsSource::Embedded | CredentialsSource::Nowhere => None,
    };
    let keys = match profile_credentials(config, profile, embedded) {
        Ok(credentials) => Keys::new(&credentials, files),
        Err(CredentialsError::Nowhere) => Keys::absent(),
        Err(source) => return Err(StartError::Credentials { profile: name, source }),
    };
    let named = config.topics.iter().filter(|topic| topic.profile == name).filter_map(|topic| match &topic.name {
        TopicPattern::Named(name) => Some((name, &topic.groups)),
        TopicPattern::Any => None,
    });
    let (mut topics, mut groups) = (Vec::new(), Vec::new());
    for (topic, of_topic) in named {
        topics.push(topic.clone());
        if let Groups::Named(of_topic) = of_topic {
            groups.extend(of_topic.iter().map(|group| (topic.clone(), group.name.clone())));
        }
    }
    let resources = PlanResources {
        addresses,
        topics,
        groups,
        keys,
        clock: resources.clock.clone(),
        random: resources.random.clone(),
        memory: resources.memory.clone(),
        metrics: &resources.metrics,
    };
    Plan::new(profile, resources).map_err(|error| match error {
        PlanError::Host(_) | PlanError::NotBuilt(_) | PlanError::Random(_) => {
            StartError::Inconsistent(format!("profile `{name}`: {error}"))
        }
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
pub(super) fn watch(plans: &[Plan], callers: &Callers, resources: &ServiceResources, services: &mut Services) {
    let record = KeyRecord { clock: resources.clock.clone(), metrics: resources.metrics.credentials.clone() };
    let mut add = |service| services.add(Phase::Background, service);
    for plan in plans {
        add(Service::start(format!("upstream {}", plan.name()), |stop| plan.clone().watch(stop)));
    }
    for keys in plans.iter().map(|plan| plan.keys().clone()).chain(callers.keys()) {
        let Some(name) = keys.name().map(|name| format!("credentials {name}")) else { continue };
        let watch = upstream::watch_keys(keys, record.clone());
        add(Service::start(name, |stop| stop.interrupts(watch)));
    }
}

/// What the threads of all listeners share of the gateway.
pub(super) fn shared(
    config: &Config,
    plans: Vec<Plan>,
    engine: Option<&Engine>,
    tasks: &Tasks,
    resources: &ServiceResources,
) -> Shared {
    let connections = descriptors::connections(config, RunMode::Gateway);
    let streams = Arc::new(Streams::new(
        config.server.limits.streams_among(connections),
        &resources.memory,
        config.server.drain_delay,
        resources.clock.clone(),
        Arc::clone(&resources.metrics),
    ));
    if let Some(engine) = engine {
        let streams = Arc::clone(&streams);
        engine.on_settled(move |topic, group, handle| streams.settled(topic, group, handle));
    }
    Shared {
        routes: Arc::new(Routes::new(config, &resources.metrics)),
        plans: Arc::new(plans),
        metrics: Arc::clone(&resources.metrics),
        memory: resources.memory.clone(),
        message_sizes: Arc::default(),
        poll_lines: Arc::default(),
        streams,
        tasks: tasks.clone(),
        give_back: engine.map(way_back),
        stage: resources.stage.clone(),
    }
}

/// Gives deliveries back to the embedded endpoint.
fn way_back(engine: &Engine) -> GiveBack {
    let (sending, releasing) = (engine.clone(), engine.clone());
    let release = move |handles: Vec<UpstreamHandle>| {
        let engine = releasing.clone();
        async move {
            engine.release(&handles).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "deliveries could not be released: they wait for their visibility timeout");
                0
            })
        }
    };
    GiveBack::new(move |handles| sending.give_back(handles), release)
}

/// Serves callers.
pub(super) fn listen(
    config: &Config,
    shared: Shared,
    callers: Callers,
    tasks: &Tasks,
    resources: ServiceResources,
) -> Result<Listener, StartError> {
    let settings = DataSettings::new(&config.server, DropIn::new(&config.dropin, callers));
    let tasks = tasks.clone();
    let connection_metrics = resources.metrics.connections.listener("data");
    let build = move || {
        let gateway = Rc::new(Gateway::new(shared.clone()));
        Rc::new(DataService::new(gateway, settings.clone(), tasks.clone(), resources.clone()))
    };
    let options = ListenerOptions {
        name: "data",
        listen: ListenAddress { address: config.server.listen, key: "server.listen" },
        connections: descriptors::connections(config, RunMode::Gateway),
        metrics: connection_metrics,
    };
    Ok(listener::serve(&config.server, options, build, DataService::handle)?)
}

//! Wiring: the only place, with `cli`, that knows all parts.
//!
//! [`start`] binds everything first, so port 0 works and a taken port is one clean message; service begins when every
//! listener is open, and never waits for the MQ.

mod cgroup;
mod descriptors;
mod embedded;
mod error;
mod gateway;
mod listeners;
mod shutdown;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::embedded::Engine;
use crate::http::RequestIds;
use crate::http::management::{ManagementService, Readiness};
use crate::outbound;
use crate::random::Random;
use crate::storage::DataDir;
use crate::tasks::{Background, Stage, Tasks};
use crate::telemetry::Metrics;

pub use descriptors::raise as raise_descriptors;
pub use error::StartError;
pub use shutdown::Signals;

/// Which listeners run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// The gateway, with the embedded endpoint where the configuration has it.
    Gateway,
    /// The embedded endpoint alone, with the management listener on request.
    EmbeddedOnly {
        /// Whether the management listener runs too.
        management: bool,
    },
}

/// Where the listeners are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The data listener.
    pub data: Option<SocketAddr>,
    /// The management listener.
    pub management: Option<SocketAddr>,
    /// The embedded endpoint.
    pub embedded: Option<SocketAddr>,
}

/// A running gateway.
#[derive(Debug)]
pub struct Application {
    addresses: Addresses,
    metrics: Arc<Metrics>,
    stage: watch::Sender<Stage>,
    data: Option<ServerHandle>,
    embedded: Option<ServerHandle>,
    management: Option<ServerHandle>,
    /// Servers and watchers; they end with this.
    background: Vec<Background>,
    tasks: Tasks,
    engine: Option<Engine>,
    _data_dir: Option<DataDir>,
    drain_delay: Duration,
    shutdown_timeout: Duration,
}

/// What a gateway is made of besides its configuration.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Where to count.
    pub metrics: Arc<Metrics>,
}

/// Starts everything that `parts` asks for.
///
/// # Errors
/// [`StartError`], one message for a person.
pub async fn start(config: Config, parts: Parts, surroundings: Surroundings) -> Result<Application, StartError> {
    let (stage, stages) = watch::channel(Stage::Serving);
    let readiness = Readiness::new(stages.clone());
    let tasks = Tasks::default();
    let mut background = Vec::new();
    let mut addresses = Addresses { data: None, management: None, embedded: None };
    let metrics = Arc::clone(&surroundings.metrics);

    let mut embedded_handle = None;
    let mut store = None;
    if config.embedded.enabled {
        let opened = embedded::open(&config, &surroundings)?;
        let listener = embedded::listen(&config, &opened, &surroundings, stages.clone())?;
        addresses.embedded = Some(listener.address);
        embedded_handle = Some(listener.handle);
        background.push(listener.server);
        background.push(embedded::sweep(opened.engine.clone()));
        store = Some(opened);
    }

    let mut data_handle = None;
    let mut upstreams = Vec::new();
    if parts == Parts::Gateway {
        outbound::self_test().await?;
        let credentials = store.as_ref().map(|opened| &opened.credentials);
        let plans = gateway::plans(&config, addresses.embedded, credentials, &surroundings)?;
        upstreams.extend(plans.iter().map(|plan| (plan.name.clone(), plan.up.clone())));
        background.extend(plans.iter().map(|plan| Background::spawn(crate::upstream::watch(plan.clone()))));
        background.extend(plans.iter().map(|plan| Background::spawn(plan.clone().watch_keys())));
        gateway::tell_who_is_refused(&config);
        let callers = gateway::callers(&config, credentials)?;
        for keys in callers.keys() {
            let reloads = metrics.credential_reloads();
            background.push(Background::spawn(crate::upstream::watch_keys(keys, reloads)));
        }
        let listener = gateway::listen(&config, plans, callers, &tasks, &surroundings, stages.clone())?;
        addresses.data = Some(listener.address);
        data_handle = Some(listener.handle);
        background.push(listener.server);
    }

    let mut management_handle = None;
    if parts != (Parts::EmbeddedOnly { management: false }) {
        let service = ManagementService {
            readiness: readiness.clone(),
            metrics: Arc::clone(&metrics),
            upstreams,
            engine: store.as_ref().map(|opened| opened.engine.clone()),
            config: config.redacted().to_string().into(),
            request_ids: RequestIds::new(&surroundings.random),
        };
        let listener = listeners::management(&config, service)?;
        addresses.management = Some(listener.address);
        management_handle = Some(listener.handle);
        background.push(listener.server);
    }
    readiness.set_started();
    addresses.log();
    let (engine, data_dir) = store.map_or((None, None), |opened| (Some(opened.engine), opened.data_dir));
    Ok(Application {
        addresses,
        metrics,
        stage,
        data: data_handle,
        embedded: embedded_handle,
        management: management_handle,
        background,
        tasks,
        engine,
        _data_dir: data_dir,
        drain_delay: config.server.drain_delay,
        shutdown_timeout: config.server.shutdown_timeout,
    })
}

impl Addresses {
    /// One event for each listener.
    fn log(&self) {
        for (listener, address) in [("data", self.data), ("management", self.management), ("embedded", self.embedded)] {
            if let Some(address) = address {
                tracing::info!(listener, %address, "listening");
            }
        }
    }
}

impl Application {
    /// Where the listeners are.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Where it counts.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

//! The embedded endpoint: its data directory, keys, engine and listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

use super::{StartError, Surroundings, descriptors};
use crate::config::{self, Config, EmbeddedStorage};
use crate::embedded::{EndpointCredentials, Engine, EngineOptions, NewGroupStarts, StoreLocation};
use crate::http::embedded_mq::{EndpointService, EndpointSettings};
use crate::listener::{self, ListenAddress, Listener, ListenerOptions};
use crate::signature::Credentials;
use crate::storage::DataDir;
use crate::tasks::{Background, Stage};

/// The store's file inside the data directory.
const STORE_FILE: &str = "embedded.db";
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// An open engine and the keys that its endpoint checks.
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) credentials: Credentials,
    pub(super) data_dir: Option<DataDir>,
    /// Present when the endpoint uses its own pair.
    own: Option<EndpointCredentials>,
}

/// Takes the data directory's lock, then opens what is in it. Messages in memory still have their keys on disk, so that
/// clients can be pointed at them; only configured keys and memory together need no directory.
pub(super) fn open(config: &Config, surroundings: &Surroundings) -> Result<Opened, StartError> {
    let embedded = &config.embedded;
    let in_memory = embedded.storage == EmbeddedStorage::Memory;
    let named = embedded.credentials.as_ref();
    let data_dir = if in_memory && named.is_some() { None } else { Some(DataDir::open(&config.data_dir)?) };
    let location = match &data_dir {
        Some(directory) if !in_memory => StoreLocation::Disk(directory.path().join(STORE_FILE)),
        Some(_) | None => StoreLocation::Memory,
    };
    let own = match (&data_dir, named) {
        (Some(directory), None) => Some(EndpointCredentials::load_or_create(directory.path(), &surroundings.random)?),
        (_, _) => None,
    };
    let credentials = match (&own, named) {
        (Some(own), _) => own.clone().into(),
        (None, Some(name)) => {
            let files = config.credentials.get(name).ok_or_else(|| {
                StartError::Inconsistent(format!("embedded.credentials: [credentials.{name}] is missing"))
            })?;
            config::load_credentials(files)
                .map_err(|source| StartError::Credentials { profile: "embedded".to_owned(), source })?
        }
        (None, None) => return Err(StartError::Inconsistent("the embedded endpoint has no keys".to_owned())),
    };
    let options = EngineOptions {
        visibility_timeout: embedded.visibility_timeout,
        max_redeliveries: embedded.max_redeliveries,
        new_group_starts: match embedded.new_group_starts {
            config::NewGroupStarts::Earliest => NewGroupStarts::Earliest,
            config::NewGroupStarts::Latest => NewGroupStarts::Latest,
        },
        retention: embedded.retention,
        retention_bytes: embedded.retention_bytes,
        topics: embedded.topics.clone(),
    };
    let engine = Engine::open(location, options, surroundings.clock.clone(), surroundings.random.clone())?;
    Ok(Opened { engine, credentials, data_dir, own })
}

/// Serves the engine.
pub(super) fn listen(
    config: &Config,
    opened: &Opened,
    surroundings: &Surroundings,
    stage: watch::Receiver<Stage>,
) -> Result<Listener, StartError> {
    let settings = EndpointSettings::new(&config.embedded, &opened.credentials, &config.server.limits);
    let engine = opened.engine.clone();
    let options = ListenerOptions {
        name: "embedded",
        listen: ListenAddress { address: config.embedded.listen, key: "embedded.listen" },
        connections: descriptors::connections(config),
        metrics: surroundings.metrics.connections.listener("embedded"),
    };
    let resources = surroundings.for_services(stage);
    let build = move || Rc::new(EndpointService::new(engine.clone(), settings.clone(), resources.clone()));
    let listener = listener::serve(&config.server, options, build, EndpointService::handle)?;
    if let (Some(own), Some(directory)) = (&opened.own, &opened.data_dir) {
        let url = format!("http://{}", reachable(listener.address));
        own.clone().note_url(directory.path(), url)?;
    }
    Ok(listener)
}

/// An address that a client on this machine can connect to.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()) } else { address }
}

/// Retention and dead letters, every second.
pub(super) fn sweep(engine: Engine) -> Background {
    Background::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP_PAUSE).await;
            if let Err(error) = engine.sweep().await {
                tracing::error!(%error, "the embedded endpoint's clean-up failed");
            }
        }
    })
}

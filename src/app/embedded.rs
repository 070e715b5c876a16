//! The embedded endpoint: its keys, engine and listener.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::timeout;

use super::credentials::named_credentials;
use super::dependencies::Dependencies;
use super::descriptors;
use super::endpoints::reachable;
use super::error::StartError;
use super::run_mode::RunMode;
use crate::config::{self, Config, EmbeddedStorage};
use crate::embedded::{
    CredentialsError, EndpointCredentials, Engine, EngineOptions, NewGroupStarts, StoreLocation, WhenFull,
};
use crate::http::ServiceResources;
use crate::http::embedded_mq::{Chaos, EndpointService, EndpointSettings};
use crate::listener::{self, ListenAddress, Listener, ListenerOptions};
use crate::signature::Credentials;
use crate::storage::DataDir;
use crate::tasks::StopSignal;

/// The store's file inside the data directory.
const STORE_FILE: &str = "embedded.db";
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// An open engine and the keys that its endpoint checks.
pub(super) struct OpenEndpoint {
    pub(super) engine: Engine,
    pub(super) credentials: Credentials,
    /// Present when the endpoint uses its own pair: the pair, and the directory of its file.
    own: Option<(EndpointCredentials, PathBuf)>,
}

/// Opens what is in the data directory, or makes it in memory.
pub(super) fn open(
    config: &Config,
    data_directory: Option<&DataDir>,
    dependencies: &Dependencies,
) -> Result<OpenEndpoint, StartError> {
    let embedded = &config.embedded;
    let named = embedded.credentials.as_ref();
    let location = match (embedded.storage, data_directory) {
        (EmbeddedStorage::Memory, _) => StoreLocation::Memory,
        (EmbeddedStorage::Disk, Some(directory)) => StoreLocation::Disk(directory.path().join(STORE_FILE)),
        (EmbeddedStorage::Disk, None) => {
            return Err(StartError::Inconsistent("the embedded endpoint has no data directory".to_owned()));
        }
    };
    let own = match (data_directory, named) {
        (Some(directory), None) => {
            let pair = EndpointCredentials::load_or_create(directory.path(), &dependencies.random)?;
            Some((pair, directory.path().to_owned()))
        }
        (_, _) => None,
    };
    let credentials = match (&own, named) {
        (Some((own, _)), _) => own.clone().into(),
        (None, Some(name)) => {
            let named = named_credentials(config, name);
            named.map_err(|source| StartError::Credentials { profile: "embedded".to_owned(), source })?.0
        }
        (None, None) => EndpointCredentials::in_memory(&dependencies.random).map_err(CredentialsError::from)?.into(),
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
        when_full: match embedded.when_full {
            config::WhenFull::DropOldest => WhenFull::DropOldest,
            config::WhenFull::Refuse => WhenFull::Refuse,
        },
        topics: embedded.topics.clone(),
    };
    let engine = Engine::open(location, options, dependencies.clock.clone(), dependencies.random.clone())?;
    Ok(OpenEndpoint { engine, credentials, own })
}

/// What the endpoint does wrong on purpose, for people.
pub(super) fn chaos(config: &Config, dependencies: &Dependencies) -> Option<String> {
    let chaos = Chaos::new(&config.embedded.chaos, &dependencies.random).filter(|_| config.embedded.enabled);
    chaos.map(|chaos| chaos.to_string())
}

/// Serves the engine.
pub(super) fn listen(
    config: &Config,
    opened: &OpenEndpoint,
    mode: RunMode,
    resources: ServiceResources,
) -> Result<Listener, StartError> {
    let chaos = Chaos::new(&config.embedded.chaos, &resources.random);
    if let Some(chaos) = &chaos {
        tracing::warn!("embedded.chaos is set, and the embedded endpoint behaves badly {chaos}");
    }
    let settings = EndpointSettings::new(&config.embedded, &opened.credentials, &config.server.limits, chaos);
    let engine = opened.engine.clone();
    let options = ListenerOptions {
        name: "embedded",
        listen: ListenAddress { address: config.embedded.listen, key: "embedded.listen" },
        connections: descriptors::connections(config, mode),
        metrics: resources.metrics.connections.listener("embedded"),
    };
    let build = move || Rc::new(EndpointService::new(engine.clone(), settings.clone(), resources.clone()));
    let mut server = config.server.clone();
    if mode == RunMode::Gateway {
        // This process's own gateway is one address, with all its connections.
        server.limits.connections_per_address = 0;
    }
    let listener = listener::serve(&server, options, build, EndpointService::handle)?;
    if let Some((own, directory)) = &opened.own {
        let url = format!("http://{}", reachable(listener.address));
        match own.clone().note_url(directory, url) {
            // What is stored can be drained all the same.
            Err(CredentialsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::StorageFull => {
                tracing::warn!("the disk is full: the file with the endpoint's keys still has its last address");
            }
            other => other?,
        }
    }
    Ok(listener)
}

/// Retention and dead letters, every second. One that has begun ends.
pub(super) async fn sweep(engine: Engine, mut stop: StopSignal) {
    while timeout(SWEEP_PAUSE, stop.given()).await.is_err() {
        if let Err(error) = engine.sweep().await {
            // The store tells what is wrong with it, and seldom.
            tracing::debug!(%error, "the embedded endpoint's clean-up failed");
        }
    }
}

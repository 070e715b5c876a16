//! Runs the gateway, or the embedded endpoint alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::arguments::{Arguments, EmbeddedArguments};
use super::configuration::load;
use super::failure::Failure;
use crate::app::{self, Dependencies, RunMode, Signals};
use crate::clock::Clock;
use crate::config::{self, Config, EmbeddedStorage, Overrides, Source};
use crate::random::Random;
use crate::tasks;
use crate::telemetry::{Metrics, logging, panics};

/// Where a listener is that does not run: what does run may have any address.
const UNUSED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// `mq-gateway`.
pub(super) fn gateway(arguments: &Arguments) -> Result<u8, Failure> {
    let overrides = Overrides {
        listen: arguments.listen,
        management_listen: arguments.management_listen,
        embedded_listen: arguments.embedded_listen,
        data_dir: arguments.data_dir.clone(),
        ..Overrides::default()
    };
    let source = arguments.source.source();
    serve(load(&source, &overrides)?, &source, RunMode::Gateway)
}

/// `mq-gateway embedded-mq`.
pub(super) fn embedded(arguments: &EmbeddedArguments) -> Result<u8, Failure> {
    let overrides = Overrides {
        listen: Some(UNUSED),
        management_listen: arguments.management_listen.or(Some(UNUSED)),
        embedded_listen: arguments.embedded_listen,
        embedded_storage: arguments.in_memory.then_some(EmbeddedStorage::Memory),
        data_dir: arguments.data_dir.clone(),
    };
    let mode = RunMode::EmbeddedOnly { management: arguments.management_listen.is_some() };
    serve(load(&Source::BuiltIn, &overrides)?, &Source::BuiltIn, mode)
}

fn serve(config: Config, source: &Source, mode: RunMode) -> Result<u8, Failure> {
    logging::start(&config.log);
    for warning in config::warnings(&config, source) {
        tracing::warn!(key = warning.key, hint = warning.hint, "{}", warning.detail);
    }
    app::raise_descriptors();
    let metrics = Metrics::new().map_err(Failure::bad)?;
    panics::count(&metrics);
    let dependencies = Dependencies { clock: Clock::system(), random: Random::system(), metrics };
    tasks::block_on(async move {
        let signals = Signals::listen().map_err(Failure::bad)?;
        let application = app::start(config, mode, dependencies).await.map_err(Failure::bad)?;
        application.run_until(signals).await;
        Ok(0)
    })
}

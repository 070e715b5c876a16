//! The start, from the configuration to open listeners.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::application::{Addresses, Application};
use super::dependencies::Dependencies;
use super::error::StartError;
use super::run_mode::RunMode;
use super::{
    data_directory, descriptors, embedded, failure_summaries, freed_memory, gateway, management, pushes, tracing,
};
use crate::config::Config;
use crate::http::management::{ManagementPages, OperationsPlan, Readiness};
use crate::memory::MemoryBudget;
use crate::outbound;
use crate::push::{PushPlan, Subscriptions};
use crate::tasks::{Phase, Service, Services, Stage, Tasks};
use crate::upstream::Plan;

/// Starts everything that `mode` asks for.
///
/// # Errors
/// [`StartError`], one message for a person.
pub async fn start(config: Config, mode: RunMode, dependencies: Dependencies) -> Result<Application, StartError> {
    let (stage, stages) = watch::channel(Stage::Serving);
    let readiness = Readiness::new(stages.clone());
    let (tasks, mut services, mut addresses) = (Tasks::default(), Services::default(), Addresses::default());
    let data_directory = data_directory::open(&config)?;
    descriptors::log_connections(&config, mode);
    let tracer = match mode {
        RunMode::Gateway => tracing::start(&config, &dependencies, &mut services)?,
        RunMode::EmbeddedOnly { .. } => None,
    };
    let resources = dependencies.for_services(MemoryBudget::new(config.server.limits.memory), stages, tracer);

    let mut endpoint = None;
    if config.embedded.enabled {
        let opened = embedded::open(&config, data_directory.as_ref(), &dependencies)?;
        let listener = embedded::listen(&config, &opened, mode, resources.clone())?;
        addresses.embedded = Some(listener.address);
        let engine = opened.engine.clone();
        engine.show_sync_times(dependencies.metrics.embedded.sync_duration.clone());
        services.add(Phase::Backend, Service::start("embedded listener", |stop| listener.serve(stop)));
        services.add(Phase::Backend, Service::start("embedded sweep", |stop| embedded::sweep(engine, stop)));
        endpoint = Some(opened);
    }

    let (mut upstreams, mut use_cases) = (Vec::new(), None);
    let mut subscriptions = Subscriptions::default();
    if mode == RunMode::Gateway {
        outbound::self_test().await?;
        let credentials = endpoint.as_ref().map(|opened| &opened.credentials);
        let engine = endpoint.as_ref().map(|opened| &opened.engine);
        let plans = gateway::plans(&config, addresses.embedded, credentials, &resources)?;
        let callers = gateway::callers(&config, credentials)?;
        gateway::log_refused_clients(&config);
        gateway::watch(&plans, &callers, &resources, &mut services);
        upstreams.extend(plans.iter().map(Plan::health));
        let shared = gateway::shared(&config, plans, engine, &tasks, &resources);
        let listener = gateway::listen(&config, shared.clone(), callers, &tasks, resources.clone())?;
        let pushes = PushPlan::new(&config, shared.clone(), pushes::resources(&config, &resources))?;
        subscriptions = pushes.subscriptions();
        if let Some(pushes) = pushes.start()? {
            services.add(Phase::Intake, pushes);
        }
        use_cases = Some(shared);
        addresses.data = Some(listener.address);
        services.add(Phase::Intake, Service::start("data listener", |stop| listener.serve(stop)));
    }

    services.add(Phase::Observation, Service::start("freed memory", freed_memory::give_back));
    let failures = Arc::clone(&resources.failures);
    services
        .add(Phase::Observation, Service::start("failure summaries", |stop| failure_summaries::log(failures, stop)));
    let engine = endpoint.map(|opened| opened.engine);
    if mode.has_management() {
        let pages = ManagementPages {
            readiness: readiness.clone(),
            metrics: Arc::clone(&dependencies.metrics),
            memory: resources.memory.clone(),
            upstreams,
            engine: engine.clone(),
            subscriptions: subscriptions.clone(),
            chaos: embedded::chaos(&config, &dependencies),
            config: config.redacted().to_string().into(),
        };
        let operations = OperationsPlan {
            gateway: use_cases,
            engine: engine.clone(),
            subscriptions,
            dead_letter_topics: dead_letter_topics(&config),
            limits: config.server.limits.clone(),
            resources: resources.clone(),
            tasks: tasks.clone(),
        };
        let listener = management::listen(&config, pages, operations)?;
        addresses.management = Some(listener.address);
        // The last listener: probes and the last scrape see the process to its end.
        services.add(Phase::Observation, Service::start("management listener", |stop| listener.serve(stop)));
    }
    readiness.set_started();
    addresses.log();
    let (drain_delay, shutdown_timeout) = (config.server.drain_delay, config.server.shutdown_timeout);
    Ok(Application { addresses, stage, tasks, services, engine, data_directory, drain_delay, shutdown_timeout })
}

/// Where subscriptions put their dead letters, each topic once.
fn dead_letter_topics(config: &Config) -> Arc<[String]> {
    let topics = config.subscriptions.values().filter_map(|it| it.dead_letter.as_ref());
    let topics: BTreeSet<String> = topics.map(|it| it.topic.as_str().to_owned()).collect();
    topics.into_iter().collect()
}

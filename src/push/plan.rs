//! Everything that can fail at the start, and the thread on which subscriptions run.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::board::Board;
use super::deliver_once::Commands;
use super::live_files::LiveFiles;
use super::request::Format;
use super::runner::Runner;
use super::subscriptions::Subscriptions;
use super::target::{Target, TargetError, TargetPlan};
use super::verdict::Judge;
use super::worker::{Turns, Worker};
use crate::clock::Clock;
use crate::config::{Config, CredentialsError, SubscriptionConfig};
use crate::gateway::{Gateway, GatewayError, GroupRoute, Shared, TopicRoute};
use crate::model::{Capabilities, Feature};
use crate::random::Random;
use crate::retry_schedule::RetrySchedule;
use crate::spans::Tracer;
use crate::tasks::{Phase, Service, Services, Stage, StopSignal};
use crate::telemetry::FailureLog;

/// All subscriptions together hold so much of the memory budget at most: the rest is for callers.
const SHARE_OF_MEMORY: usize = 4;
/// The fewest bytes that one subscription may hold, however many there are.
const LEAST_BYTES: usize = 64 << 10;

/// What subscriptions need of the process besides the gateway.
#[derive(Debug, Clone)]
pub struct PushResources {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// Begins traces, where those are on.
    pub tracer: Option<Tracer>,
    /// Where failures of the MQ are logged.
    pub failures: Arc<FailureLog>,
    /// What is under way at the end has so long.
    pub shutdown_timeout: Duration,
}

/// Why a subscription cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Its topic or group, or the topic of its dead letters; the configuration's own checks find it.
    #[error("subscription `{subscription}`: {source}")]
    Route {
        /// Whose.
        subscription: String,
        /// What is wrong.
        source: GatewayError,
    },
    /// A file of secrets or headers.
    #[error("subscription `{subscription}`: {source}")]
    Files {
        /// Whose.
        subscription: String,
        /// What is wrong.
        source: CredentialsError,
    },
    /// Its target.
    #[error("subscription `{subscription}`: {source}")]
    Target {
        /// Whose.
        subscription: String,
        /// What is wrong.
        source: TargetError,
    },
    /// The process may start no more threads.
    #[error("the thread of the subscriptions could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Subscriptions that can be started.
#[derive(Debug)]
pub struct PushPlan {
    gateway: Shared,
    resources: PushResources,
    planned: Vec<Planned>,
    subscriptions: Subscriptions,
    most_bytes: usize,
}

/// One of them.
#[derive(Debug)]
struct Planned {
    config: SubscriptionConfig,
    route: GroupRoute,
    capabilities: Capabilities,
    dead_letter: Option<(TopicRoute, bool)>,
    target: TargetPlan,
    format: Format,
    files: LiveFiles,
    schedule: RetrySchedule,
    board: Arc<Board>,
    commands: Commands,
}

impl PushPlan {
    /// Reads the files of every subscription of the configuration.
    ///
    /// # Errors
    /// [`PushError`].
    pub fn new(config: &Config, gateway: Shared, resources: PushResources) -> Result<Self, PushError> {
        let boards: Vec<_> = config
            .subscriptions
            .values()
            .map(|it| {
                let metrics = gateway.metrics.subscriptions.of(&it.name);
                let topic = gateway.routes.topic(it.topic.as_str());
                let is_embedded = topic.is_ok_and(|topic| topic.is_embedded());
                (Arc::new(Board::new(it, is_embedded, resources.clock.clone(), metrics)), it.timeout)
            })
            .collect();
        let (subscriptions, receivers) = Subscriptions::new(boards.clone(), &gateway.memory);
        let mut planned = Vec::new();
        for ((it, (board, _)), commands) in config.subscriptions.values().zip(boards).zip(receivers) {
            planned.push(plan(config, it, &gateway, board, commands)?);
        }
        let share = gateway.memory.usage().limit / SHARE_OF_MEMORY / planned.len().max(1);
        Ok(Self { gateway, resources, planned, subscriptions, most_bytes: share.max(LEAST_BYTES) })
    }

    /// What operators see and change.
    #[must_use]
    pub fn subscriptions(&self) -> Subscriptions {
        self.subscriptions.clone()
    }

    /// Starts the thread; none without a subscription.
    ///
    /// # Errors
    /// [`PushError::Thread`].
    pub fn start(self) -> Result<Option<Service>, PushError> {
        if self.planned.is_empty() {
            return Ok(None);
        }
        Ok(Some(Service::start_on_thread("pushes", |stop| self.run(stop))?))
    }

    async fn run(self, mut stop: StopSignal) {
        let Self { gateway, resources, planned, most_bytes, .. } = self;
        let mut services = Services::default();
        for planned in planned {
            let name = &planned.config.name;
            let watch = planned.files.clone().watch(Arc::clone(&planned.board), resources.clock.clone());
            let watch = Service::start_local(format!("files of {name}"), |stop| stop.interrupts(watch));
            services.add(Phase::Background, watch);
            let name = format!("push {name}");
            let runner = planned.runner(&gateway, &resources, most_bytes);
            services.add(Phase::Intake, Service::start_local(name, |stop| runner.run(stop)));
        }
        stop.given().await;
        services.stop(Instant::now() + resources.shutdown_timeout).await;
    }
}

impl Planned {
    /// Builds the clients of this thread.
    fn runner(self, shared: &Shared, resources: &PushResources, most_bytes: usize) -> Runner {
        let Self { config, route, capabilities, dead_letter, target, format, files, schedule, board, commands } = self;
        let (stage, paused): (watch::Receiver<Stage>, _) = (shared.stage.clone(), board.pauses());
        let worker = Worker {
            gateway: Gateway::new(shared.clone()),
            route,
            capabilities,
            dead_letter,
            target: Target::new(target, shared.memory.clone()),
            format,
            files,
            schedule,
            judge: Judge::of(&config),
            clock: resources.clock.clone(),
            tracer: resources.tracer.clone(),
            failures: Arc::clone(&resources.failures),
            random: resources.random.clone(),
            turns: Turns::new(config.concurrency, paused.clone(), stage.clone()),
            board,
            config,
        };
        Runner { worker: Rc::new(worker), commands, stage, paused, most_bytes }
    }
}

fn plan(
    config: &Config,
    it: &SubscriptionConfig,
    gateway: &Shared,
    board: Arc<Board>,
    commands: Commands,
) -> Result<Planned, PushError> {
    let subscription = || it.name.clone();
    let route_error = |source| PushError::Route { subscription: subscription(), source };
    let topic = |name: &str| gateway.routes.topic(name).map_err(route_error);
    let route = topic(it.topic.as_str())?.group(it.group.as_str()).map_err(route_error)?;
    let profile_of = |topic: &TopicRoute| {
        let profile = config.profiles.get(topic.profile());
        profile.ok_or_else(|| route_error(GatewayError::Internal("a route without its profile")))
    };
    let profile = profile_of(&route.topic)?;
    let capabilities = profile.capabilities();
    let dead_letter = match &it.dead_letter {
        Some(dead_letter) => {
            let topic = topic(dead_letter.topic.as_str())?;
            let has_properties = profile_of(&topic)?.capabilities().has(Feature::Properties);
            Some((topic, has_properties))
        }
        None => None,
    };
    let files = |source| PushError::Files { subscription: subscription(), source };
    let target = |source| PushError::Target { subscription: subscription(), source };
    Ok(Planned {
        target: TargetPlan::new(it).map_err(target)?,
        format: Format::of(it, &profile.name, capabilities.has(Feature::Properties)),
        files: LiveFiles::load(it).map_err(files)?,
        schedule: config
            .retry_schedule(it)
            .ok_or_else(|| route_error(GatewayError::Internal("a subscription without its topic")))?,
        config: it.clone(),
        route,
        capabilities,
        dead_letter,
        board,
        commands,
    })
}

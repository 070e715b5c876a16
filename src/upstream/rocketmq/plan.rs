//! What all threads share of one RocketMQ 5 profile.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::link::Link;
use super::polls::Polls;
use super::routes::Routes;
use super::sessions::Sessions;
use super::superseded::Superseded;
use crate::config::{ProfileConfig, RocketMqConfig};
use crate::memory::MemoryBudget;
use crate::protocol::rocketmq::MessageIds;
use crate::tasks::{Nursery, NurseryWork};
use crate::upstream::profile::Profile;
use crate::upstream::{PlanError, PlanResources};

/// One profile, for every thread.
#[derive(Debug)]
pub(in crate::upstream) struct RocketMqPlan {
    pub(super) link: Arc<Link>,
    pub(super) settings: RocketMqConfig,
    pub(super) routes: Arc<Routes>,
    pub(super) polls: Arc<Polls>,
    pub(super) superseded: Superseded,
    pub(super) message_ids: MessageIds,
    pub(super) memory: MemoryBudget,
    /// Most calls of one thread at once.
    pub(super) in_flight: usize,
    /// The process stops: sessions end when nobody uses them.
    pub(super) stopping: watch::Sender<bool>,
    /// What the profile's service does; taken once.
    pub(super) work: Mutex<Option<NurseryWork>>,
}

impl RocketMqPlan {
    /// Connects to nothing yet. The connections' tasks run where this is called.
    pub(in crate::upstream) fn new(
        config: &ProfileConfig,
        own: &RocketMqConfig,
        profile: &Profile,
        resources: &PlanResources<'_>,
    ) -> Result<Arc<Self>, PlanError> {
        // No other process has it: the server keeps settings by the clients' ids.
        let prefix = format!("mq-gateway@{}@", resources.random.letters_and_digits(16)?);
        let (nursery, work) = Nursery::new();
        let (stopping, stops) = watch::channel(false);
        let background = (nursery.clone(), stops.clone());
        let link = Arc::new(Link::new(config, own, profile, format!("{prefix}p"), resources, background)?);
        let routes = Arc::<Routes>::default();
        let sessions = Sessions::new(Arc::clone(&link), nursery.clone(), stops, prefix, own.max_sessions);
        let polls = Polls::new(Arc::clone(&link), Arc::clone(&routes), sessions, nursery, resources.memory.clone());
        Ok(Arc::new(Self {
            link,
            settings: own.clone(),
            routes,
            polls: Arc::new(polls),
            superseded: Superseded::default(),
            message_ids: MessageIds::new(&resources.random)?,
            memory: resources.memory.clone(),
            in_flight: config.connections,
            stopping,
            work: Mutex::new(Some(work)),
        }))
    }
}

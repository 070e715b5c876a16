//! The engine: what its operations share, its beginning and its end.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rusqlite::Connection;
use tokio::sync::watch;

use super::counters::Counters;
use super::dead_letter::is_dead_letter_topic;
use super::handle::Handle;
use super::message_ids::MessageIds;
use super::scan::Resumptions;
use super::schema::SCHEMA;
use super::settled::Settled;
use super::store_time::StoreClock;
use super::waiters::Waiters;
use super::{EngineError, EngineOptions, StoreLocation, store_time, stored_message};
use crate::clock::Clock;
use crate::model::{ConsumerGroup, Topic};
use crate::random::Random;
use crate::storage::{Access, Fault, FaultKind, Storage, to_sql};
use crate::telemetry::Histogram;

/// The embedded MQ. Clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

/// What the operations share.
pub(super) struct Shared {
    pub(super) storage: Storage,
    pub(super) options: EngineOptions,
    /// Empty when any topic may exist.
    topics: HashSet<Topic>,
    pub(super) clock: StoreClock,
    /// By the store's own time: from then on what an earlier process stored may be dropped for its age.
    pub(super) earlier_may_go_at: Arc<AtomicU64>,
    pub(super) random: Random,
    pub(super) message_ids: Arc<MessageIds>,
    pub(super) waiters: Arc<Waiters>,
    /// Given back but not yet written; a list of its own, since giving back must not wait nor fail when the queue is
    /// full. Each handle is in it once at most, so it is never longer than what is out.
    pub(super) given_back: Arc<Mutex<Vec<Handle>>>,
    pub(super) counters: Arc<Counters>,
    pub(super) resumptions: Arc<Resumptions>,
    /// A publish was refused for [`WhenFull::Refuse`], and none was taken since.
    pub(super) refusing: Arc<AtomicBool>,
    pub(super) closing: watch::Sender<bool>,
    /// Hears which deliveries are their consumer's no more.
    pub(super) settled: Arc<OnceLock<Settled>>,
}

impl Engine {
    /// Opens or makes the store at `location` and starts its thread. Who opens a file must hold its directory's lock
    /// ([`crate::storage::DataDir`]).
    ///
    /// # Errors
    /// [`EngineError::Open`] names the file; [`EngineError::Random`].
    pub fn open(
        location: StoreLocation,
        options: EngineOptions,
        clock: Clock,
        random: Random,
    ) -> Result<Self, EngineError> {
        let message_ids = Arc::new(MessageIds::new(&random)?);
        let storage = Storage::open("embedded-store", &location, SCHEMA, clock.clone())?;
        let clock = StoreClock::begin(clock);
        let topics = options.topics.iter().cloned().collect();
        let shared = Arc::new(Shared {
            storage,
            options,
            topics,
            clock,
            earlier_may_go_at: Arc::new(AtomicU64::new(u64::MAX)),
            random,
            message_ids,
            waiters: Arc::default(),
            given_back: Arc::default(),
            counters: Arc::default(),
            resumptions: Arc::default(),
            refusing: Arc::default(),
            closing: watch::Sender::new(false),
            settled: Arc::default(),
        });
        shared.settle()?;
        if shared.storage.was_damaged() {
            shared.examine()?;
        }
        Ok(Self(shared))
    }

    /// What is wrong with the store now; cheap, and never waits for the disk. Empty when nothing is.
    #[must_use]
    pub fn health(&self) -> Vec<Fault> {
        self.0.storage.faults()
    }

    /// Calls `settled` from now on, on the storage thread, with each delivery that is its consumer's no more before its
    /// visibility timeout is over: acknowledged, or nacked without a delay. What `give_back` returns its own holder knows of.
    /// Whoever sets it first keeps it.
    pub fn on_settled(&self, settled: impl Fn(&Topic, &ConsumerGroup, &dyn Fn() -> String) + Send + Sync + 'static) {
        self.0.settled.get_or_init(|| Settled::new(settled));
    }

    /// Shows in `times` how long it takes to make a group of changes durable.
    pub fn show_sync_times(&self, times: Histogram) {
        self.0.storage.show_sync_times(times);
    }

    /// Ends waiting receives with an empty answer, finishes what is queued and closes the store. Later calls get
    /// [`EngineError::Closed`].
    pub async fn close(&self) {
        self.0.closing.send_replace(true);
        self.0.write_given_back();
        self.0.storage.close().await;
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Shared {
    /// Whether the topic may be used. Dead-letter topics always may, since groups are not limited.
    pub(super) fn check_topic(&self, topic: &Topic) -> Result<(), EngineError> {
        if self.topics.is_empty() || self.topics.contains(topic) || is_dead_letter_topic(topic.as_str()) {
            return Ok(());
        }
        Err(EngineError::UnknownTopic { topic: topic.clone() })
    }

    /// Messages were found not to be what was written.
    pub(super) fn note_set_aside(&self, messages: u64) {
        if messages > 0 {
            let reason = || "messages are not what was written, and were set aside".to_owned();
            self.storage.note_failures(FaultKind::Damage, messages, reason);
        }
    }

    /// Brings the times of an earlier process to this one's, before anything else is done with them.
    fn settle(&self) -> Result<(), EngineError> {
        let (opened_at, visibility_timeout) = (self.clock.opened_at(), self.options.visibility_timeout);
        let earlier_may_go_at = Arc::clone(&self.earlier_may_go_at);
        let settle = move |connection: &Connection| store_time::settle(connection, opened_at, visibility_timeout);
        self.storage.submit(Access::Writes, settle, move |settled| match settled {
            Ok(time) => earlier_may_go_at.store(time.0, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "what an earlier process stored is not dropped for its age"),
        })?;
        Ok(())
    }

    /// Looks at all messages, before anything else is done with them.
    fn examine(self: &Arc<Self>) -> Result<(), EngineError> {
        let (owner, now) = (Arc::downgrade(self), to_sql(self.clock.now().0));
        let examine = move |connection: &Connection| stored_message::examine(connection, now);
        self.storage.submit(Access::Writes, examine, move |found| match (found, owner.upgrade()) {
            (Ok(messages), Some(shared)) => shared.note_set_aside(messages),
            (Ok(_), None) => {}
            (Err(error), _) => tracing::error!(%error, "the messages of a damaged store could not be looked at"),
        })?;
        Ok(())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("options", &self.0.options).finish_non_exhaustive()
    }
}

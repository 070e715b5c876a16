//! Receiving: look, and where nothing is there, wait.

use std::sync::{Arc, Weak};
use std::time::Duration;

use rusqlite::Connection;

use super::dead_letter::is_dead_letter_topic;
use super::engine::Shared;
use super::handle::{Handle, Nonce};
use super::interest::Interest;
use super::scan::Scan;
use super::take::{Take, Taken, take};
use super::waiters::Waiters;
use super::{Engine, EngineError};
use crate::model::{ConsumerGroup, Delivery, TagFilter, Topic};
use crate::storage::Access;

/// Most messages of one receive, whatever it asks for.
const MAX_MESSAGES: u32 = 256;
/// Until a receive that was woken looks again when the storage queue was full.
const PAUSE_WHEN_OVERLOADED: Duration = Duration::from_millis(20);
/// Looks that go on where the one before had to stop although the time to wait is over: an answer is due then.
const LOOKS_AFTER_DEADLINE: u32 = 64;

/// What a consumer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumeRequest {
    /// Where from.
    pub topic: Topic,
    /// For whom; the group exists from now on.
    pub group: ConsumerGroup,
    /// Only messages with these tags; `None` for all. The others stay for receives of the group that want them.
    pub tags: Option<TagFilter>,
    /// Each message group in order: several of its messages may come in one answer, and nothing more of it until all
    /// that the group of consumers got are acknowledged or dead letters; what comes back comes before what is new.
    /// Messages without a message group are one among themselves. What `tags` does not want is not waited for. Receives
    /// that are not ordered neither wait for message groups nor are kept from them.
    pub ordered: bool,
    /// Messages wanted, 1 to 256; others are taken for the nearer of the two.
    pub max_messages: u32,
    /// No more messages once their bodies have this many bytes; one comes in any case.
    pub max_bytes: usize,
    /// How long to wait while nothing is there.
    pub wait: Duration,
    /// How long nobody else of the group gets what comes; `None` is as long as the engine's options say.
    pub visibility_timeout: Option<Duration>,
}

impl Engine {
    /// Takes messages for the group, at once when any is there, else as soon as one comes within the time to wait.
    /// Empty when none came, and when the engine is closed meanwhile. What was taken when the future is dropped is
    /// given back at once.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is taken then.
    pub async fn receive(&self, request: ConsumeRequest) -> Result<Vec<Delivery>, EngineError> {
        let shared = self.shared();
        shared.check_topic(&request.topic)?;
        let deadline = shared.clock.now() + request.wait;
        let interest = Interest { tags: request.tags.clone(), ordered: request.ordered };
        let waiter = shared.waiters.register(request.topic.as_str(), request.group.as_str(), &interest);
        let mut closing = shared.closing.subscribe();
        let mut waited = false;
        let mut looks_left = LOOKS_AFTER_DEADLINE;
        let mut unfinished = Unfinished { scan: Scan::default(), waiters: &shared.waiters, request: &request };
        loop {
            let overloaded = match shared.look(&request, &interest, &unfinished.scan).await {
                Ok(undelivered) if !undelivered.is_empty() => {
                    unfinished.scan = Scan::default();
                    return Ok(undelivered.hand_over());
                }
                // Each look has come on, and there may be something further on.
                Ok(mut undelivered) if undelivered.taken.goes_on() && looks_left > 0 && !*closing.borrow() => {
                    unfinished.scan = std::mem::take(&mut undelivered.taken.scan);
                    if shared.clock.now() >= deadline {
                        looks_left -= 1;
                    }
                    continue;
                }
                Ok(mut undelivered) => {
                    // Kept where it goes on, which others learn when this receive ends.
                    unfinished.scan = std::mem::take(&mut undelivered.taken.scan);
                    false
                }
                // Who has waited for this look goes on: its wake-up was for a message that somebody must take.
                Err(EngineError::Overloaded) if waited => true,
                Err(error) => return Err(error),
            };
            let now = shared.clock.now();
            if now >= deadline {
                return Ok(Vec::new());
            }
            waited = true;
            if !overloaded {
                unfinished.scan = Scan::default();
            }
            let look_again_at = if overloaded { deadline.min(now + PAUSE_WHEN_OVERLOADED) } else { deadline };
            // A message that came between the look and here has left its wake-up.
            tokio::select! {
                biased;
                () = waiter.message() => {}
                () = waiter.due(&shared.clock) => {}
                _ = closing.wait_for(|closing| *closing) => return Ok(Vec::new()),
                () = shared.clock.sleep_until(look_again_at) => if !overloaded { return Ok(Vec::new()) },
            }
        }
    }
}

impl Shared {
    /// Takes what is there now.
    async fn look(
        self: &Arc<Self>,
        request: &ConsumeRequest,
        interest: &Interest,
        scan: &Scan,
    ) -> Result<Undelivered, EngineError> {
        self.write_given_back();
        let nonces = self.nonces(request.max_messages.clamp(1, MAX_MESSAGES))?;
        let asked = Take {
            topic: request.topic.clone(),
            group: request.group.clone(),
            interest: interest.clone(),
            starts: self.options.new_group_starts,
            visibility_timeout: request.visibility_timeout.unwrap_or(self.options.visibility_timeout),
            chose_visibility_timeout: request.visibility_timeout.is_some(),
            max_deliveries: (!is_dead_letter_topic(request.topic.as_str()))
                .then(|| self.options.max_redeliveries.saturating_add(1)),
            nonces,
            max_bytes: request.max_bytes,
            scan: scan.clone(),
            resumptions: Arc::clone(&self.resumptions),
            message_ids: Arc::clone(&self.message_ids),
        };
        let (clock, owner) = (self.clock.clone(), Arc::downgrade(self));
        let work = move |connection: &Connection| {
            // The time of the look itself: what the job waited in the queue is not taken from the consumer's.
            let taken = take(connection, &asked, clock.moment())?;
            let (owner, topic, group) = (owner.clone(), asked.topic.clone(), asked.group.clone());
            Ok(Undelivered { taken, committed: false, owner, topic, group })
        };
        let (waiters, counters) = (Arc::clone(&self.waiters), Arc::clone(&self.counters));
        let (topic, group, interest) = (request.topic.clone(), request.group.clone(), interest.clone());
        let committed = move |undelivered: &mut Undelivered| {
            undelivered.committed = true;
            if let Some(shared) = undelivered.owner.upgrade() {
                shared.note_set_aside(undelivered.taken.set_aside);
            }
            let taken = &undelivered.taken;
            counters.add_dead_lettered(taken.dead_letter_topics.len());
            let due_came = waiters.set_due(topic.as_str(), group.as_str(), taken.looked_at, taken.next_due);
            for topic in &taken.dead_letter_topics {
                waiters.wake_topic(topic);
            }
            if taken.took_in_delayed {
                waiters.wake_topic(topic.as_str());
            } else if taken.more {
                // There may be more than this receive wanted: wake-ups that nobody waited for have become one, and what
                // becomes due is announced once.
                waiters.wake_group(topic.as_str(), group.as_str());
            } else if taken.filtered_out || (taken.left_due && due_came) {
                // Only what is new wakes, so that two who want different things do not wake each other for ever.
                waiters.wake_others(topic.as_str(), group.as_str(), &interest);
            }
            if !taken.dead_letter_topics.is_empty() {
                waiters.wake_ordered(topic.as_str(), group.as_str());
            }
        };
        Ok(self.storage.run_then(Access::Writes, work, committed).await?)
    }

    /// The random parts of this many handles.
    fn nonces(&self, number: u32) -> Result<Vec<Nonce>, EngineError> {
        let mut nonces = vec![Nonce::default(); usize::try_from(number).unwrap_or(0)];
        self.random.fill(nonces.as_flattened_mut())?;
        Ok(nonces)
    }
}

/// A receive that has looked at a part. Its wake-up was for a message that may be further on: when it ends before,
/// somebody else must look.
struct Unfinished<'a> {
    scan: Scan,
    waiters: &'a Waiters,
    request: &'a ConsumeRequest,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.scan.goes_on() {
            self.waiters.wake_ordered(self.request.topic.as_str(), self.request.group.as_str());
        }
    }
}

/// What was taken and nobody has yet: given back when dropped, wherever the receive was abandoned.
#[derive(Debug)]
struct Undelivered {
    taken: Taken,
    /// Until then the store knows nothing of it.
    committed: bool,
    /// Weak, so that a job in the queue does not keep the engine open.
    owner: Weak<Shared>,
    topic: Topic,
    group: ConsumerGroup,
}

impl Undelivered {
    fn is_empty(&self) -> bool {
        self.taken.deliveries.is_empty()
    }

    /// From here on the deliveries are the caller's.
    fn hand_over(mut self) -> Vec<Delivery> {
        self.taken.scan = Scan::default();
        std::mem::take(&mut self.taken.deliveries)
    }
}

impl Drop for Undelivered {
    fn drop(&mut self) {
        let goes_on = self.taken.scan.goes_on();
        if !self.committed || (self.is_empty() && !goes_on) {
            return;
        }
        if let Some(shared) = self.owner.upgrade() {
            if goes_on {
                // As for an `Unfinished`: the receive ended before it learnt of this look.
                shared.waiters.wake_ordered(self.topic.as_str(), self.group.as_str());
            }
            shared.give_back(
                self.taken.deliveries.iter().filter_map(|delivery| Handle::decode(delivery.handle.as_str())),
            );
        }
    }
}

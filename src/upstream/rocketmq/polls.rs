//! The polls of one profile: as many as there are brokers for each topic and group that somebody waits for, whatever the number of
//! those who wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::desk::{Desk, Hand, Handed};
use super::give_back::give_back;
use super::link::Link;
use super::poll::{Subject, poll};
use super::session::InUse;
use super::sessions::Sessions;
use crate::memory::MemoryBudget;
use crate::model::{ConsumerGroup, Topic};
use crate::tasks::Nursery;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// Most desks at once. Callers choose visibility timeouts, and each has its own.
const MAX_DESKS: usize = 4096;
/// The pause after a poll that failed while other brokers answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// An empty answer that comes sooner is followed by a pause.
const EARLY: Duration = Duration::from_millis(500);
const AFTER_EARLY: Duration = Duration::from_millis(200);

/// Somebody in line. Who leaves it, by going away too, leaves nothing behind that nobody looks after.
#[derive(Debug)]
pub(super) struct InLine {
    polls: Arc<Polls>,
    desk: Arc<Desk>,
    hand: Hand,
}

/// What polls need.
#[derive(Debug)]
pub(super) struct Polls {
    link: Arc<Link>,
    sessions: Sessions,
    nursery: Nursery,
    memory: MemoryBudget,
    desks: Mutex<HashMap<Subject, Arc<Desk>>>,
}

impl Polls {
    pub(super) fn new(link: Arc<Link>, sessions: Sessions, nursery: Nursery, memory: MemoryBudget) -> Self {
        Self { link, sessions, nursery, memory, desks: Mutex::default() }
    }

    /// The desk of a subject.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn desk(&self, subject: Subject) -> Result<Arc<Desk>, UpstreamError> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        if desks.len() >= MAX_DESKS {
            desks.retain(|_, desk| Arc::strong_count(desk) > 1 || !desk.is_empty());
        }
        if desks.len() >= MAX_DESKS && !desks.contains_key(&subject) {
            let detail = format!("{MAX_DESKS} kinds of receive are under way at once, the limit");
            return Err(UpstreamError::new(UpstreamErrorKind::Overloaded, detail));
        }
        let desk = desks.entry(subject.clone()).or_insert_with(|| Arc::new(Desk::new(subject)));
        Ok(Arc::clone(desk))
    }

    /// A client that the server knows, for a request that needs any.
    ///
    /// # Errors
    /// There is none, and there may be no more.
    pub(super) fn any_client(&self, group: &ConsumerGroup, topic: &Topic) -> Result<InUse, UpstreamError> {
        self.sessions.enter_any(group, topic)
    }

    /// Gets in line for up to `wants` messages, and has every broker of `brokers` asked for as long as somebody waits there.
    pub(super) fn line_up(self: &Arc<Self>, desk: Arc<Desk>, wants: u32, brokers: &[String]) -> InLine {
        let hand = desk.line_up(wants);
        for broker in desk.claim(brokers) {
            let (polls, desk) = (Arc::clone(self), Arc::clone(&desk));
            self.nursery.run(async move { polls.ask_broker(&desk, &broker).await });
        }
        InLine { polls: Arc::clone(self), desk, hand }
    }

    /// Sees to it that what is kept at a desk is given back in time.
    fn look_after(self: &Arc<Self>, desk: &Arc<Desk>) {
        if desk.next_due().is_some() {
            let (polls, desk) = (Arc::clone(self), Arc::clone(desk));
            self.nursery.run(async move { polls.keep_for_a_while(&desk).await });
        }
    }

    /// One poll after the other while somebody waits.
    async fn ask_broker(self: Arc<Self>, desk: &Arc<Desk>, broker: &str) {
        let subject = &desk.subject;
        let client = match self.sessions.enter(&subject.group, &subject.topic) {
            Ok(client) => client,
            Err(error) => return desk.refuse(broker, &error),
        };
        while let Some(batch) = desk.wanted_of(broker) {
            let began = Instant::now();
            match poll(&self.link, &client, subject, broker, batch, &self.memory).await {
                Ok(held) => {
                    let early = held.is_empty() && began.elapsed() < EARLY;
                    desk.arrived(broker, held);
                    self.look_after(desk);
                    if early {
                        sleep(AFTER_EARLY).await;
                    }
                }
                Err(error) => {
                    if desk.failed(broker, &error) {
                        desk.release(broker);
                        return;
                    }
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Gives back what nobody takes in time.
    async fn keep_for_a_while(&self, desk: &Desk) {
        let Ok(client) = self.sessions.enter(&desk.subject.group, &desk.subject.topic) else { return };
        while let Some(due) = desk.next_due() {
            sleep_until(due).await;
            give_back(&self.link, &client, &desk.subject, desk.take_due(Instant::now())).await;
        }
    }

    /// Gives back what is kept, since nobody comes any more.
    pub(super) async fn close(&self) {
        let desks: Vec<Arc<Desk>> =
            self.desks.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        for desk in desks {
            let kept = desk.take_all();
            if kept.is_empty() {
                continue;
            }
            if let Ok(client) = self.sessions.enter(&desk.subject.group, &desk.subject.topic) {
                give_back(&self.link, &client, &desk.subject, kept).await;
            }
        }
    }
}

impl InLine {
    /// Waits for what is handed over, until `end`: then there is nothing.
    pub(super) async fn handed(mut self, end: Instant) -> Handed {
        match timeout_at(end, &mut self.hand).await {
            Ok(Ok(handed)) => handed,
            // The desk is here and holds the other end: there is no such case.
            Ok(Err(_)) => Ok(Vec::new()),
            Err(_) => {
                self.hand.close();
                // What was handed over while the time ran out.
                self.hand.try_recv().unwrap_or_else(|_| Ok(Vec::new()))
            }
        }
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.desk.leave(&mut self.hand);
        self.polls.look_after(&self.desk);
    }
}

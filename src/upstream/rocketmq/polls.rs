//! The polls of one profile: as many as there are brokers for each topic and group that somebody waits for, whatever the number of
//! those who wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::desk::{Desk, Hand, Handed};
use super::give_back::{PATIENCE, give_back};
use super::held::Held;
use super::link::Link;
use super::place::Place;
use super::poll::{Subject, poll};
use super::routes::{Route, Routes};
use super::session::InUse;
use super::sessions::Sessions;
use crate::context::RequestContext;
use crate::memory::MemoryBudget;
use crate::model::{ConsumerGroup, Topic};
use crate::protocol::rocketmq::Handle;
use crate::tasks::Nursery;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// Most desks at once. Callers choose visibility timeouts, and each has its own.
const MAX_DESKS: usize = 4096;
/// The pause after a poll that failed while other brokers answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// An empty answer that comes sooner is followed by a pause.
const EARLY: Duration = Duration::from_millis(500);
const AFTER_EARLY: Duration = Duration::from_millis(200);
/// Deliveries, and desks, that are given back at the same time.
const GIVE_BACK_AT_ONCE: usize = 16;
/// How long a poll waits for its topic's route.
const ROUTE_PATIENCE: Duration = Duration::from_secs(5);

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
    routes: Arc<Routes>,
    sessions: Sessions,
    nursery: Nursery,
    memory: MemoryBudget,
    desks: Mutex<HashMap<Subject, Arc<Desk>>>,
}

impl Polls {
    pub(super) fn new(
        link: Arc<Link>,
        routes: Arc<Routes>,
        sessions: Sessions,
        nursery: Nursery,
        memory: MemoryBudget,
    ) -> Self {
        Self { link, routes, sessions, nursery, memory, desks: Mutex::default() }
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
            let detail = format!("{MAX_DESKS} kinds of receives are under way, which is the limit");
            return Err(UpstreamError::new(UpstreamErrorKind::Overloaded, detail));
        }
        let desk = desks.entry(subject.clone()).or_insert_with(|| Arc::new(Desk::new(subject)));
        Ok(Arc::clone(desk))
    }

    /// A client that the server at a place knows, for a request that needs any.
    ///
    /// # Errors
    /// There is none, and there may be no more.
    pub(super) fn any_client(
        &self,
        group: &ConsumerGroup,
        topic: &Topic,
        place: &Place,
    ) -> Result<InUse, UpstreamError> {
        self.sessions.enter_any(group, topic, place)
    }

    /// Gets in line for up to `wants` messages, and has every broker of the route asked for as long as somebody waits there.
    pub(super) fn line_up(self: &Arc<Self>, desk: Arc<Desk>, wants: u32, route: &Route) -> InLine {
        let hand = desk.line_up(wants);
        self.ask_all(&desk, route);
        InLine { polls: Arc::clone(self), desk, hand }
    }

    /// Has the brokers asked that nobody asks yet.
    fn ask_all(self: &Arc<Self>, desk: &Arc<Desk>, route: &Route) {
        for broker in desk.claim(route.readable()) {
            let (polls, desk) = (Arc::clone(self), Arc::clone(desk));
            self.nursery.run(async move { polls.ask_broker(&desk, &broker).await });
        }
    }

    /// Sees to it that what is kept at a desk is given back in time.
    fn look_after(self: &Arc<Self>, desk: &Arc<Desk>) {
        if desk.next_due().is_some() {
            let (polls, desk) = (Arc::clone(self), Arc::clone(desk));
            self.nursery.run(async move { polls.keep_for_a_while(&desk).await });
        }
    }

    /// One poll after the other while somebody waits, each where the route says then.
    async fn ask_broker(self: Arc<Self>, desk: &Arc<Desk>, broker: &str) {
        let mut client = None;
        while let Some(batch) = desk.wanted_of(broker) {
            let began = Instant::now();
            match self.ask_once(desk, broker, batch, &mut client).await {
                Ok(Some(held)) => {
                    let early = held.is_empty() && began.elapsed() < EARLY;
                    desk.arrived(broker, held);
                    self.look_after(desk);
                    if early {
                        sleep(AFTER_EARLY).await;
                    }
                }
                Ok(None) => return desk.release(broker),
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

    /// One poll; `None` where the topic is not on that broker any more. `client` is what the last one was made as.
    async fn ask_once(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        broker: &str,
        batch: u32,
        client: &mut Option<(Place, InUse)>,
    ) -> Result<Option<Vec<Held>>, UpstreamError> {
        let subject = &desk.subject;
        let context = RequestContext::shared(Instant::now() + ROUTE_PATIENCE);
        let route = self.routes.route(&self.link, &subject.topic, &context).await?;
        // One that is new.
        self.ask_all(desk, &route);
        let Some(place) = route.place_of(broker).filter(|_| route.readable().any(|it| it == broker)) else {
            return Ok(None);
        };
        let client = match client {
            Some((at, client)) if at == place => client,
            old => {
                let new = self.sessions.enter(&subject.group, &subject.topic, place)?;
                &mut old.insert((place.clone(), new)).1
            }
        };
        let polled = poll(&self.link, client, subject, broker, batch, &self.memory).await;
        polled.map(Some).inspect_err(|_| self.routes.doubt(&subject.topic))
    }

    /// Gives back what nobody takes in time.
    async fn keep_for_a_while(&self, desk: &Desk) {
        while let Some(due) = desk.next_due() {
            sleep_until(due).await;
            self.give_all_back(&desk.subject, desk.take_due(Instant::now())).await;
        }
    }

    /// Gives back what is kept, since nobody comes any more. What cannot be given back in [`PATIENCE`] comes again when its
    /// visibility timeout is over: the clients still have to say goodbye.
    pub(super) async fn close(&self) {
        let desks: Vec<Arc<Desk>> =
            self.desks.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
        let given_back = stream::iter(&desks).for_each_concurrent(GIVE_BACK_AT_ONCE, async |desk| {
            self.give_all_back(&desk.subject, desk.take_all()).await;
        });
        // Too late for the others: see above.
        drop(timeout(PATIENCE, given_back).await);
    }

    /// Gives deliveries back, each where its broker is; one after the other where their order counts.
    async fn give_all_back(&self, subject: &Subject, kept: Vec<Held>) {
        let at_once = if subject.ordered { 1 } else { GIVE_BACK_AT_ONCE };
        let each = async |held| self.give_one_back(subject, held).await;
        stream::iter(kept).for_each_concurrent(at_once, each).await;
    }

    async fn give_one_back(&self, subject: &Subject, held: Held) {
        let Subject { topic, group, .. } = subject;
        let Ok(handle) = Handle::decode(held.delivery.handle.as_str()) else { return };
        let context = RequestContext::shared(Instant::now() + PATIENCE);
        let brokers = std::iter::once(handle.broker());
        let Ok(place) = self.routes.place_of(&self.link, topic, brokers, &context).await else { return };
        if let Ok(client) = self.sessions.enter(group, topic, &place) {
            give_back(&self.link, &client, subject, &handle).await;
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

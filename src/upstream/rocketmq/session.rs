//! One consumer group's client at one place of the MQ: its settings on the telemetry stream, the server's answer to them,
//! heartbeats, its end.
//!
//! The server keeps settings by the client's id, and loses them when it restarts, when the client says goodbye, and without a word
//! two minutes after the last heartbeat (protocol notes RocketMQ 5, section 3). Whoever finds them lost has them sent again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::poll_fn;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};

use super::link::Link;
use super::outcome::{Asked, code, refusal, verdict};
use super::place::{Place, Spot};
use crate::model::{ConsumerGroup, Topic};
use crate::outbound::{GrpcStream, Verdict};
use crate::protocol::rocketmq::wire::{
    ClientType, Command, HeartbeatRequest, HeartbeatResponse, NotifyClientTerminationRequest,
    NotifyClientTerminationResponse, Settings, TelemetryCommand,
};
use crate::protocol::rocketmq::{Code, Method, consumer_settings, group_settings, settings_are_lost};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// The settings of a client that is silent are lost after two minutes.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a call of the session's own may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Without use for so long, a session ends.
const IDLE: Duration = Duration::from_secs(120);
const IDLE_LOOK: Duration = Duration::from_secs(5);
/// The pause before a session that failed begins anew; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// One group's client, shared by everybody who receives for it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) group: ConsumerGroup,
    /// Where it is known to the MQ.
    pub(super) place: Place,
    pub(super) client_id: String,
    /// The settings name a topic; which does not matter to the server.
    topic: Topic,
    state: watch::Sender<State>,
    in_use: AtomicUsize,
    /// A std lock: held for a few words, never over an await.
    last_used: Mutex<Instant>,
    /// The settings were found lost.
    renew: Notify,
    /// Somebody else needs the place.
    give_way: Notify,
}

#[derive(Debug, Clone)]
enum State {
    /// It begins, or begins anew.
    Starting,
    Ready(Ready),
    /// The last attempt failed; after a pause there is another.
    Failed(UpstreamError),
    Ended,
}

/// A client that the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    /// Where its settings are.
    pub(super) spot: Spot,
    /// The server delivers to its group in order.
    pub(super) ordered: bool,
    /// How many times they were sent.
    pub(super) epoch: u64,
}

/// Somebody receives: the session does not end.
#[derive(Debug)]
pub(super) struct InUse(Arc<Session>);

/// Why a conversation with the server ended.
enum Over {
    /// It is begun anew.
    Lost,
    /// Nobody needs it.
    Ended,
}

impl Session {
    pub(super) fn new(group: ConsumerGroup, place: Place, topic: Topic, client_id: String) -> Self {
        Self {
            group,
            place,
            client_id,
            topic,
            state: watch::Sender::new(State::Starting),
            in_use: AtomicUsize::new(0),
            last_used: Mutex::new(Instant::now()),
            renew: Notify::new(),
            give_way: Notify::new(),
        }
    }

    /// Notes a use, for as long as the value lives; `None` where the session has ended, be it that it still says goodbye.
    pub(super) fn enter(self: &Arc<Self>) -> Option<InUse> {
        // Before the look: see `try_end`.
        let in_use = InUse::of(self);
        (!matches!(*self.state.borrow(), State::Ended)).then_some(in_use)
    }

    /// Ends it, unless somebody uses it; whether it has ended. Whoever comes at the same moment is seen here or finds it ended.
    fn try_end(&self) -> bool {
        self.state.send_if_modified(|state| {
            let is_unused = self.in_use.load(Ordering::SeqCst) == 0;
            if is_unused {
                *state = State::Ended;
            }
            is_unused
        })
    }

    /// How long nobody has used it; `None` while somebody does.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let is_idle = self.in_use.load(Ordering::SeqCst) == 0;
        is_idle.then(|| self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed())
    }

    fn is_idle_too_long(&self) -> bool {
        self.idle_for().is_some_and(|idle| idle >= IDLE)
    }

    /// Asks a session that nobody uses to end.
    pub(super) fn make_room(&self) {
        self.give_way.notify_one();
    }

    /// Waits until the server knows the client.
    ///
    /// # Errors
    /// Why it does not; at once where the last attempt failed.
    pub(super) async fn ready(&self, deadline: Instant) -> Result<Ready, UpstreamError> {
        let mut states = self.state.subscribe();
        let decided = states.wait_for(|state| !matches!(state, State::Starting));
        let state = match timeout_at(deadline, decided).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => State::Ended,
            Err(_) => {
                let detail = "the MQ did not answer to the settings of the group's client in time";
                return Err(UpstreamError::new(UpstreamErrorKind::Timeout, detail));
            }
        };
        match state {
            State::Ready(ready) => Ok(ready),
            State::Failed(error) => Err(error),
            State::Starting | State::Ended => {
                Err(UpstreamError::new(UpstreamErrorKind::Overloaded, "the group's client has just ended"))
            }
        }
    }

    /// The settings of this epoch are lost: they are sent again.
    pub(super) fn renew(&self, epoch: u64) {
        let is_current = |state: &mut State| {
            let current = matches!(state, State::Ready(ready) if ready.epoch == epoch);
            if current {
                *state = State::Starting;
            }
            current
        };
        if self.state.send_if_modified(is_current) {
            self.renew.notify_one();
        }
    }

    /// Lives: until nobody has used it for two minutes, or the process stops and nobody uses it any more.
    pub(super) async fn run(self: Arc<Self>, link: Arc<Link>, mut stopping: watch::Receiver<bool>) {
        let mut pause = FIRST_PAUSE;
        for epoch in 1.. {
            match self.begin(&link).await {
                Ok((spot, ordered, conversation, stream)) => {
                    pause = FIRST_PAUSE;
                    self.state.send_replace(State::Ready(Ready { spot: spot.clone(), ordered, epoch }));
                    let over = self.live(&link, &spot, stream, &mut stopping).await;
                    drop(conversation);
                    if matches!(over, Over::Ended) {
                        break;
                    }
                    self.state.send_replace(State::Starting);
                    tracing::info!(
                        profile = link.profile.name,
                        group = self.group.as_str(),
                        "the MQ's side of a group's client is lost: it is begun anew"
                    );
                }
                Err(error) => {
                    self.state.send_replace(State::Failed(error));
                    let stop = async {
                        tokio::select! {
                            _ = stopping.wait_for(|stopping| *stopping) => {}
                            () = self.give_way.notified() => {}
                        }
                    };
                    let has_stopped = timeout(pause, stop).await.is_ok();
                    if has_stopped || (self.is_idle_too_long() && self.try_end()) {
                        break;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    // Who waited for this attempt has its error; who comes from here on waits for the next.
                    self.state.send_replace(State::Starting);
                }
            }
        }
        self.state.send_replace(State::Ended);
    }

    /// Sends the settings to the first server that takes them, and waits for the answer.
    async fn begin(
        &self,
        link: &Link,
    ) -> Result<(Spot, bool, Conversation, GrpcStream<TelemetryCommand>), UpstreamError> {
        let deadline = Instant::now() + PATIENCE;
        let mut failure =
            UpstreamError::new(UpstreamErrorKind::Unreachable, "no endpoint of the MQ is tried at the moment");
        for spot in link.spots(&self.place, deadline).await? {
            match self.begin_at(link, &spot, Instant::now() + PATIENCE).await {
                Ok((ordered, conversation, stream)) => {
                    link.note_session_began(&spot).await;
                    return Ok((spot, ordered, conversation, stream));
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn begin_at(
        &self,
        link: &Link,
        spot: &Spot,
        deadline: Instant,
    ) -> Result<(bool, Conversation, GrpcStream<TelemetryCommand>), UpstreamError> {
        let (conversation, mut outgoing) = mpsc::channel(1);
        let settings = TelemetryCommand { status: None, command: Some(Command::Settings(self.settings(link))) };
        // The channel was made with room for it.
        drop(conversation.try_send(settings));
        let outgoing = poll_fn(move |context| outgoing.poll_recv(context));
        let begun = link.conversation_at(spot, &self.client_id, Method::Telemetry, outgoing, deadline).await;
        if verdict(&begun, PATIENCE) == Some(Verdict::Unanswered) {
            link.note_no_session(spot).await;
        }
        let mut stream: GrpcStream<TelemetryCommand> = begun?;
        loop {
            let next = timeout_at(deadline, stream.next()).await.map_err(|_| {
                let detail = "the MQ did not answer to the settings of the group's client in time";
                UpstreamError::new(UpstreamErrorKind::Timeout, detail)
            })?;
            let Some(TelemetryCommand { status, command }) = next? else {
                let detail = "the MQ ended the telemetry stream before it answered to the settings";
                return Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail));
            };
            if status.is_some() && code(status.as_ref())? != Code::Ok {
                return Err(refusal(status.as_ref(), Asked::Receive));
            }
            if let Some(Command::Settings(settings)) = command {
                return Ok((group_settings(&settings).ordered, conversation, stream));
            }
        }
    }

    /// Keeps the conversation alive.
    async fn live(
        &self,
        link: &Link,
        spot: &Spot,
        mut stream: GrpcStream<TelemetryCommand>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Over {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(IDLE_LOOK);
        loop {
            tokio::select! {
                // Whatever else the server says there is for clients of another kind.
                said = stream.next() => match said {
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return Over::Lost,
                },
                _ = heartbeat.tick() => {
                    if self.is_forgotten(link, spot).await {
                        return Over::Lost;
                    }
                }
                () = self.renew.notified() => return Over::Lost,
                () = self.give_way.notified() => {
                    if self.try_end() {
                        return self.say_goodbye(link, spot).await;
                    }
                }
                _ = look.tick() => {
                    if self.is_idle_too_long() && self.try_end() {
                        return self.say_goodbye(link, spot).await;
                    }
                }
                () = unused(stopping, &self.in_use) => if self.try_end() {
                    return self.say_goodbye(link, spot).await;
                },
            }
        }
    }

    /// Says that the client is there; whether the server does not know it any more.
    async fn is_forgotten(&self, link: &Link, spot: &Spot) -> bool {
        let group = Some(link.resource(self.group.as_str()));
        let request = HeartbeatRequest { group, client_type: ClientType::SimpleConsumer.into() };
        let deadline = Instant::now() + PATIENCE;
        let answer = link.call_at(spot, &self.client_id, Method::Heartbeat, request, deadline).await;
        // Without an answer nothing is known; the stream tells when the server is gone.
        let Ok(HeartbeatResponse { status: Some(status) }) = answer else { return false };
        settings_are_lost(Code::of(status.code), &status.message)
    }

    /// Says goodbye, so that the server forgets the client now and not minutes later.
    async fn say_goodbye(&self, link: &Link, spot: &Spot) -> Over {
        let request = NotifyClientTerminationRequest { group: Some(link.resource(self.group.as_str())) };
        let deadline = Instant::now() + PATIENCE;
        let said: Result<NotifyClientTerminationResponse, _> =
            link.call_at(spot, &self.client_id, Method::NotifyClientTermination, request, deadline).await;
        if let Err(error) = said {
            let reason = error.to_string();
            tracing::debug!(profile = link.profile.name, group = self.group.as_str(), reason, "no goodbye to the MQ");
        }
        Over::Ended
    }

    fn settings(&self, link: &Link) -> Settings {
        consumer_settings(link.resource(self.group.as_str()), link.resource(self.topic.as_str()), PATIENCE)
    }
}

/// Our half of the telemetry stream: the server ends its own when this is dropped.
type Conversation = mpsc::Sender<TelemetryCommand>;

/// Waits until the process stops and nobody uses the session any more.
async fn unused(stopping: &mut watch::Receiver<bool>, in_use: &AtomicUsize) {
    const LOOK: Duration = Duration::from_millis(50);
    // An error means that the profile is gone.
    drop(stopping.wait_for(|stopping| *stopping).await);
    while in_use.load(Ordering::SeqCst) > 0 {
        sleep(LOOK).await;
    }
}

impl InUse {
    /// Notes a use, without a look at whether the session has ended.
    pub(super) fn of(session: &Arc<Session>) -> Self {
        session.in_use.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(session))
    }

    pub(super) fn session(&self) -> &Session {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.in_use.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Arc<Session> {
        let (group, topic) = (ConsumerGroup::parse("g").unwrap(), Topic::parse("t").unwrap());
        Arc::new(Session::new(group, Place::Anywhere, topic, "client".to_owned()))
    }

    #[tokio::test]
    async fn nobody_enters_a_session_that_has_ended_and_none_ends_with_somebody_in_it() {
        let session = session();
        let user = session.enter().unwrap();
        assert!(!session.try_end(), "somebody uses it");
        drop(user);
        assert!(session.enter().is_some(), "it goes on");
        assert!(session.try_end());
        assert!(session.enter().is_none(), "it says goodbye");
        assert!(session.idle_for().is_some(), "who did not get in does not count");
    }
}

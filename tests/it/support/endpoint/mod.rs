//! The checking MQ endpoint: a server of ONS HTTP or MQ HTTP on raw sockets that checks every request.
//!
//! It records each request byte by byte, verifies it with the tests' own code, and answers from a small memory broker
//! or by a script. What it finds wrong fails the test, at the latest when it is dropped.

mod broker;
mod check;
pub mod check_mq;
mod request;
pub mod script;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use self::request::Recorded;
pub use self::script::{
    Gate, Script, Step, answer_then_close, applied_then, closed, drip, good, held, never, raw, reset, respond,
};

use self::broker::Broker;
use self::check::Identities;
use self::request::{Incoming, Reader};
use super::ons::Credentials;
use super::time;

/// The script for a request, where the rule has one.
type Rule = Box<dyn Fn(&Recorded) -> Option<Script> + Send>;

/// A running endpoint.
pub struct Endpoint {
    shared: Arc<Shared>,
}

struct Shared {
    address: SocketAddr,
    credentials: Credentials,
    state: Mutex<State>,
    changed: Condvar,
    stopped: AtomicBool,
    /// The thread that accepts, and what ends it; `None` while the endpoint is away.
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    go_on: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    requests: Vec<Recorded>,
    /// How many came, recorded or not.
    seen: usize,
    /// Requests are counted and not kept.
    unrecorded: bool,
    frozen: bool,
    identities: Identities,
    open: HashMap<usize, TcpStream>,
    /// Indices of requests whose sender went away before the answer was complete.
    given_up: Vec<usize>,
    scripts: VecDeque<Script>,
    rule: Option<Rule>,
    failures: Vec<String>,
    connections: usize,
    in_flight: usize,
    most_in_flight: usize,
    broker: Broker,
}

/// What follows an answer on its connection.
#[derive(PartialEq, Eq)]
enum AfterAnswer {
    Read,
    Close,
}

impl Endpoint {
    /// Starts one with credentials of its own.
    pub fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST)
    }

    /// Starts one that speaks MQ HTTP. Without a script a publish is stored, a poll finds nothing, an acknowledgement
    /// succeeds.
    pub fn start_mq() -> Self {
        let endpoint = Self::start();
        endpoint.shared.update(|state| state.identities.speaks_mq = true);
        endpoint
    }

    /// Starts one at this address of the loopback network. One of its own keeps the port while the endpoint is away.
    pub fn start_at(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let credentials = Credentials::of(&format!("endpoint-{}", address.port()));
        let state = State { identities: Identities::only(credentials.clone()), ..State::default() };
        let shared = Arc::new(Shared {
            address,
            credentials,
            state: Mutex::new(state),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
            listening: Mutex::default(),
        });
        shared.listen(listener);
        Self { shared }
    }

    /// Goes away: connects are refused, open connections end, requests under way are given up.
    pub fn go_away(&self) {
        self.shared.go_away();
    }

    /// Comes back at the same address.
    #[track_caller]
    pub fn come_back(&self) {
        let listener = time::until("the endpoint's port", || TcpListener::bind(self.shared.address).ok());
        self.shared.listen(listener);
    }

    /// Like SIGSTOP: connections are accepted, bytes are taken, and nothing is done with them until [`Self::thaw`].
    pub fn freeze(&self) {
        self.shared.update(|state| state.frozen = true);
    }

    /// Like SIGCONT: what came meanwhile is done, even where the sender has gone.
    pub fn thaw(&self) {
        self.shared.update(|state| state.frozen = false);
    }

    /// Accepts these credentials, too.
    pub fn accept_also(&self, credentials: &Credentials) {
        self.shared.update(|state| state.identities.accepted.push(credentials.clone()));
    }

    /// Refuses these credentials from now on: a 403, but nothing wrong with the gateway.
    pub fn retire(&self, credentials: &Credentials) {
        self.shared.update(|state| state.identities.retire(&credentials.access_key));
    }

    /// Sets the endpoint's clock so much before (or behind) the machine's: other times are refused with a `Date`.
    pub fn set_clock(&self, ahead_millis: i64) {
        self.shared.update(|state| state.identities.ahead_millis = Some(ahead_millis));
    }

    /// From now on requests are counted and not kept: for long runs.
    pub fn stop_recording(&self) {
        self.shared.update(|state| state.unrecorded = true);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    pub fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }

    /// The next request is answered by this script; those after the last script get the good answer.
    pub fn script(&self, script: Script) {
        self.shared.update(|state| state.scripts.push_back(script));
    }

    /// Requests for which `rule` returns a script are answered by it; it goes before the queue of scripts.
    pub fn rule(&self, rule: impl Fn(&Recorded) -> Option<Script> + Send + 'static) {
        self.shared.update(|state| state.rule = Some(Box::new(rule)));
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().requests.clone()
    }

    pub fn request_count(&self) -> usize {
        self.shared.lock().seen
    }

    /// The one request that came.
    #[track_caller]
    pub fn only_request(&self) -> Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "exactly one request: {requests:#?}");
        requests.remove(0)
    }

    /// The newest request.
    #[track_caller]
    pub fn last_request(&self) -> Recorded {
        self.requests().pop().expect("a request came")
    }

    /// Waits until at least `count` requests have come.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> Vec<Recorded> {
        time::until(&format!("{count} requests at the endpoint"), || {
            let requests = self.requests();
            (requests.len() >= count).then_some(requests)
        })
    }

    /// Waits until at least `count` requests have come, recorded or not.
    #[track_caller]
    pub fn wait_for_any(&self, count: usize) {
        time::until(&format!("{count} requests at the endpoint"), || (self.request_count() >= count).then_some(()));
    }

    /// Whether the sender of request `index` goes away within `limit` without waiting for its answer.
    pub fn gives_up_within(&self, index: usize, limit: Duration) -> bool {
        time::within(limit, || self.shared.lock().given_up.contains(&index).then_some(())).is_some()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// The most requests that were being answered at once.
    pub fn most_in_flight(&self) -> usize {
        self.shared.lock().most_in_flight
    }

    /// Puts a message where a consume finds it, as the JSON object that is answered; `msgHandle` is set where missing.
    pub fn offer(&self, topic: &str, message: Value) {
        self.shared.update(|state| state.broker.offer(topic, message));
    }

    /// Bodies stored by publishes to `topic`, in order.
    pub fn stored(&self, topic: &str) -> Vec<Vec<u8>> {
        self.shared.lock().broker.bodies(topic)
    }

    /// The handles that were deleted, decoded, in order.
    pub fn deleted(&self) -> Vec<String> {
        self.shared.lock().broker.deleted.clone()
    }

    /// Takes what was found wrong: for the tests of this endpoint.
    pub fn take_failures(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().failures)
    }

    /// Fails the test when any request was not as it must be.
    #[track_caller]
    pub fn assert_clean(&self) {
        let failures = self.take_failures();
        assert!(failures.is_empty(), "the endpoint found:\n{}", failures.join("\n"));
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thaw();
        self.shared.go_away();
        if !std::thread::panicking() {
            self.assert_clean();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn listen(self: &Arc<Self>, listener: TcpListener) {
        let go_on = Arc::new(AtomicBool::new(true));
        let (accepting, going_on) = (Arc::clone(self), Arc::clone(&go_on));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if !going_on.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    let serving = Arc::clone(&accepting);
                    let connection = accepting.update(|state| {
                        state.open.extend(stream.try_clone().map(|clone| (state.connections, clone)));
                        state.connections += 1;
                        state.connections - 1
                    });
                    std::thread::spawn(move || {
                        serving.serve(stream, connection);
                        serving.update(|state| state.open.remove(&connection));
                    });
                }
            }
        });
        *self.listening() = Some(Listening { go_on, thread });
    }

    fn go_away(&self) {
        if let Some(listening) = self.listening().take() {
            listening.go_on.store(false, Ordering::SeqCst);
            // Wakes the accepting thread.
            drop(TcpStream::connect(self.address));
            let _ = listening.thread.join();
        }
        for stream in self.lock().open.values() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    fn listening(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream, connection: usize) {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_write_timeout(Some(Duration::from_secs(10)));
        let mut reader = Reader::new(stream);
        loop {
            match reader.next(connection, || self.stopped()) {
                Incoming::Request(request) => {
                    self.wait_while_frozen();
                    if self.answer(&mut reader, *request) == AfterAnswer::Close {
                        return;
                    }
                }
                Incoming::Invalid(what) => {
                    self.update(|state| state.failures.push(what));
                    return;
                }
                Incoming::End => return,
            }
        }
    }

    fn answer(&self, reader: &mut Reader, request: Recorded) -> AfterAnswer {
        let (index, script) = self.update(|state| {
            let failures = check::failures(&request, &state.identities);
            let refused = failures.iter().any(|failure| failure.refuses);
            let faults = failures.into_iter().filter(|failure| !failure.expected);
            state.failures.extend(faults.map(|failure| failure.text));
            let ruled = if refused { None } else { state.rule.as_ref().and_then(|rule| rule(&request)) };
            let scripted = ruled.or_else(|| state.scripts.pop_front());
            let usual = if refused { refusal(&state.identities) } else { good() };
            if !state.unrecorded {
                state.requests.push(request.clone());
            }
            state.seen += 1;
            state.in_flight += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
            (state.seen - 1, scripted.unwrap_or(usual))
        });
        let then = self.play(reader.stream(), index, &request, script);
        self.update(|state| state.in_flight -= 1);
        then
    }

    fn play(&self, stream: &mut TcpStream, index: usize, request: &Recorded, script: Script) -> AfterAnswer {
        for step in script {
            let sent = match step {
                Step::Apply => {
                    self.update(|state| state.broker.apply(request));
                    true
                }
                Step::Answer => {
                    self.usual_answer(stream, request).is_none_or(|answer| stream.write_all(&answer).is_ok())
                }
                Step::Send(bytes) => stream.write_all(&bytes).is_ok(),
                Step::Drip(bytes, every) => bytes.iter().all(|&byte| {
                    let written = stream.write_all(&[byte]).is_ok();
                    written && !self.peer_left(stream, every)
                }),
                Step::Pause(pause) => !self.peer_left(stream, pause),
                Step::Await(gate) => self.wait_for_gate(stream, &gate),
                Step::Hold => !self.peer_left(stream, Duration::from_secs(120)),
                Step::Finish => return AfterAnswer::Close,
                Step::Reset => {
                    script::reset_connection(stream);
                    return AfterAnswer::Close;
                }
            };
            if !sent {
                self.update(|state| state.given_up.push(index));
                return AfterAnswer::Close;
            }
        }
        AfterAnswer::Read
    }

    /// The answer of a good endpoint; a consume waits as long as it was asked to. `None` where the peer left meanwhile.
    fn usual_answer(&self, stream: &TcpStream, request: &Recorded) -> Option<Vec<u8>> {
        if self.lock().identities.speaks_mq {
            return Some(check_mq::usual_answer(request));
        }
        let wait = request.parameter("timeout").and_then(|text| text.parse().ok()).unwrap_or(0);
        let deadline = Instant::now() + Duration::from_millis(wait);
        loop {
            let (answer, empty) = self.update(|state| state.broker.apply(request));
            if !empty || Instant::now() >= deadline {
                return Some(answer);
            }
            if self.peer_left(stream, Duration::from_millis(10)) {
                let index = self.lock().requests.iter().rposition(|recorded| recorded.raw == request.raw);
                self.update(|state| state.given_up.extend(index));
                return None;
            }
        }
    }

    fn wait_while_frozen(&self) {
        let state = self.changed.wait_while(self.lock(), |state| state.frozen);
        drop(state.unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    fn wait_for_gate(&self, stream: &TcpStream, gate: &Gate) -> bool {
        while !gate.is_open() {
            if self.stopped() || self.peer_left(stream, Duration::from_millis(5)) {
                return false;
            }
        }
        true
    }

    /// Waits for `limit`, or less when the peer ends the connection.
    fn peer_left(&self, stream: &TcpStream, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while !self.stopped() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let slice = left.min(Duration::from_millis(50)).max(Duration::from_millis(1));
            stream.set_read_timeout(Some(slice)).expect("a timeout can be set");
            match stream.peek(&mut [0]) {
                Ok(0) => return true,
                // More requests on the same connection: they are read later.
                Ok(_) => std::thread::sleep(slice),
                Err(error) if request::is_pause(&error) => {}
                Err(_) => return true,
            }
        }
        true
    }
}

/// 403, with the time where a test set the clock.
fn refusal(identities: &Identities) -> Script {
    match identities.date() {
        Some(date) => respond(403, &[&date], ""),
        None => respond(403, &[], ""),
    }
}

//! The callers: a bounded closed loop that logs each attempt before it is sent, and its outcome afterwards.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::oracle::Attempt;
use super::random::Random;
use super::support::Connection;
use super::support::client::{NoResponse, Response};

/// Longer than any publish of this suite may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Load {
    pub topic: String,
    pub seed: u64,
    /// Callers, each with a keep-alive connection and a message group of its own.
    pub connections: u64,
    /// Between two requests of one caller.
    pub pause: Duration,
    /// How often a message is tried that was not published.
    pub attempts: u64,
    /// Where the messages' numbers begin: two loads on one MQ need two ranges.
    pub first: u64,
}

impl Load {
    pub fn new(topic: &str, seed: u64) -> Self {
        Self { topic: topic.to_owned(), seed, connections: 16, pause: Duration::from_millis(20), attempts: 6, first: 0 }
    }

    pub fn connections(self, connections: u64) -> Self {
        Self { connections, ..self }
    }

    pub fn first_message(self, first: u64) -> Self {
        Self { first, ..self }
    }
}

/// What the caller learned of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 201 and the message id.
    Published(String),
    NotPublished(String),
    Unknown(String),
    /// No answer at all.
    NoAnswer(String),
    /// An answer that the contract does not have.
    OutsideContract(String),
}

/// One request and its end.
#[derive(Clone, Debug)]
pub struct Finished {
    pub attempt: Attempt,
    pub caller: u64,
    pub started: Instant,
    pub took: Duration,
    pub outcome: Outcome,
}

/// Everything that the callers logged.
#[derive(Debug)]
pub struct Log {
    pub attempted: HashSet<Attempt>,
    /// Per caller in order.
    pub finished: Vec<Finished>,
    /// Every byte that came back.
    pub answers: File,
}

impl Log {
    pub fn published(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Published(_)))
    }

    /// Both logs, this one first.
    pub fn and(mut self, later: Self) -> Self {
        self.attempted.extend(later.attempted);
        self.finished.extend(later.finished);
        self
    }

    /// How many attempts had such an outcome.
    pub fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.finished.iter().filter(|finished| wanted(&finished.outcome)).count()
    }

    /// The time that this part of the requests did not exceed.
    #[track_caller]
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut times: Vec<Duration> = self.finished.iter().map(|finished| finished.took).collect();
        times.sort();
        *times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).expect("requests were sent")
    }
}

/// A running load.
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    callers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    load: Load,
    stop: AtomicBool,
    published: AtomicUsize,
    attempted: Mutex<HashSet<Attempt>>,
    finished: Mutex<Vec<Finished>>,
    answers: Mutex<File>,
}

impl Driver {
    pub fn start(address: SocketAddr, load: Load) -> Self {
        let shared = Arc::new(Shared {
            address,
            load,
            stop: AtomicBool::new(false),
            published: AtomicUsize::new(0),
            attempted: Mutex::default(),
            finished: Mutex::default(),
            answers: Mutex::new(tempfile::tempfile().expect("a temporary file")),
        });
        let caller = |number| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || Caller::new(shared, number).run())
        };
        let callers = (0..shared.load.connections).map(caller).collect();
        Self { shared, callers }
    }

    /// How many were answered 201 so far.
    pub fn published(&self) -> usize {
        self.shared.published.load(Ordering::SeqCst)
    }

    /// Lets every caller finish its request.
    pub fn stop(self) -> Log {
        self.shared.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            caller.join().expect("a caller");
        }
        let shared = Arc::into_inner(self.shared).expect("the callers are gone");
        Log {
            attempted: shared.attempted.into_inner().expect("no caller panicked"),
            finished: shared.finished.into_inner().expect("no caller panicked"),
            answers: shared.answers.into_inner().expect("no caller panicked"),
        }
    }
}

struct Caller {
    shared: Arc<Shared>,
    number: u64,
    random: Random,
    connection: Option<Connection>,
}

impl Caller {
    fn new(shared: Arc<Shared>, number: u64) -> Self {
        let random = Random::of(shared.load.seed, &[1_000_003, number]);
        Self { shared, number, random, connection: None }
    }

    fn run(mut self) {
        let mut message = self.shared.load.first + self.number * 1_000_000_000;
        while !self.stopped() {
            message += 1;
            for attempt in 1..=self.shared.load.attempts {
                let outcome = self.publish(Attempt { message, attempt });
                std::thread::sleep(self.shared.load.pause + self.random.millis(0, 5));
                let again = match outcome {
                    Outcome::Published(_) => false,
                    Outcome::NotPublished(code) => !matches!(code.as_str(), "upstream-rejected-message"),
                    // Half of the callers accept a duplicate.
                    Outcome::Unknown(_) | Outcome::NoAnswer(_) => self.random.percent(50),
                    Outcome::OutsideContract(_) => false,
                };
                if !again || self.stopped() {
                    break;
                }
            }
        }
    }

    fn publish(&mut self, attempt: Attempt) -> Outcome {
        let request = self.request(attempt);
        self.shared.attempted.lock().expect("no caller panicked").insert(attempt);
        let started = Instant::now();
        let answer = self.exchange(&request);
        let took = started.elapsed();
        let outcome = match &answer {
            Ok(response) => {
                let _ = self.shared.answers.lock().expect("no caller panicked").write_all(&response.raw);
                outcome_of(response)
            }
            Err(error) => Outcome::NoAnswer(format!("{error:?}")),
        };
        let reusable = answer.is_ok_and(|response| !response.header("connection").is_some_and(is_close));
        if !reusable {
            self.connection = None;
        }
        if matches!(outcome, Outcome::Published(_)) {
            self.shared.published.fetch_add(1, Ordering::SeqCst);
        }
        let finished = Finished { attempt, caller: self.number, started, took, outcome: outcome.clone() };
        self.shared.finished.lock().expect("no caller panicked").push(finished);
        outcome
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Response, NoResponse> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let opened = Connection::try_open(self.shared.address);
                none.insert(opened.map_err(|error| NoResponse::Broken(format!("could not connect: {error}")))?)
            }
        };
        connection.send(request);
        connection.try_receive("POST", ANSWER_LIMIT)
    }

    /// An envelope or raw bytes, of any size up to some kilobytes.
    fn request(&mut self, attempt: Attempt) -> Vec<u8> {
        let length = if self.random.percent(5) { 20_000 } else { self.random.below(1500) };
        let rest: String =
            (0..length).map(|_| *self.random.pick(&['a', 'Z', '0', '"', '\\', '\n', '\t', 'é', '文', '😀'])).collect();
        let body = attempt.body(&rest);
        let (topic, group) = (&self.shared.load.topic, format!("g{}", self.number));
        let (target, kind, body) = if self.random.percent(70) {
            let envelope = json!({"body": body, "message_group": group, "keys": [attempt.message.to_string()]});
            (format!("/v1/topics/{topic}/messages"), "application/json", envelope.to_string())
        } else {
            (format!("/v1/topics/{topic}/messages?message_group={group}"), "text/plain;charset=utf-8", body)
        };
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.shared.address,
            body.len()
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::SeqCst)
    }
}

fn is_close(value: &str) -> bool {
    value.eq_ignore_ascii_case("close")
}

/// Reads an answer as a caller that checks every part of the contract.
fn outcome_of(response: &Response) -> Outcome {
    let outside_contract = || Outcome::OutsideContract(format!("{response:?}"));
    let Ok(answer) = serde_json::from_slice::<Value>(&response.body) else {
        return outside_contract();
    };
    if response.status == 201 {
        return match answer["message_id"].as_str() {
            Some(id) if answer["outcome"] == "published" => Outcome::Published(id.to_owned()),
            _ => outside_contract(),
        };
    }
    let asks_to_wait = response.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok());
    if answer["status"] != response.status || (matches!(response.status, 429 | 503) && !asks_to_wait) {
        return outside_contract();
    }
    match (answer["outcome"].as_str(), answer["code"].as_str()) {
        (Some("not_published"), Some(code)) => Outcome::NotPublished(code.to_owned()),
        (Some("unknown"), Some(code)) if matches!(response.status, 502 | 504) => Outcome::Unknown(code.to_owned()),
        _ => outside_contract(),
    }
}

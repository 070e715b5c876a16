//! Many callers at once, each of which repeats one request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::client::{Connection, Request, Response};

/// Between two requests of one caller.
const PAUSE: Duration = Duration::from_millis(5);

/// How often each outcome came: `201`, or a problem's code.
pub type Outcomes = BTreeMap<String, usize>;

/// Running callers.
#[derive(Debug)]
pub struct Callers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Outcomes>>,
}

impl Callers {
    /// So many callers; `request` makes each caller's request, by the caller's number and the request's.
    pub fn start(count: usize, request: impl Fn(usize, usize) -> Request + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let caller = |number| {
            let (stop, request) = (Arc::clone(&stop), request.clone());
            std::thread::spawn(move || {
                let mut outcomes = Outcomes::new();
                let mut made = 0;
                while !stop.load(Ordering::SeqCst) {
                    *outcomes.entry(outcome(&request(number, made).send())).or_default() += 1;
                    made += 1;
                    std::thread::sleep(PAUSE);
                }
                outcomes
            })
        };
        let threads = (0..count).map(caller).collect();
        Self { stop, threads }
    }

    /// Lets every caller finish its request.
    pub fn stop(self) -> Outcomes {
        self.stop.store(true, Ordering::SeqCst);
        let mut sum = Outcomes::new();
        for thread in self.threads {
            for (outcome, count) in thread.join().expect("a caller") {
                *sum.entry(outcome).or_default() += count;
            }
        }
        sum
    }
}

/// Sends the same request from so many callers at the same time; the answers.
pub fn at_once(count: usize, request: &Request) -> Vec<Response> {
    let mut connections: Vec<Connection> = (0..count).map(|_| request.start()).collect();
    connections.iter_mut().map(|connection| connection.receive("POST")).collect()
}

/// A short name of what an answer means.
pub fn outcome(response: &Response) -> String {
    match response.status {
        status @ 200..=299 => status.to_string(),
        _ => response.json()["code"].as_str().expect("a problem has a code").to_owned(),
    }
}

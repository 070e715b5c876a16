//! The MQ of this suite: the checking endpoint, which answers by plan and keeps a ledger of every attempt that it saw.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::json;

use super::plan::{Fault, Plan};
use super::random::Random;
use super::support::encoding::md5_hex;
use super::support::endpoint::script::response;
use super::support::endpoint::{Recorded, Script, Step};
use super::support::loopback::own_address;
use super::support::trap::Trap;
use super::support::{Endpoint, TestApp, time};

/// One attempt to publish one message; its body names both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt {
    pub message: u64,
    pub attempt: u64,
}

impl Attempt {
    /// A body that names the attempt and proves that it is whole.
    pub fn body(self, rest: &str) -> String {
        let Self { message, attempt } = self;
        format!("{message} {attempt} {} {rest}", md5_hex(format!("{message} {attempt} {rest}").as_bytes()))
    }

    /// Reads such a body; an error says what is wrong.
    fn of(body: &[u8]) -> Result<Self, String> {
        let wrong = || format!("a body that was not sent so: {:?}", String::from_utf8_lossy(body));
        let text = std::str::from_utf8(body).map_err(|_| wrong())?;
        let mut parts = text.splitn(4, ' ');
        let mut part = || parts.next().ok_or_else(wrong);
        let (message, attempt, hash, rest) = (part()?, part()?, part()?, part()?);
        if md5_hex(format!("{message} {attempt} {rest}").as_bytes()) != hash {
            return Err(wrong());
        }
        Ok(Self { message: message.parse().map_err(|_| wrong())?, attempt: attempt.parse().map_err(|_| wrong())? })
    }
}

/// What the MQ knows of one attempt.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub arrivals: u64,
    pub applied: u64,
    /// Where it stands among everything that was applied.
    pub position: u64,
    pub message_id: String,
    /// The message group that came with it.
    pub group: Option<String>,
}

/// Everything that came.
#[derive(Debug, Default)]
pub struct Ledger {
    pub seen: HashMap<Attempt, Seen>,
    pub applied: u64,
    pub faults: BTreeMap<Fault, usize>,
    /// The access keys that requests were signed with.
    pub keys_seen: HashSet<String>,
    /// Up to [`SIGNATURES`], for the search.
    pub signatures: Vec<String>,
    pub problems: Vec<String>,
}

/// How many signatures are searched for.
const SIGNATURES: usize = 20_000;

pub struct Oracle {
    pub endpoint: Endpoint,
    ledger: Arc<Mutex<Ledger>>,
    plan: Arc<Mutex<Plan>>,
    trap: Trap,
}

/// Numbers of messages that belong to no load.
static FRESH: AtomicU64 = AtomicU64::new(1 << 60);

impl Oracle {
    pub fn start(plan: Plan) -> Self {
        // Its port stays free while it is away.
        let endpoint = Endpoint::start_at(own_address());
        endpoint.stop_recording();
        let (ledger, trap) = (Arc::new(Mutex::new(Ledger::default())), Trap::start());
        let plan = Arc::new(Mutex::new(plan));
        let (keeping, planned) = (Arc::clone(&ledger), Arc::clone(&plan));
        let elsewhere = trap.url().to_owned();
        let secret = endpoint.credentials().secret_key.clone();
        endpoint.rule(move |request| {
            let plan = *lock(&planned);
            (request.method == "POST").then(|| lock(&keeping).answer(request, plan, &secret, &elsewhere))
        });
        Self { endpoint, ledger, plan, trap }
    }

    /// Changes the plan from now on.
    pub fn set_plan(&self, plan: Plan) {
        *lock(&self.plan) = plan;
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// A publish through this gateway succeeds now, whatever happened before.
    #[track_caller]
    pub fn assert_live(&self, app: &TestApp) {
        let attempt = Attempt { message: FRESH.fetch_add(1, Ordering::SeqCst), attempt: 1 };
        let mut last = None;
        let published = time::within(time::CONDITION_LIMIT, || {
            let body = json!({"body": attempt.body("fresh")}).to_string();
            let answer = app.post_json("/v1/topics/orders/messages", body);
            let published = answer.status == 201;
            last = Some(answer);
            published.then_some(())
        });
        assert!(published.is_some(), "no publish succeeds any more: {last:?}");
        assert_eq!(self.ledger().seen.remove(&attempt).map(|seen| seen.applied), Some(1), "{attempt:?}");
    }

    /// No redirect was followed, and every request was as it must be.
    #[track_caller]
    pub fn assert_clean(&self) {
        self.trap.assert_untouched();
        self.endpoint.assert_clean();
    }
}

impl Ledger {
    fn answer(&mut self, request: &Recorded, plan: Plan, secret: &str, elsewhere: &str) -> Script {
        let signature = request.header("Signature").unwrap_or_default();
        if self.signatures.len() < SIGNATURES {
            self.signatures.push(signature.to_owned());
        }
        let access_key = request.header("AccessKey").unwrap_or_default().to_owned();
        self.keys_seen.insert(access_key.clone());
        let attempt = match Attempt::of(&request.body) {
            Ok(attempt) => attempt,
            Err(problem) => {
                self.problems.push(problem);
                return vec![Step::Finish];
            }
        };
        let seen = self.seen.entry(attempt).or_default();
        seen.arrivals += 1;
        seen.group = request.header("ShardingKey").map(str::to_owned);
        let fault = plan.fault(attempt.message, attempt.attempt, seen.arrivals);
        if fault.is_none_or(Fault::applies) {
            self.applied += 1;
            seen.applied += 1;
            if seen.applied == 1 {
                seen.position = self.applied;
                seen.message_id = format!("0A97CB496DE1137A{:016X}", self.applied);
            }
        }
        // One that is not kept is answered with an id all the same: the gateway must not believe a broken answer.
        let id = if seen.applied > 0 { seen.message_id.clone() } else { "0A97CB496DE1137AFFFFFFFFFFFFFFFF".into() };
        let good = json!({"msgId": id, "sendStatus": "SEND_OK"}).to_string();
        let good = response(201, &["Content-Type: text/html;charset=UTF-8"], good.as_bytes());
        let Some(fault) = fault else {
            return vec![Step::Send(good)];
        };
        *self.faults.entry(fault).or_default() += 1;
        let echo = format!(r#"{{"code":"{secret}","info":"{access_key} {secret} {signature} refused"}}"#);
        let mut random = Random::of(plan.seed, &[attempt.message, attempt.attempt, seen.arrivals, 1]);
        fault.script(&good, &echo, elsewhere, &mut random)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn a_body_that_was_changed_is_noticed() {
    let attempt = Attempt { message: 7, attempt: 2 };
    let body = attempt.body("\"é \u{1F600}\\");
    assert_eq!(Attempt::of(body.as_bytes()), Ok(attempt));
    assert!(Attempt::of(format!("{body} ").as_bytes()).is_err());
    assert!(Attempt::of(body.replacen('2', "3", 1).as_bytes()).is_err());
    assert!(Attempt::of(b"7 2").is_err());
}

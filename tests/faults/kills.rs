//! The gateway is killed again and again under load, and what its embedded store acknowledged holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::random::{Random, kills, seed};
use super::support::time::within;
use super::support::{Connection, Launch, TestApp};

/// How long a delivered message is nobody else's.
const LEASE: Duration = Duration::from_secs(3);
/// An acknowledgement that ends later after its receive began proves nothing: the message may be somebody else's by then.
const SURE_FOR: Duration = Duration::from_millis(1500);
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
const PUBLISHERS: u64 = 6;
const CONSUMERS: u64 = 3;
/// Six publishers are to make some hundred messages a second, not all that the machine can.
const PUBLISHER_PAUSE: Duration = Duration::from_millis(2);

const CONFIGURATION: &str = r#"
[server]
drain_delay = "0s"
[profiles.main]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "PID_ours"
empty_poll_pause = "50ms"
visibility_timeout = "3s"
[[topics]]
name = "*"
profile = "main"
groups = ["*"]
[embedded]
enabled = true
visibility_timeout = "3s"
max_redeliveries = 1000
"#;

/// What is known of one message.
#[derive(Debug, Default)]
struct Fate {
    /// Answered 201.
    published: bool,
    deliveries: u64,
    /// An acknowledgement was sent, whatever became of it.
    acknowledging: bool,
    /// Since when it is certainly acknowledged.
    acknowledged: Option<Instant>,
    /// Deliveries that began after that.
    after_acknowledgement: u64,
}

impl Fate {
    /// Acknowledged to its publisher, and no acknowledgement of a consumer was tried.
    fn is_owed(&self) -> bool {
        self.published && !self.acknowledging
    }
}

/// What callers share: where the gateway is, and what they learned.
#[derive(Debug, Default)]
struct World {
    address: Mutex<Option<SocketAddr>>,
    fates: Mutex<HashMap<String, Fate>>,
    /// How many were answered 201.
    published: AtomicUsize,
    /// Deliveries of what nobody sent.
    strange: AtomicUsize,
    publishing_ends: AtomicBool,
    consuming_ends: AtomicBool,
}

impl World {
    fn fates(&self) -> MutexGuard<'_, HashMap<String, Fate>> {
        lock(&self.fates)
    }

    fn published(&self) -> usize {
        self.published.load(Ordering::SeqCst)
    }

    fn set_address(&self, address: Option<SocketAddr>) {
        *lock(&self.address) = address;
    }

    /// How many messages the store owes.
    fn owed(&self) -> usize {
        self.fates().values().filter(|fate| fate.is_owed()).count()
    }
}

/// A caller that goes on wherever the gateway is.
struct Caller<'a> {
    world: &'a World,
    connection: Option<(SocketAddr, Connection)>,
}

impl<'a> Caller<'a> {
    fn of(world: &'a World) -> Self {
        Self { world, connection: None }
    }

    /// The answer, if a whole one came.
    fn post(&mut self, target: &str, body: &str) -> Option<(u16, Value)> {
        let answer = self.try_post(target, body);
        if answer.is_none() {
            self.connection = None;
            std::thread::sleep(Duration::from_millis(5));
        }
        answer
    }

    fn try_post(&mut self, target: &str, body: &str) -> Option<(u16, Value)> {
        let address = (*lock(&self.world.address))?;
        if self.connection.as_ref().is_none_or(|(to, _)| *to != address) {
            self.connection = Some((address, Connection::try_open(address).ok()?));
        }
        let (_, connection) = self.connection.as_mut()?;
        let head = format!("POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n");
        connection.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        let response = connection.try_receive("POST", ANSWER_LIMIT).ok()?;
        let closes = response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if closes {
            self.connection = None;
        }
        serde_json::from_slice(&response.body).ok().map(|value| (response.status, value))
    }

    fn publish(mut self, number: u64, mut random: Random) {
        for message in 0_u64.. {
            if self.world.publishing_ends.load(Ordering::SeqCst) {
                return;
            }
            if within(Duration::from_secs(60), || *lock(&self.world.address)).is_none() {
                continue;
            }
            let filler = usize::try_from(if random.percent(5) { 20_000 } else { random.below(600) }).expect("fits");
            let body = format!("{number}-{message}-{}", "x".repeat(filler));
            self.world.fates().insert(body.clone(), Fate::default());
            let mut envelope = json!({ "body": body });
            if random.percent(30) {
                envelope["message_group"] = format!("g{number}").into();
            }
            if let Some((201, _)) = self.post("/v1/topics/orders/messages", &envelope.to_string()) {
                self.world.fates().get_mut(&body).expect("it was noted").published = true;
                self.world.published.fetch_add(1, Ordering::SeqCst);
            }
            std::thread::sleep(PUBLISHER_PAUSE);
        }
    }

    fn consume(mut self, mut random: Random) {
        while !self.world.consuming_ends.load(Ordering::SeqCst) {
            let began = Instant::now();
            let got = self.receive("GID_a", r#"{"max_messages":16,"wait_seconds":1}"#);
            {
                let mut fates = self.world.fates();
                for (body, _) in &got {
                    let Some(fate) = fates.get_mut(body) else {
                        self.world.strange.fetch_add(1, Ordering::SeqCst);
                        continue;
                    };
                    fate.deliveries += 1;
                    fate.after_acknowledgement += u64::from(fate.acknowledged.is_some_and(|since| since < began));
                }
            }
            // A consumer that forgets some: they come back.
            let got: Vec<_> = got.into_iter().filter(|_| !random.percent(5)).collect();
            for (body, _) in &got {
                if let Some(fate) = self.world.fates().get_mut(body) {
                    fate.acknowledging = true;
                }
            }
            let handles: Vec<&str> = got.iter().map(|(_, handle)| handle.as_str()).collect();
            let done = self.acknowledge("GID_a", &handles);
            if began.elapsed() < SURE_FOR {
                let now = Instant::now();
                for (body, _) in got.iter().filter(|(_, handle)| done.contains(handle)) {
                    if let Some(fate) = self.world.fates().get_mut(body) {
                        fate.acknowledged.get_or_insert(now);
                    }
                }
            }
        }
    }

    /// Everything that a group gets, acknowledged at once: each body, and how often it came.
    fn take_all(&mut self, group: &str) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        loop {
            let got = self.receive(group, r#"{"max_messages":32}"#);
            if got.is_empty() {
                return all;
            }
            let handles: Vec<&str> = got.iter().map(|(_, handle)| handle.as_str()).collect();
            assert_eq!(self.acknowledge(group, &handles).len(), handles.len());
            got.iter().for_each(|(body, _)| *all.entry(body.clone()).or_default() += 1);
        }
    }

    /// Bodies and handles.
    fn receive(&mut self, group: &str, options: &str) -> Vec<(String, String)> {
        let target = format!("/v1/topics/orders/groups/{group}/messages:receive");
        let Some((200, answer)) = self.post(&target, options) else { return Vec::new() };
        let text = |message: &Value, name: &str| message[name].as_str().expect("a text").to_owned();
        let messages = answer["messages"].as_array().expect("messages are an array");
        messages.iter().map(|it| (text(it, "body"), text(it, "receipt_handle"))).collect()
    }

    /// The handles whose acknowledgement was confirmed.
    fn acknowledge(&mut self, group: &str, handles: &[&str]) -> BTreeSet<String> {
        if handles.is_empty() {
            return BTreeSet::new();
        }
        let target = format!("/v1/topics/orders/groups/{group}/messages:ack");
        let answer = self.post(&target, &json!({ "receipt_handles": handles }).to_string());
        let Some((200, answer)) = answer else { return BTreeSet::new() };
        let results = answer["results"].as_array().expect("results are an array");
        assert_eq!(results.len(), handles.len(), "{answer}");
        let confirmed = handles.iter().zip(results).filter(|(_, result)| result["status"] == 204);
        confirmed.map(|(handle, _)| (*handle).to_owned()).collect()
    }
}

/// A gateway that is killed.
struct Victim {
    /// More of `[embedded]`.
    more: &'static str,
    kills: u64,
    /// How long the last messages may take to be delivered: they come back after a lease, and a machine may be slow.
    drain_limit: Duration,
}

/// What became of everything.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    sent: usize,
    published: usize,
    delivered: usize,
    delivered_again: usize,
    /// Certainly.
    acknowledged: usize,
    /// Published, and neither delivered nor acknowledged since.
    lost: usize,
    /// Delivered after an acknowledgement was confirmed.
    undead: usize,
    /// Delivered, and never sent.
    strange: usize,
    /// What a group that came at the end got of it all.
    late: Late,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Late {
    messages: usize,
    /// Published, and not among them.
    missing: usize,
    twice: usize,
    strange: usize,
}

impl Victim {
    fn launch(&self) -> Launch {
        Launch::embedded_with(&format!("{CONFIGURATION}{}", self.more))
    }

    /// Kills and starts again, also while it starts; the last one runs.
    fn suffer(&self, world: &World, mut app: TestApp, random: &mut Random) -> TestApp {
        for kill in 0..self.kills {
            world.set_address(Some(app.data()));
            if kill == 0 || random.percent(80) {
                let before = world.published();
                let some = within(Duration::from_secs(30), || (world.published() > before + 20).then_some(()));
                assert!(some.is_some(), "nothing is published:\n{}", app.output());
                std::thread::sleep(random.millis(0, 1000));
            } else {
                std::thread::sleep(random.millis(0, 30));
            }
            app.kill();
            world.set_address(None);
            while random.percent(25) {
                // It is killed while it opens the store, or anywhere before.
                let mut starting = self.launch().in_directory_of(app.directory()).listeners(&[]).start();
                std::thread::sleep(random.millis(0, 120));
                starting.kill();
            }
            app = self.launch().in_directory_of(app.directory()).start();
        }
        world.set_address(Some(app.data()));
        app
    }

    fn run(&self, seed: u64) -> Tally {
        let world = World::default();
        let app = self.launch().start();
        let app = std::thread::scope(|scope| {
            let caller = || Caller::of(&world);
            let publish = |number| {
                let (caller, random) = (caller(), Random::of(seed, &[1, number]));
                scope.spawn(move || caller.publish(number, random))
            };
            let publishers: Vec<_> = (0..PUBLISHERS).map(publish).collect();
            for number in 0..CONSUMERS {
                let (caller, random) = (caller(), Random::of(seed, &[2, number]));
                scope.spawn(move || caller.consume(random));
            }
            let ends = EndsAll(&world);
            let app = self.suffer(&world, app, &mut Random::of(seed, &[3]));
            world.publishing_ends.store(true, Ordering::SeqCst);
            for publisher in publishers {
                publisher.join().expect("a publisher");
            }
            within(self.drain_limit, || (world.owed() == 0).then_some(()));
            // Whatever is still somebody's comes back within a lease, and would be seen.
            std::thread::sleep(LEASE + Duration::from_secs(1));
            drop(ends);
            app
        });
        let late = Caller::of(&world).take_all("GID_late");
        drop(app);
        let fates = world.fates();
        let count = |wanted: &dyn Fn(&Fate) -> bool| fates.values().filter(|fate| wanted(fate)).count();
        Tally {
            sent: fates.len(),
            published: count(&|fate| fate.published),
            delivered: count(&|fate| fate.deliveries > 0),
            delivered_again: count(&|fate| fate.deliveries > 1),
            acknowledged: count(&|fate| fate.acknowledged.is_some()),
            lost: count(&Fate::is_owed),
            undead: count(&|fate| fate.after_acknowledgement > 0),
            strange: world.strange.load(Ordering::SeqCst),
            late: Late {
                messages: late.len(),
                missing: fates.iter().filter(|(body, fate)| fate.published && !late.contains_key(*body)).count(),
                twice: late.values().filter(|times| **times > 1).count(),
                strange: late.keys().filter(|body| !fates.contains_key(*body)).count(),
            },
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_any_number_of_kills() {
    let (seed, kills) = (seed(), kills(3));
    let tally = Victim { more: "", kills, drain_limit: Duration::from_secs(120) }.run(seed);
    eprintln!("{kills} kills: {tally:#?}");
    assert!(tally.published > 20 && tally.acknowledged > 0, "no load: {tally:?}");
    let wrong = (tally.lost, tally.undead, tally.strange, tally.late.missing, tally.late.twice, tally.late.strange);
    assert_eq!(wrong, (0, 0, 0, 0, 0, 0), "seed {seed}: {tally:?}");
}

/// That the test above would see what it looks for.
#[test]
fn a_store_that_forgets_is_seen_to_do_so() {
    let more = "storage = \"memory\"\n";
    let tally = Victim { more, kills: 2, drain_limit: Duration::ZERO }.run(seed());
    assert!(tally.published > 20 && tally.late.missing > 0, "{tally:?}");
}

/// Ends the callers, also where a check failed: the scope waits for them.
struct EndsAll<'a>(&'a World);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        self.0.publishing_ends.store(true, Ordering::SeqCst);
        self.0.consuming_ends.store(true, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

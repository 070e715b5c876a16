//! One MQ of two takes requests and does not answer. Callers of the other are not slowed, and nothing piles up.

use std::time::Duration;

use super::driver::{Driver, Load, Log, Outcome};
use super::invariants::{Minimum, assert_invariants};
use super::oracle::Oracle;
use super::plan::Plan;
use super::process::resident_bytes;
use super::random::{length, seed};
use super::support::{Launch, Settings};

const WORKERS: usize = 2;
/// Requests in flight to the stalled MQ, per worker.
const CONNECTIONS: usize = 4;

/// The most requests that waited for the stalled MQ at one time, as their callers saw it.
fn most_at_once(log: &Log) -> usize {
    let margin = Duration::from_millis(200);
    let waited = || log.finished.iter().filter(|finished| matches!(finished.outcome, Outcome::Unknown(_)));
    let waits_at =
        |moment| waited().filter(|it| it.started + margin < moment && moment + margin < it.started + it.took).count();
    waited().map(|finished| waits_at(finished.started + finished.took / 2)).max().unwrap_or(0)
}

#[test]
fn a_stalled_mq_does_not_slow_the_other() {
    let seed = seed();
    let half = length(Duration::from_secs(5)) / 2;
    let (healthy, stalled) = (Oracle::start(Plan::no_faults()), Oracle::start(Plan::no_faults()));
    let topic = |name: &str, profile: &str, deadline: &str| {
        format!("[[topics]]\nname = \"{name}\"\nprofile = \"{profile}\"\ndeadline = \"{deadline}\"\n")
    };
    let settings = Settings::new()
        .server(&format!("workers = {WORKERS}"))
        .topics(&(topic("orders", "main", "5s") + &topic("invoices", "slow", "1s")))
        .more(&format!(
            "[credentials.slow]\ndirectory = \"{{directory}}/slow\"\n\
             [profiles.slow]\nprotocol = \"ons-http\"\nendpoints = [\"{}\"]\ncredentials = \"slow\"\n\
             producer_group = \"PID_slow\"\nconnections = {CONNECTIONS}\n",
            stalled.endpoint.url()
        ));
    let launch = Launch::towards(&healthy.endpoint, settings).secrets_in("slow", stalled.endpoint.credentials());
    let app = launch.start();

    // The same load in both halves, so that the MQ's stall is the only difference between them.
    let run = |seed: u64, first_message: u64| {
        let load = |topic: &str, connections: u64| {
            let load = Load::new(topic, seed).connections(connections).first_message(first_message);
            Driver::start(app.data(), load)
        };
        let (orders, invoices) = (load("orders", 8), load("invoices", 24));
        std::thread::sleep(half);
        (orders.stop(), invoices.stop())
    };
    let (before, served) = run(seed, 0);
    let memory = resident_bytes(&app);
    stalled.endpoint.freeze();
    let (during, waiting) = run(seed + 1, 1 << 50);
    let grown = resident_bytes(&app).saturating_sub(memory);
    stalled.endpoint.thaw();

    let (usual, under_stall) = (before.percentile(95), during.percentile(95));
    // Who waited for the stalled one would wait for its deadline of a second.
    assert!(
        under_stall < usual * 3 + Duration::from_millis(400),
        "95 % within {usual:?} before, {under_stall:?} during the stall"
    );
    assert!(grown < 20 << 20, "grown by {grown} bytes");
    let at_once = most_at_once(&waiting);
    assert!(at_once <= WORKERS * CONNECTIONS, "{at_once} waited at once");
    let shed = waiting.count(|outcome| *outcome == Outcome::NotPublished("overloaded".into()));
    let timed_out = waiting.count(|outcome| *outcome == Outcome::Unknown("upstream-timeout".into()));
    assert!(at_once > 0 && shed > 20 && timed_out > 0, "{shed} shed, {timed_out} timed out");
    let slowest = waiting.percentile(100);
    assert!(slowest < Duration::from_millis(2500), "the deadline of 1 s, seen by a caller: {slowest:?}");
    assert_invariants(seed, &served.and(waiting), &stalled, Minimum { published: 200, faults: 0, replays: 0 });
    assert_invariants(seed, &before.and(during), &healthy, Minimum { published: 200, faults: 0, replays: 0 });
    healthy.assert_live(&app);
}

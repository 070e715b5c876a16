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

    let alone = Driver::start(app.data(), Load::new("orders", seed).connections(8));
    std::thread::sleep(half);
    let alone = alone.stop();
    let memory = resident_bytes(&app);

    stalled.endpoint.freeze();
    let beside = Driver::start(app.data(), Load::new("orders", seed + 1).connections(8).first_message(1 << 50));
    let waiting = Driver::start(app.data(), Load::new("invoices", seed + 2).connections(24));
    std::thread::sleep(half);
    let (beside, waiting) = (beside.stop(), waiting.stop());
    let grown = resident_bytes(&app).saturating_sub(memory);
    stalled.endpoint.thaw();

    let (before, after) = (alone.percentile(95), beside.percentile(95));
    // Twice, and something for a machine that now also runs the other callers.
    assert!(after < before * 2 + Duration::from_millis(50), "95 % within {before:?} alone, {after:?} beside");
    assert!(grown < 20 << 20, "grown by {grown} bytes");
    let at_once = most_at_once(&waiting);
    assert!(at_once <= WORKERS * CONNECTIONS, "{at_once} waited at once");
    let shed = waiting.count(|outcome| *outcome == Outcome::NotPublished("overloaded".into()));
    let timed_out = waiting.count(|outcome| *outcome == Outcome::Unknown("upstream-timeout".into()));
    assert!(at_once > 0 && shed > 20 && timed_out > 0, "{shed} shed, {timed_out} timed out");
    let slowest = waiting.percentile(100);
    assert!(slowest < Duration::from_millis(2500), "the deadline of 1 s, seen by a caller: {slowest:?}");
    assert_invariants(seed, &waiting, &stalled, Minimum { published: 0, faults: 0, replays: 0 });
    let both = alone.and(beside);
    assert_invariants(seed, &both, &healthy, Minimum { published: 200, faults: 0, replays: 0 });
    healthy.assert_live(&app);
}

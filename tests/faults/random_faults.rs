//! Random faults at the MQ, which also goes away and freezes, under load.

use std::time::{Duration, Instant};

use super::canary::Canaries;
use super::driver::{Driver, Load, Log, Outcome};
use super::invariants::{Minimum, assert_invariants};
use super::oracle::Oracle;
use super::plan::{LONGEST_ANSWER, Plan};
use super::process::resident_bytes;
use super::random::{Random, length, seed};
use super::settings::with_quick_breaker;
use super::support::time::{CONDITION_LIMIT, within};
use super::support::{Launch, Settings, TestApp};

/// Below the length of a freeze, above that of the slowest answer.
const DEADLINE: Duration = Duration::from_millis(800);

#[test]
fn nothing_acknowledged_is_lost_whatever_the_mq_does() {
    let seed = seed();
    let length = length(Duration::from_secs(8));
    let oracle = Oracle::start(Plan::no_faults());
    let level = if length > Duration::from_secs(60) { "info" } else { "debug" };
    let settings = with_quick_breaker(Settings::new())
        .topic(&format!("deadline = \"{}ms\"", DEADLINE.as_millis()))
        .more(&format!("[log]\nlevel = \"{level}\"\n"));
    let app = Launch::towards(&oracle.endpoint, settings).start();
    oracle.assert_live(&app);
    let (files, memory) = (app.open_file_count(), resident_bytes(&app));

    let load = Load::new("orders", seed);
    let callers = usize::try_from(load.connections).expect("fits");
    let driver = Driver::start(app.data(), load);
    oracle.set_plan(Plan { seed, faults_percent: 25 });
    disturb(&oracle, Random::of(seed, &[1]), length);
    oracle.set_plan(Plan::no_faults());
    let log = driver.stop();

    let seconds = usize::try_from(length.as_secs()).expect("fits");
    assert_invariants(seed, &log, &oracle, Minimum { published: 20 * seconds, faults: 5 * seconds, replays: 1 });
    // Connections to the MQ stay in their pool, at most one a caller.
    let back = within(CONDITION_LIMIT, || (app.open_file_count() <= files + callers + 4).then_some(()));
    assert!(back.is_some(), "{} open files, {files} before the load", app.open_file_count());
    let grown = resident_bytes(&app).saturating_sub(memory);
    assert!(grown < 64 << 20, "grown by {grown} bytes");
    assert_counted(&app, &log);
    oracle.assert_live(&app);
    let canaries = Canaries::of(&oracle);
    canaries.assert_absent_in(&app);
    canaries.assert_absent_in_file(log.answers);
}

/// Takes the MQ away or freezes it, with time to recover in between.
fn disturb(oracle: &Oracle, mut random: Random, length: Duration) {
    let end = Instant::now() + length;
    while Instant::now() < end {
        std::thread::sleep(random.millis(800, 1500));
        if random.percent(50) {
            oracle.endpoint.go_away();
            std::thread::sleep(random.millis(100, 700));
            oracle.endpoint.come_back();
        } else {
            oracle.endpoint.freeze();
            std::thread::sleep(random.millis(100, 1200));
            oracle.endpoint.thaw();
        }
    }
}

/// The metrics count each request under the outcome that its caller learned.
#[track_caller]
fn assert_counted(app: &TestApp, log: &Log) {
    let metrics = app.metrics();
    let counted = |outcome| metrics.get("mq_gateway_messages_published_total", &[("outcome", outcome)]).unwrap_or(0.0);
    let logged = [
        log.count(|outcome| matches!(outcome, Outcome::Published(_))) + 1,
        log.count(|outcome| matches!(outcome, Outcome::NotPublished(_))),
        log.count(|outcome| matches!(outcome, Outcome::Unknown(_))),
    ];
    let logged = logged.map(|count| count as f64);
    assert_eq!(["published", "not_published", "unknown"].map(counted), logged, "published, not published, unknown");
}

const _: () = assert!(DEADLINE.as_millis() > LONGEST_ANSWER.as_millis());

//! Everything at once: faults by chance at the MQ, which also goes away and freezes, under load.

use std::time::{Duration, Instant};

use super::canary::Canaries;
use super::dice::{Dice, length, seed};
use super::driver::{Driver, Load, Log, Told};
use super::judge::{Enough, judge};
use super::oracle::Oracle;
use super::plan::{LONGEST_ANSWER, Plan};
use super::process::{open_files, resident_bytes};
use super::settings::soon_again;
use super::support::time::{PATIENCE, within};
use super::support::{Launch, Settings, TestApp};

/// Below the length of a freeze, above that of the slowest answer.
const DEADLINE: Duration = Duration::from_millis(800);

#[test]
fn nothing_acknowledged_is_lost_whatever_the_mq_does() {
    let seed = seed();
    let length = length(Duration::from_secs(8));
    let oracle = Oracle::start(Plan::peace());
    let talkative = if length > Duration::from_secs(60) { "info" } else { "debug" };
    let settings = soon_again(Settings::new())
        .topic(&format!("deadline = \"{}ms\"", DEADLINE.as_millis()))
        .more(&format!("[log]\nlevel = \"{talkative}\"\n"));
    let app = Launch::towards(&oracle.endpoint, settings).start();
    oracle.assert_live(&app);
    let (files, memory) = (open_files(&app), resident_bytes(&app));

    let load = Load::new("orders", seed);
    let callers = usize::try_from(load.connections).expect("fits");
    let driver = Driver::start(app.data(), load);
    oracle.follow(Plan { seed, faults_percent: 25 });
    trouble(&oracle, Dice::of(seed, &[1]), length);
    oracle.follow(Plan::peace());
    let log = driver.stop();

    let seconds = usize::try_from(length.as_secs()).expect("fits");
    judge(seed, &log, &oracle, Enough { published: 20 * seconds, faults: 5 * seconds, replays: 1 });
    // I8: connections to the MQ stay in their pool, at most one a caller.
    let back = within(PATIENCE, || (open_files(&app) <= files + callers + 4).then_some(()));
    assert!(back.is_some(), "I8: {} open files, {files} before the load", open_files(&app));
    let grown = resident_bytes(&app).saturating_sub(memory);
    assert!(grown < 64 << 20, "I8: grown by {grown} bytes");
    assert_counted(&app, &log);
    oracle.assert_live(&app);
    let canaries = Canaries::of(&oracle);
    canaries.assert_absent_in(&app);
    canaries.assert_absent_in_file(log.answers);
}

/// The MQ away and frozen by turns, with time to recover between.
fn trouble(oracle: &Oracle, mut dice: Dice, length: Duration) {
    let end = Instant::now() + length;
    while Instant::now() < end {
        std::thread::sleep(dice.millis(800, 1500));
        if dice.percent(50) {
            oracle.endpoint.go_away();
            std::thread::sleep(dice.millis(100, 700));
            oracle.endpoint.come_back();
        } else {
            oracle.endpoint.freeze();
            std::thread::sleep(dice.millis(100, 1200));
            oracle.endpoint.thaw();
        }
    }
}

/// The metrics tell of each request what its caller was told.
#[track_caller]
fn assert_counted(app: &TestApp, log: &Log) {
    let metrics = app.metrics();
    let counted = |outcome| metrics.get("mq_gateway_messages_published_total", &[("outcome", outcome)]).unwrap_or(0.0);
    let told = [
        log.count(|told| matches!(told, Told::Published(_))) + 1,
        log.count(|told| matches!(told, Told::NotPublished(_))),
        log.count(|told| matches!(told, Told::Unknown(_))),
    ];
    let told = told.map(|count| count as f64);
    assert_eq!(["published", "not_published", "unknown"].map(counted), told, "published, not published, unknown");
}

const _: () = assert!(DEADLINE.as_millis() > LONGEST_ANSWER.as_millis());

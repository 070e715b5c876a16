//! The MQ is away for a while: each publish is refused at once as not published, and succeeds when it is back.

use std::time::{Duration, Instant};

use super::driver::{Driver, Load, Outcome};
use super::invariants::{Minimum, assert_invariants};
use super::oracle::Oracle;
use super::plan::Plan;
use super::random::{length, seed};
use super::settings::with_quick_breaker;
use super::support::time::until;
use super::support::{Launch, Settings};

#[test]
fn publishes_fail_fast_while_the_mq_is_away_and_succeed_when_it_is_back() {
    let seed = seed();
    let away = length(Duration::from_secs(3)) / 3;
    let oracle = Oracle::start(Plan::no_faults());
    let app = Launch::towards(&oracle.endpoint, with_quick_breaker(Settings::new())).start();
    let driver = Driver::start(app.data(), Load::new("orders", seed));
    until("a first hundred", || (driver.published() >= 100).then_some(()));

    oracle.endpoint.go_away();
    let gone = Instant::now();
    // What was under way at that moment is unknown, and has had its time after this.
    std::thread::sleep(Duration::from_millis(300));
    let settled = Instant::now();
    std::thread::sleep(away);
    let back = Instant::now();
    oracle.endpoint.come_back();
    let before = driver.published();
    until("a hundred more", || (driver.published() >= before + 100).then_some(()));
    let recovered = back.elapsed();
    let log = driver.stop();

    assert_invariants(seed, &log, &oracle, Minimum { published: 200, faults: 0, replays: 0 });
    let ended = |from: Instant, to: Instant| {
        log.finished.iter().filter(move |finished| finished.started >= from && finished.started + finished.took < to)
    };
    for finished in ended(settled, back) {
        assert!(finished.took < Duration::from_secs(1), "{finished:?}");
        let quick = matches!(&finished.outcome, Outcome::NotPublished(code) if code == "upstream-unreachable" || code == "circuit-open");
        assert!(quick, "{finished:?}");
    }
    assert!(ended(settled, back).count() >= 50, "requests were made while the MQ was away");
    let unknown = log.count(|outcome| matches!(outcome, Outcome::Unknown(_)));
    assert!(unknown <= 16, "only what was under way {:?} before is unknown: {unknown}", gone.elapsed());
    assert!(recovered < Duration::from_secs(5), "{recovered:?}");
    oracle.assert_live(&app);
}

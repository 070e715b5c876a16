//! A1: the MQ is away for a while. Each publish is refused at once, for good reason, and all is well when it is back.

use std::time::{Duration, Instant};

use super::dice::{length, seed};
use super::driver::{Driver, Load, Told};
use super::judge::{Enough, judge};
use super::oracle::Oracle;
use super::plan::Plan;
use super::settings::soon_again;
use super::support::time::until;
use super::support::{Launch, Settings};

#[test]
fn an_mq_that_is_away_costs_a_quick_503_and_nothing_else() {
    let seed = seed();
    let away = length(Duration::from_secs(3)) / 3;
    let oracle = Oracle::start(Plan::peace());
    let app = Launch::towards(&oracle.endpoint, soon_again(Settings::new())).start();
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

    judge(seed, &log, &oracle, Enough { published: 200, faults: 0, replays: 0 });
    let ended = |from: Instant, to: Instant| {
        log.finished.iter().filter(move |finished| finished.started >= from && finished.started + finished.took < to)
    };
    for finished in ended(settled, back) {
        assert!(finished.took < Duration::from_secs(1), "{finished:?}");
        let quick = matches!(&finished.told, Told::NotPublished(code) if code == "upstream-unreachable" || code == "circuit-open");
        assert!(quick, "{finished:?}");
    }
    assert!(ended(settled, back).count() >= 50, "I10: requests were made while the MQ was away");
    let unknown = log.count(|told| matches!(told, Told::Unknown(_)));
    assert!(unknown <= 16, "only what was under way {:?} before is unknown: {unknown}", gone.elapsed());
    assert!(recovered < Duration::from_secs(5), "{recovered:?}");
    oracle.assert_live(&app);
}

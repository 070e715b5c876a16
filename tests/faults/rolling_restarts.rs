//! Two gateways behind a balancer are replaced one after the other under load, and no request fails.

use std::time::{Duration, Instant};

use super::balancer::Balancer;
use super::canary::Canaries;
use super::driver::{Driver, Load, Outcome};
use super::invariants::{Minimum, assert_invariants};
use super::oracle::Oracle;
use super::plan::Plan;
use super::random::{length, seed};
use super::support::time::until;
use super::support::{Launch, Settings, TestApp};

/// Longer than the balancer needs to notice, as an operator sets it.
const DRAIN: &str = "drain_delay = \"2s\"";

#[test]
fn no_request_fails_while_gateways_are_replaced() {
    let seed = seed();
    let cycles = 3.max(length(Duration::ZERO).as_secs() / 6);
    let oracle = Oracle::start(Plan::no_faults());
    let balancer = Balancer::start();
    let start = || {
        let app = Launch::towards(&oracle.endpoint, Settings::new().server(DRAIN)).start();
        balancer.add(&app);
        app
    };
    let mut running = vec![start(), start()];
    let mut gone: Vec<TestApp> = Vec::new();
    until("both to be ready", || (balancer.ready() == 2).then_some(()));
    let driver = Driver::start(balancer.address(), Load::new("orders", seed));
    for _ in 0..cycles {
        let before = driver.published();
        until("some load", || (driver.published() > before + 50).then_some(()));
        let mut old = running.remove(0);
        let asked = Instant::now();
        old.terminate();
        assert_eq!(old.wait_for_exit(Duration::from_secs(25)).code(), Some(0));
        assert!(asked.elapsed() >= Duration::from_millis(1900), "it drained for {:?}", asked.elapsed());
        balancer.remove(old.data());
        gone.push(old);
        running.push(start());
        until("both to be ready", || (balancer.ready() == 2).then_some(()));
    }
    let log = driver.stop();

    let failed: Vec<_> =
        log.finished.iter().filter(|finished| !matches!(finished.outcome, Outcome::Published(_))).take(10).collect();
    assert!(failed.is_empty(), "requests failed: {failed:#?}");
    assert_eq!(balancer.refused(), 0, "connections for which no gateway was ready");
    assert_invariants(seed, &log, &oracle, Minimum { published: 300, faults: 0, replays: 0 });
    let canaries = Canaries::of(&oracle);
    for app in &running {
        oracle.assert_live(app);
        canaries.assert_absent_in(app);
    }
    for app in &gone {
        canaries.assert_absent("the log of a gateway that is gone", app.output().as_bytes());
    }
    canaries.assert_absent_in_file(log.answers);
}

//! Credentials rotate under load, without a restart and without a failed request.

use std::time::Duration;

use super::canary::Canaries;
use super::driver::{Driver, Load, Outcome};
use super::invariants::{Minimum, assert_invariants};
use super::mounted_secret::MountedSecret;
use super::oracle::Oracle;
use super::plan::Plan;
use super::random::{length, seed};
use super::support::ons::Credentials;
use super::support::time::until;
use super::support::{Launch, Meaning, Settings, assert_problem};

#[test]
fn no_request_fails_while_keys_rotate() {
    let seed = seed();
    let swaps = 5.max(length(Duration::ZERO).as_secs() / 10);
    let oracle = Oracle::start(Plan::no_faults());
    let mut current = oracle.endpoint.credentials().clone();
    let launch = Launch::configured(&Settings::new().text(&oracle.endpoint.url()));
    let mut mounted = MountedSecret::mount(&launch.path("secrets"), &current);
    let app = launch.start();
    let driver = Driver::start(app.data(), Load::new("orders", seed));
    let mut all = vec![current.clone()];
    for number in 0..swaps {
        let next = Credentials::of(&format!("rotated-{seed}-{number}"));
        oracle.endpoint.accept_also(&next);
        mounted.swap(&next);
        // Taken up without a restart, and long before the directory is polled.
        until("a request signed with the new pair", || {
            oracle.ledger().keys_seen.contains(&next.access_key).then_some(())
        });
        // A request that was signed before the swap may still be on its way. When each of the callers had a dozen since, none is.
        let some_load = |count: usize| {
            let before = driver.published();
            until("some load", || (driver.published() > before + count).then_some(()));
        };
        some_load(200);
        oracle.endpoint.retire(&current);
        some_load(50);
        all.push(next.clone());
        current = next;
    }
    // A broken pair changes nothing, whichever file is broken.
    for (access_key, secret_key) in [("", ""), (current.access_key.as_str(), ""), ("", "half"), ("a\nb", "x\ny")] {
        let broken = Credentials { access_key: access_key.to_owned(), secret_key: secret_key.to_owned() };
        mounted.swap(&broken);
        let before = driver.published();
        std::thread::sleep(Duration::from_millis(1200));
        assert!(driver.published() > before, "it goes on with the old pair");
    }
    let log = driver.stop();

    let refused = log.count(|outcome| !matches!(outcome, Outcome::Published(_)));
    assert_eq!(refused, 0, "{:?}", log.finished.iter().find(|it| !matches!(it.outcome, Outcome::Published(_))));
    assert_invariants(seed, &log, &oracle, Minimum { published: 300, faults: 0, replays: 0 });
    let mut canaries = Canaries::of(&oracle);
    for credentials in &all {
        canaries.secret(credentials);
    }
    canaries.assert_absent_in(&app);
    canaries.assert_absent_in_file(log.answers);
    oracle.assert_live(&app);
}

#[test]
fn a_pair_that_was_retired_too_early_is_replaced_without_a_restart() {
    let oracle = Oracle::start(Plan::no_faults());
    let old = oracle.endpoint.credentials().clone();
    let launch = Launch::configured(&Settings::new().text(&oracle.endpoint.url()));
    let mut mounted = MountedSecret::mount(&launch.path("secrets"), &old);
    let app = launch.start();
    oracle.assert_live(&app);
    let next = Credentials::of("the-next-pair");
    oracle.endpoint.accept_also(&next);
    oracle.endpoint.retire(&old);
    let response = app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#);
    assert_problem(&response, 502, "upstream-auth-rejected", Meaning::NotPublishedTryAgain);
    mounted.swap(&next);
    oracle.assert_live(&app);
}

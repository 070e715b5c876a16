//! What one circuit lets through, and when.

mod sequences;

use std::sync::Arc;
use std::time::Duration;

use super::places::{FAILURE_COUNTS, MOST_OTHERS};
use super::*;
use crate::telemetry::Metrics;

const LONGEST: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> Breaker {
    breaker_with(LONGEST, &[])
}

fn breaker_with(longest_pause: Duration, keys: &[&str]) -> Breaker {
    let metrics = Metrics::new().unwrap().upstream.circuit("p", "e");
    let keys = Arc::new(keys.iter().map(|key| (*key).to_owned()).collect());
    Breaker::new(&BreakerSettings { failures: 5, longest_pause, keys }, Random::seeded(1), metrics)
}

/// The last failure's report.
#[track_caller]
fn fail(breaker: &Breaker, key: &str, times: u32, now: Instant) -> Option<CircuitChange> {
    (0..times).fold(None, |_, _| breaker.admit(key, now).unwrap().settle(Verdict::Unanswered, now))
}

#[track_caller]
fn answer(breaker: &Breaker, key: &str, now: Instant) -> Option<CircuitChange> {
    breaker.admit(key, now).unwrap().settle(Verdict::Answered, now)
}

/// How long `key` is refused still.
#[track_caller]
fn refused_for(breaker: &Breaker, key: &str, now: Instant) -> Duration {
    breaker.admit(key, now).expect_err("it is let through").until - now
}

/// A pause is between three quarters of what is said and the whole.
#[track_caller]
fn assert_about(pause: Duration, whole: Duration) {
    assert!(pause >= whole * 3 / 4 && pause <= whole, "{pause:?} for {whole:?}");
}

#[test]
fn five_failures_in_a_row_open_it() {
    let (breaker, start) = (breaker(), Instant::now());
    assert_eq!(fail(&breaker, "a", 4, start), None);
    assert_eq!(answer(&breaker, "b", start), None);
    assert_eq!(fail(&breaker, "a", 4, start), None);
    assert_eq!(breaker.metrics.state.get(), 0);
    let Some(CircuitChange::Opened { failures: 5, pause }) = fail(&breaker, "a", 1, start) else {
        panic!("it is not open");
    };
    assert_about(pause, SECOND);
    assert_eq!((refused_for(&breaker, "a", start), breaker.metrics.state.get()), (pause, 1));
}

#[test]
fn an_endpoint_that_was_seen_to_be_back_is_tried_at_once() {
    let (breaker, mut now) = (breaker(), Instant::now());
    breaker.reachable(now);
    fail(&breaker, "a", 5, now);
    for _ in 0..4 {
        now += refused_for(&breaker, "a", now);
        fail(&breaker, "a", 1, now);
    }
    assert_about(refused_for(&breaker, "a", now), 16 * SECOND);
    breaker.reachable(now);
    assert_eq!(breaker.metrics.state.get(), 1, "that it takes connections is no answer");
    // One request, and where that is not answered either, the pauses begin anew.
    fail(&breaker, "a", 1, now);
    assert_about(refused_for(&breaker, "a", now), SECOND);
}

#[test]
fn pauses_grow_and_an_answer_ends_them() {
    let (breaker, mut now) = (breaker(), Instant::now());
    fail(&breaker, "a", 5, now);
    let opened = now;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        let pause = refused_for(&breaker, "a", now);
        assert_about(pause, Duration::from_secs(seconds));
        assert_eq!(refused_for(&breaker, "a", now + pause - Duration::from_millis(1)), Duration::from_millis(1));
        now += pause;
        let permit = breaker.admit("a", now).unwrap();
        assert!(permit.is_try());
        assert_eq!(breaker.metrics.state.get(), 2);
        assert!(breaker.admit("a", now).is_err(), "one request only");
        assert_eq!(permit.settle(Verdict::Unanswered, now), None);
        assert_eq!(breaker.metrics.state.get(), 1);
    }
    now += refused_for(&breaker, "a", now);
    assert_eq!(answer(&breaker, "a", now), Some(CircuitChange::Closed { after: now - opened }));
    assert_eq!(breaker.metrics.state.get(), 0);
    fail(&breaker, "a", 4, now);
    assert!(!breaker.admit("a", now).unwrap().is_try(), "and counting begins anew");
    fail(&breaker, "a", 1, now);
    assert_about(refused_for(&breaker, "a", now), SECOND);
}

#[test]
fn a_pause_is_never_longer_than_the_longest() {
    let (breaker, now) = (breaker_with(Duration::from_millis(200), &[]), Instant::now());
    fail(&breaker, "a", 5, now);
    let pause = refused_for(&breaker, "a", now);
    assert_about(pause, Duration::from_millis(200));
    fail(&breaker, "a", 1, now + pause);
    assert_about(refused_for(&breaker, "a", now + pause), Duration::from_millis(200));
}

/// A try that takes long (a long poll at a silent endpoint) does not hold the next one back.
#[test]
fn a_try_that_takes_long_is_not_the_only_one() {
    let (breaker, start) = (breaker(), Instant::now());
    fail(&breaker, "a", 5, start);
    let late = start + SECOND;
    let slow = breaker.admit("a", late).unwrap();
    let next = late + refused_for(&breaker, "a", late);
    let second = breaker.admit("a", next).unwrap();
    assert!(second.settle(Verdict::Answered, next).is_some());
    assert_eq!(slow.settle(Verdict::Unanswered, next + SECOND), None);
    assert_eq!(breaker.metrics.state.get(), 0);
    fail(&breaker, "a", 4, next + SECOND);
    assert_eq!(breaker.metrics.state.get(), 0, "what failed while another was answered does not count");
}

#[test]
fn each_key_without_a_failure_tries_once() {
    let (breaker, start) = (breaker(), Instant::now());
    fail(&breaker, "bad", 5, start);
    refused_for(&breaker, "bad", start);
    let own = breaker.admit("good", start).unwrap();
    assert!(own.is_try());
    assert!(breaker.admit("good", start).is_err(), "once");
    assert!(breaker.admit("other", start).unwrap().is_try(), "each");
    assert_eq!(own.settle(Verdict::Unanswered, start), None);
    refused_for(&breaker, "good", start);
    // So does one that failed a minute ago; the first pause was over long before.
    let later = start + FAILURE_COUNTS;
    let early = later - Duration::from_millis(1);
    fail(&breaker, "bad", 1, early);
    refused_for(&breaker, "good", early);
    assert!(breaker.admit("good", later).unwrap().is_try());
    refused_for(&breaker, "bad", later);
}

#[test]
fn an_answer_to_one_key_closes_it_for_all() {
    let (breaker, start) = (breaker(), Instant::now());
    for _ in 0..3 {
        fail(&breaker, "bad", 5, start);
        refused_for(&breaker, "bad", start);
        answer(&breaker, "good", start);
        assert_eq!(breaker.metrics.state.get(), 0);
        assert!(!breaker.admit("bad", start).unwrap().is_try());
    }
}

/// The refusal names the moment at which a key's own minute is over, where that is earlier.
#[test]
fn until_is_when_the_next_request_may_try() {
    let (breaker, mut now) = (breaker_with(Duration::from_secs(3600), &[]), Instant::now());
    fail(&breaker, "a", 5, now);
    let mut longest = Duration::ZERO;
    for _ in 0..12 {
        let wait = refused_for(&breaker, "a", now);
        now += wait;
        fail(&breaker, "a", 1, now);
        longest = longest.max(wait);
    }
    assert_eq!(longest, FAILURE_COUNTS);
}

#[test]
fn a_turn_that_taught_nothing_goes_to_the_next() {
    let (breaker, start) = (breaker(), Instant::now());
    fail(&breaker, "a", 5, start);
    let mut now = start + SECOND;
    for _ in 0..20 {
        drop(breaker.admit("a", now).unwrap());
        assert_eq!(breaker.metrics.state.get(), 1);
        assert_eq!(refused_for(&breaker, "a", now), Duration::from_millis(100), "ten a second at most");
        now += Duration::from_millis(100);
    }
    fail(&breaker, "a", 1, now);
    assert_about(refused_for(&breaker, "a", now), Duration::from_secs(2));
    // One that ends when another has had its turn gives nothing back.
    now += Duration::from_secs(2);
    let slow = breaker.admit("a", now).unwrap();
    now += Duration::from_secs(4);
    fail(&breaker, "a", 1, now);
    drop(slow);
    assert_about(refused_for(&breaker, "a", now), Duration::from_secs(8));
}

#[test]
fn a_keys_own_try_that_taught_nothing_goes_to_its_next() {
    let (breaker, now) = (breaker(), Instant::now());
    fail(&breaker, "bad", 5, now);
    for _ in 0..3 {
        drop(breaker.admit("good", now).unwrap());
        assert_eq!(breaker.metrics.state.get(), 1);
    }
    answer(&breaker, "good", now);
    assert_eq!(breaker.metrics.state.get(), 0);
}

#[test]
fn what_began_before_it_opened_closes_it_and_keeps_nobody_out() {
    let (breaker, start) = (breaker(), Instant::now());
    let [one, two] = [(); 2].map(|()| breaker.admit("good", start).unwrap());
    let third = breaker.admit("bad", start).unwrap();
    fail(&breaker, "bad", 5, start);
    assert_eq!(two.settle(Verdict::Unanswered, start), None);
    refused_for(&breaker, "good", start);
    drop(third);
    assert_eq!(breaker.metrics.state.get(), 1);
    assert!(one.settle(Verdict::Answered, start).is_some());
    assert_eq!(breaker.metrics.state.get(), 0);
}

/// Eight requests of one topic time out at the same moment, and another topic was answered all the time.
#[test]
fn a_failure_during_which_others_were_answered_is_none() {
    let (breaker, start) = (breaker(), Instant::now());
    let answered_until = |end: Duration| {
        let mut now = start;
        while now < start + end {
            answer(&breaker, "good", now);
            now += Duration::from_millis(3);
        }
    };
    let slow: Vec<_> = (0..8).map(|_| breaker.admit("bad", start).unwrap()).collect();
    answered_until(Duration::from_secs(4));
    for permit in slow {
        assert_eq!(permit.settle(Verdict::Unanswered, start + Duration::from_secs(5)), None);
    }
    assert_eq!(breaker.metrics.state.get(), 0);
    // Those that began when answers ended count.
    let start = start + Duration::from_secs(5);
    fail(&breaker, "bad", 5, start);
    assert_eq!(breaker.metrics.state.get(), 1);
}

#[test]
fn the_common_request_takes_no_lock() {
    let (breaker, now) = (breaker(), Instant::now());
    let held = breaker.circuit.lock().unwrap();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            answer(&breaker, "a", now);
            drop(breaker.admit("a", now).unwrap());
            done.send(()).unwrap();
        });
        let in_time = ended.recv_timeout(Duration::from_secs(10));
        drop(held);
        assert!(in_time.is_ok(), "it waits for the lock");
    });
}

#[test]
fn nor_does_it_after_an_outage() {
    let (breaker, now) = (breaker(), Instant::now());
    fail(&breaker, "a", 5, now);
    assert_eq!(breaker.calm.load(Ordering::Acquire), 0);
    answer(&breaker, "b", now);
    assert_ne!(breaker.calm.load(Ordering::Acquire), 0);
}

/// The beginning counts as an answer, in the first nanosecond. What failed before the last that was noted does not count.
#[test]
fn an_answer_is_noted_ten_times_a_second() {
    let state_after = |answered: Duration| {
        let breaker = breaker();
        let began = breaker.created + Duration::from_nanos(50);
        let slow: Vec<_> = (0..5).map(|_| breaker.admit("bad", began).unwrap()).collect();
        assert_eq!(answer(&breaker, "good", breaker.created + answered), None);
        for permit in slow {
            let _change = permit.settle(Verdict::Unanswered, breaker.created + SECOND);
        }
        breaker.metrics.state.get()
    };
    assert_eq!(state_after(Duration::from_millis(100)), 1);
    assert_eq!(state_after(Duration::from_millis(100) + Duration::from_nanos(1)), 0);
}

#[test]
fn a_circuit_that_opens_is_counted_once() {
    let metrics = Metrics::new().unwrap();
    let settings = BreakerSettings { failures: 5, longest_pause: LONGEST, keys: Arc::default() };
    let breaker = Breaker::new(&settings, Random::seeded(1), metrics.upstream.circuit("p", "e"));
    let now = Instant::now();
    let opened = || {
        let page = String::from_utf8(metrics.render().unwrap()).unwrap();
        let series = "mq_gateway_circuits_opened_total{endpoint=\"e\",profile=\"p\"} ";
        page.lines().find_map(|line| line.strip_prefix(series)).unwrap().to_owned()
    };
    for number in 1..=2 {
        fail(&breaker, "a", 4, now);
        assert_eq!(opened(), (number - 1).to_string());
        fail(&breaker, "a", 1, now);
        fail(&breaker, "b", 1, now);
        answer(&breaker, "c", now);
        assert_eq!(opened(), number.to_string());
    }
}

#[test]
fn keys_without_a_place_of_their_own_share_one() {
    let (breaker, now) = (breaker_with(LONGEST, &["configured"]), Instant::now());
    fail(&breaker, "first", 5, now);
    for index in 1..MOST_OTHERS {
        let key = index.to_string();
        fail(&breaker, &key, 1, now);
    }
    // The next two are one.
    fail(&breaker, "one", 1, now);
    refused_for(&breaker, "another", now);
    assert!(breaker.admit("configured", now).unwrap().is_try(), "whatever others fill");
    // Places become free again.
    let later = now + FAILURE_COUNTS;
    fail(&breaker, "first", 1, later);
    assert!(breaker.admit("one", later).is_ok());
    assert!(breaker.admit("another", later).is_ok());
}

#[test]
fn opening_and_closing_all_the_time_is_reported_now_and_then() {
    let (breaker, start) = (breaker(), Instant::now());
    let reports: Vec<_> = (0..300)
        .flat_map(|tenth| {
            let now = start + Duration::from_millis(100) * tenth;
            let opened = fail(&breaker, "bad", 5, now);
            [opened, answer(&breaker, "good", now + Duration::from_millis(1))]
        })
        .flatten()
        .collect();
    let opened = reports.iter().filter(|change| matches!(change, CircuitChange::Opened { .. })).count();
    assert_eq!((opened, reports.len()), (3, 6), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn the_requests_of_a_key_wait_for_the_one_that_finds_out() {
    let (breaker, start) = (breaker(), Instant::now());
    fail(&breaker, "bad", 5, start);
    let deadline = start + Duration::from_secs(5);
    let refused = breaker.admit("bad", start).unwrap_err();
    assert!(!refused.is_decided_before(deadline).await);
    assert_eq!(Instant::now(), start, "nobody finds out");

    let own = breaker.admit("good", start).unwrap();
    let waiting = breaker.admit("good", start).unwrap_err();
    assert!(!waiting.is_decided_before(start + SECOND).await);
    assert_eq!(Instant::now(), start + SECOND, "not longer than its deadline");
    let end = async {
        tokio::time::sleep(SECOND).await;
        own.settle(Verdict::Answered, Instant::now())
    };
    let (decided, closed) = tokio::join!(waiting.is_decided_before(deadline), end);
    assert!(decided && closed.is_some());
    assert_eq!(Instant::now(), start + SECOND * 2);

    // Also where the caller of the other went away.
    fail(&breaker, "bad", 5, Instant::now());
    let own = breaker.admit("good", Instant::now()).unwrap();
    let waiting = breaker.admit("good", Instant::now()).unwrap_err();
    drop(own);
    assert!(waiting.is_decided_before(deadline).await);
}

//! Any sequence of requests at an open circuit, beside a model of who may try.

use proptest::prelude::*;

use super::*;

/// What becomes of a request in the property's sequences.
#[derive(Debug, Clone, Copy)]
enum End {
    Answered,
    Unanswered,
    HungUp,
    /// Not before the sequence ends.
    Open,
}

/// A model of who may try, kept from outside.
#[derive(Debug, Default)]
struct Model {
    failed_at: std::collections::HashMap<usize, Instant>,
    under_way: Vec<usize>,
    /// The earliest moment of the next request after a pause, and the pause that follows it.
    turn: Option<(Instant, Duration)>,
}

proptest! {
    /// While it is open, one request goes after each pause, and one of each key that had no failure of its own; and
    /// nothing but an answer closes it.
    #[test]
    fn an_open_circuit_is_tried_rarely(
        steps in prop::collection::vec((0_u64..3000, 0..4_usize, prop_oneof![
            1 => Just(End::Answered), 6 => Just(End::Unanswered), 2 => Just(End::HungUp), 1 => Just(End::Open),
        ]), 1..80)
    ) {
        let keys = ["a", "b", "c", "d"];
        let (breaker, mut now) = (breaker(), Instant::now());
        let opened = |now: Instant| Model {
            failed_at: [(0, now)].into(),
            turn: Some((now + SECOND * 3 / 4, SECOND * 2)),
            ..Model::default()
        };
        fail(&breaker, "a", 5, now);
        let (mut model, mut open_permits) = (opened(now), Vec::new());
        for (millis, key, end) in steps {
            now += Duration::from_millis(millis);
            prop_assert_ne!(breaker.metrics.state.get(), 0);
            let Ok(permit) = breaker.admit(keys[key], now) else { continue };
            prop_assert!(permit.is_try());
            let (turn, pause) = model.turn.unwrap();
            let own = matches!(permit.pass, Pass::OfItsKey { .. });
            if own {
                let fresh = model.failed_at.get(&key).is_none_or(|at| now >= *at + FAILURE_COUNTS);
                prop_assert!(fresh && !model.under_way.contains(&key), "{key} tries again");
            } else {
                prop_assert!(now >= turn, "{:?} too early", turn - now);
                model.turn = Some((now + pause * 3 / 4, (pause * 2).min(LONGEST)));
            }
            match end {
                End::Answered => {
                    // Reported or not, it is closed now; and then opened once more.
                    let _reported = permit.settle(Verdict::Answered, now);
                    prop_assert_eq!(breaker.metrics.state.get(), 0);
                    fail(&breaker, "a", 5, now);
                    model = opened(now);
                }
                End::Unanswered => {
                    prop_assert_eq!(permit.settle(Verdict::Unanswered, now), None);
                    model.failed_at.insert(key, now);
                    model.under_way.retain(|it| *it != key);
                }
                End::HungUp => {
                    drop(permit);
                    if !own {
                        model.turn = Some((now + Duration::from_millis(100), pause));
                    }
                }
                End::Open => {
                    if own {
                        model.under_way.push(key);
                    }
                    open_permits.push(permit);
                }
            }
        }
        prop_assert_ne!(breaker.metrics.state.get(), 0);
    }
}

//! A target that never takes anything, with MQs of both kinds, with and without processes that are killed.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn seconds(all: &[u64]) -> Vec<Duration> {
    all.iter().map(|seconds| Duration::from_secs(*seconds)).collect()
}

/// An MQ that only redelivers.
const REDELIVERS: Means =
    Means { visibility_timeout: Duration::from_secs(300), extends: false, nack_delay: None, deliveries: Some(17) };

/// An MQ with nack and extend.
const NACKS: Means = Means {
    visibility_timeout: Duration::from_secs(300),
    extends: true,
    nack_delay: Some(Duration::from_secs(12 * 3600)),
    deliveries: Some(17),
};

fn schedule(pauses: &[u64], means: Means) -> RetrySchedule {
    RetrySchedule::new(seconds(pauses), 0, Duration::from_secs(15), means)
}

fn shown(schedule: &RetrySchedule) -> Vec<(u64, u32, &'static str)> {
    let attempts = schedule.plan().attempts;
    attempts.iter().map(|attempt| (attempt.after.as_secs(), attempt.delivery, attempt.start.as_str())).collect()
}

const USUAL: [u64; 7] = [5, 30, 120, 300, 600, 1200, 1800];

#[test]
fn pauses_are_rounded_up_to_redeliveries_where_nothing_else_is_there() {
    let plan = [
        (0, 1, "first delivery"),
        (5, 1, "timer"),
        (35, 1, "timer"),
        (155, 1, "timer"),
        (600, 3, "redelivery"),
        (1200, 5, "redelivery"),
        (2400, 9, "redelivery"),
        (4200, 15, "redelivery"),
    ];
    assert_eq!(shown(&schedule(&USUAL, REDELIVERS)), plan);
    let with_jitter = RetrySchedule::new(seconds(&USUAL), 10, Duration::from_secs(15), REDELIVERS);
    assert_eq!(shown(&with_jitter), plan);
    assert_eq!((with_jitter.plan().deliveries, with_jitter.plan().total), (16, Duration::from_secs(4500)));
}

#[test]
fn pauses_are_kept_where_the_mq_can_delay() {
    let plan = [
        (0, 1, "first delivery"),
        (5, 1, "timer"),
        (35, 1, "timer"),
        (155, 1, "timer"),
        (455, 2, "nack"),
        (1055, 3, "nack"),
        (2255, 4, "nack"),
        (4055, 5, "nack"),
    ];
    assert_eq!(shown(&schedule(&USUAL, NACKS)), plan);
    // Held pauses are extended without end; one above the longest nack takes several.
    assert_eq!(schedule(&[200; 20], NACKS).plan().deliveries, 1);
    assert_eq!(schedule(&[24 * 3600], NACKS).plan().deliveries, 3);
    assert_eq!(schedule(&[], NACKS).plan().deliveries, 1);
}

#[test]
fn what_has_no_room_in_a_visibility_timeout_begins_a_new_one() {
    // 15 + (100 + 15) + (100 + 15) are 245, and 360 with the third.
    let plan =
        [(0, 1, "first delivery"), (100, 1, "timer"), (200, 1, "timer"), (300, 2, "redelivery"), (400, 2, "timer")];
    assert_eq!(shown(&schedule(&[100; 4], REDELIVERS)), plan);
}

fn arrival(delivery: u32, elapsed: u64) -> Arrival {
    let elapsed = Duration::from_secs(elapsed);
    Arrival { delivery, elapsed, visible_for: Duration::from_secs(300) }
}

fn attempt(attempt: usize) -> Next {
    Next::AttemptNow { attempt, hidden_for: None }
}

#[test]
fn a_redelivery_that_is_not_due_is_left_alone() {
    let schedule = schedule(&USUAL, REDELIVERS);
    let message = schedule.of_message(0);
    for (delivery, elapsed, next) in [
        (1, 0, attempt(0)),
        (2, 300, Next::LeaveToRedelivery),
        (3, 600, attempt(4)),
        (4, 900, Next::LeaveToRedelivery),
        (5, 1200, attempt(5)),
        (6, 1500, Next::LeaveToRedelivery),
        (9, 2400, attempt(6)),
        (15, 4200, attempt(7)),
        // Whoever made the last attempt did not come to its end.
        (16, 4500, attempt(7)),
        (17, 4800, attempt(7)),
        // Nobody was there for long: no attempt is lost by that, and the pauses between them stay.
        (2, 1300, Next::LeaveToRedelivery),
        (2, 90_000, Next::LeaveToRedelivery),
        (3, 90_300, attempt(4)),
        (4, 90_600, Next::LeaveToRedelivery),
        (5, 90_900, attempt(5)),
    ] {
        assert_eq!(message.on_delivery(&arrival(delivery, elapsed)), next, "{delivery} {elapsed}");
    }
}

#[test]
fn what_is_left_to_the_mq_is_not_attempted_again() {
    let schedule = schedule(&USUAL, REDELIVERS).left_to_the_mq();
    let message = schedule.of_message(0);
    assert_eq!(message.on_delivery(&arrival(15, 4200)), attempt(7));
    assert_eq!(message.on_delivery(&arrival(16, 4500)), Next::GiveUp);
    assert_eq!(message.on_delivery(&arrival(17, 4800)), Next::GiveUp);
    // The MQ's last delivery comes before the schedule's end.
    assert_eq!(message.on_delivery(&arrival(17, 900)), attempt(7));
}

#[test]
fn a_place_is_found_again_after_a_kill() {
    let schedule = schedule(&USUAL, NACKS);
    let message = schedule.of_message(0);
    let seconds = Duration::from_secs;
    let nack = |seconds| Next::NackWithDelay(Duration::from_secs(seconds));
    for (delivery, elapsed, next) in [
        // Killed in the first delivery, which comes again after the visibility timeout; attempt 4 is due at 455.
        (2, seconds(300), nack(155)),
        (3, seconds(455), attempt(4)),
        // Killed while attempt 4 was made.
        (4, seconds(756), nack(299)),
        // As planned.
        (2, seconds(456), attempt(4)),
        (3, seconds(1058), attempt(5)),
        // The message waited for a day before its first delivery, or nobody received for a day: its number says where it is.
        (2, seconds(86_400), attempt(4)),
        (3, seconds(86_400), attempt(5)),
        (5, seconds(86_400), attempt(7)),
        (6, seconds(86_400), attempt(7)),
    ] {
        let arrival = Arrival { delivery, elapsed, visible_for: Duration::from_secs(300) };
        assert_eq!(message.on_delivery(&arrival), next, "{arrival:?}");
    }
}

#[test]
fn failures_are_followed_by_their_pauses() {
    let redelivers = schedule(&USUAL, REDELIVERS);
    let nacks = schedule(&USUAL, NACKS);
    let (redelivers, nacks) = (redelivers.of_message(0), nacks.of_message(0));
    let visible = Duration::from_secs;
    let wait = |pause, attempt, hidden_for: Option<u64>| Next::WaitInside {
        pause: Duration::from_secs(pause),
        attempt,
        hidden_for: hidden_for.map(Duration::from_secs),
    };
    assert_eq!(redelivers.after_failure(0, 1, visible(299), None), wait(5, 1, None));
    assert_eq!(redelivers.after_failure(0, 1, visible(299), Some(visible(60))), wait(60, 1, None));
    assert_eq!(redelivers.after_failure(2, 1, visible(100), None), Next::LeaveToRedelivery);
    assert_eq!(redelivers.after_failure(3, 1, visible(100), None), Next::LeaveToRedelivery);
    assert_eq!(redelivers.after_failure(0, 17, visible(299), None), wait(5, 1, None));
    assert_eq!(redelivers.after_failure(3, 17, visible(100), None), Next::GiveUp);
    assert_eq!(redelivers.after_failure(7, 15, visible(299), None), Next::GiveUp);
    assert_eq!(nacks.after_failure(2, 1, visible(100), None), wait(120, 3, Some(136)));
    // A pause, an attempt and a second's margin are 21 s: what is hidden for so long needs no change.
    assert_eq!(nacks.after_failure(0, 1, visible(21), None), wait(5, 1, None));
    assert_eq!(nacks.after_failure(0, 1, visible(20), None), wait(5, 1, Some(21)));
    assert_eq!(nacks.after_failure(3, 1, visible(100), None), Next::NackWithDelay(visible(300)));
    assert_eq!(nacks.after_failure(0, 1, visible(290), Some(visible(3600))), Next::NackWithDelay(visible(3600)));
    assert_eq!(
        nacks.on_delivery(&Arrival { visible_for: visible(3), ..arrival(1, 0) }),
        Next::AttemptNow { attempt: 0, hidden_for: Some(visible(16)) }
    );
    assert_eq!(nacks.on_delivery(&Arrival { visible_for: visible(16), ..arrival(1, 0) }), attempt(0));
}

/// What a message goes through when nothing takes it.
#[derive(Debug, Default)]
struct Life {
    /// When attempts began, and which.
    attempts: Vec<(Duration, usize)>,
    deliveries: u32,
}

/// Plays a message's life at an MQ. Attempts take `took`; `kills` are the numbers of attempts at whose end the process is killed.
/// `waited` is how long the message lay there before its first delivery, where the MQ does not tell when that was; or for how long
/// nobody received.
fn play(schedule: &RetrySchedule, seed: u64, took: Duration, waited: Option<Duration>, kills: &[usize]) -> Life {
    let visibility_timeout = schedule.means.visibility_timeout;
    let message = schedule.of_message(seed);
    let mut life = Life::default();
    let mut now = Duration::ZERO;
    'deliveries: loop {
        life.deliveries += 1;
        assert!(life.deliveries < 10_000, "no end");
        let mut hidden_until = now + visibility_timeout;
        let elapsed = waited.unwrap_or_default() + now;
        let arrival = Arrival { delivery: life.deliveries, elapsed, visible_for: hidden_until - now };
        let mut next = message.on_delivery(&arrival);
        loop {
            let hide = |now: Duration, hidden_for: Option<Duration>, until: &mut Duration| {
                if let Some(hidden_for) = hidden_for {
                    assert!(schedule.means.extends);
                    assert!(hidden_for <= visibility_timeout);
                    *until = now + hidden_for;
                }
            };
            let attempt = match next {
                Next::AttemptNow { attempt, hidden_for } => {
                    hide(now, hidden_for, &mut hidden_until);
                    attempt
                }
                Next::WaitInside { pause, attempt, hidden_for } => {
                    hide(now, hidden_for, &mut hidden_until);
                    now += pause;
                    attempt
                }
                Next::NackWithDelay(pause) => {
                    now += pause;
                    continue 'deliveries;
                }
                Next::LeaveToRedelivery => {
                    now = hidden_until;
                    continue 'deliveries;
                }
                Next::GiveUp => return life,
            };
            life.attempts.push((now, attempt));
            now += took;
            assert!(now < hidden_until, "an attempt while others may have the message");
            if kills.contains(&life.attempts.len()) {
                now = hidden_until;
                continue 'deliveries;
            }
            next = message.after_failure(attempt, life.deliveries, hidden_until - now, None);
        }
    }
}

fn any_schedule() -> impl Strategy<Value = RetrySchedule> {
    let pauses = prop::collection::vec((0_u64..4000).prop_map(Duration::from_secs), 0..12);
    let means = (20_u64..400, any::<bool>()).prop_map(|(visibility_timeout, nacks)| Means {
        visibility_timeout: Duration::from_secs(visibility_timeout),
        deliveries: None,
        ..if nacks { NACKS } else { REDELIVERS }
    });
    (pauses, 0_u32..=50, means)
        .prop_map(|(pauses, jitter, means)| RetrySchedule::new(pauses, jitter, Duration::from_secs(15), means))
}

proptest! {
    #[test]
    fn every_attempt_is_made_in_order_and_not_before_its_pause(
        schedule in any_schedule(),
        seed: u64,
        took in 0_u64..=15,
        waited in 0_u64..100_000,
    ) {
        let took = Duration::from_secs(took);
        let life = play(&schedule, seed, took, Some(Duration::from_secs(waited)), &[]);
        let message = schedule.of_message(seed);
        let plan = schedule.plan();
        prop_assert!(life.deliveries <= plan.deliveries, "{life:?} {plan:?}");
        let slack = SECOND;
        let drift = took * u32::try_from(schedule.attempts()).unwrap();
        for pair in life.attempts.windows(2) {
            let ((before, earlier), (after, later)) = (pair[0], pair[1]);
            prop_assert!(earlier < later, "{life:?}");
            let pauses: Duration = (earlier..later).map(|attempt| message.pause_after(attempt)).sum();
            // Redeliveries have a time of their own: what one is late the next is early.
            let early = if schedule.means.nack_delay.is_some() { slack } else { schedule.means.visibility_timeout + slack };
            prop_assert!(after + early >= before + pauses, "{life:?}");
        }
        let (last, attempt) = *life.attempts.last().unwrap();
        prop_assert_eq!(attempt, schedule.pauses.len());
        prop_assert!(last <= plan.total + drift + slack, "{:?} {:?}", last, plan);
        // Where nobody is late each is made once.
        if took.is_zero() {
            prop_assert_eq!(life.attempts.len(), schedule.attempts());
        }
    }

    #[test]
    fn kills_end_no_schedule_and_make_none_endless(
        schedule in any_schedule(),
        seed: u64,
        waited in prop::option::of((0_u64..100_000).prop_map(Duration::from_secs)),
        kills in prop::collection::vec(1_usize..12, 0..4),
    ) {
        let life = play(&schedule, seed, SECOND, waited, &kills);
        let (last, attempt) = *life.attempts.last().unwrap();
        prop_assert_eq!(attempt, schedule.pauses.len());
        let total: Duration = schedule.pauses.iter().map(|pause| schedule.longest(*pause)).sum();
        let most = total + (schedule.means.visibility_timeout + 16 * SECOND) * (2 * 4 + 12);
        prop_assert!(last <= most, "{:?} {:?}", last, most);
        prop_assert!(life.attempts.len() <= schedule.attempts() + kills.len(), "{:?}", life);
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_is_the_same_again(seed: u64, percent in 0_u32..=50, pause in 1_u64..86_400) {
        let pause = Duration::from_secs(pause);
        let schedule = RetrySchedule::new(vec![pause; 4], percent, SECOND, NACKS);
        for attempt in 0..4 {
            let made = schedule.of_message(seed).pause_after(attempt);
            prop_assert_eq!(made, schedule.of_message(seed).pause_after(attempt));
            prop_assert!(made <= pause * (100 + percent) / 100 && made >= pause * (100 - percent) / 100);
        }
    }
}

#[test]
fn jitter_uses_its_whole_range() {
    let schedule = RetrySchedule::new(seconds(&[1000]), 10, SECOND, NACKS);
    let seeds = (0..1000).map(|number| seed_of(&format!("7F0000010000{number:04X}")));
    let pauses: Vec<u64> = seeds.map(|seed| schedule.of_message(seed).pause_after(0).as_secs()).collect();
    let (least, most) = (*pauses.iter().min().unwrap(), *pauses.iter().max().unwrap());
    assert!((900..910).contains(&least) && (1090..=1100).contains(&most), "{least} {most}");
}

#[test]
fn a_seed_is_that_of_the_published_algorithm() {
    // http://www.isthe.com/chongo/src/fnv/test_fnv.c
    for (text, seed) in [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
        assert_eq!(seed_of(text), seed, "{text}");
    }
}

#[test]
fn what_is_mixed_is_that_of_the_published_algorithm() {
    // SplitMix64 with the seed 1234567: https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64
    let mut state: u64 = 1_234_567;
    for number in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        assert_eq!(mixed(state), number);
    }
}

#[test]
fn a_tenth_of_a_short_visibility_timeout_is_kept_free() {
    for (visibility_timeout, margin) in [(5_000, 500), (10_000, 1000), (300_000, 1000)] {
        let means = Means { visibility_timeout: Duration::from_millis(visibility_timeout), ..NACKS };
        let schedule = RetrySchedule::new(Vec::new(), 0, SECOND, means);
        assert_eq!(schedule.hidden_for_attempt(), Duration::from_millis(1000 + margin), "{visibility_timeout}");
    }
}

//! The states of one circuit. Time and randomness come as arguments, and nothing here is shared.
//!
//! Closed, it counts failures in a row. Open, it lets two kinds of requests through: one of any key after each pause,
//! and pauses grow; and one of each key that had no failure of its own lately, since what opened the circuit may be the
//! doing of other keys alone. The first answer, to whichever request, closes it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::places::{FAILURE_COUNTS, Place, Places};
use crate::random::Random;

/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A try that taught nothing leaves its turn to the next, yet not sooner after its own start than this.
const SHORTEST_TURN: Duration = Duration::from_millis(100);
/// A circuit that opens and closes all the time is reported so often.
const REPORT_PAUSE: Duration = Duration::from_secs(10);

/// When an endpoint is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open the circuit.
    pub failures: u32,
    /// The pause between two tries of an open circuit: about a second at first, and never more than this.
    pub longest_pause: Duration,
    /// Keys known beforehand, each of which is looked at by itself; of others so many, and the rest together.
    pub keys: Arc<HashSet<String>>,
}

/// Why an endpoint is not called now.
#[derive(Debug, Clone)]
pub struct CircuitOpen {
    /// When the next request may try.
    pub until: Instant,
    /// Set while another request of the same key is finding out.
    trying: Option<watch::Receiver<()>>,
}

/// A circuit that opened or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitChange {
    /// After so many failures in a row; the first try comes after `pause`.
    Opened {
        /// In a row.
        failures: u32,
        /// Until the first try.
        pause: Duration,
    },
    /// The endpoint answered.
    Closed {
        /// How long the circuit was open.
        after: Duration,
    },
}

/// One circuit.
#[derive(Debug)]
pub(super) struct Circuit {
    failures_to_open: u32,
    longest_pause: Duration,
    random: Random,
    /// When the endpoint last answered somebody, as far as it was noted; at first the beginning.
    answered_at: Instant,
    /// Since the last answer.
    failures: u32,
    places: Places,
    open: Option<Open>,
    reported_at: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    /// From then on one request of any key may try.
    next_turn: Instant,
    /// The pause after that.
    pause: Duration,
    /// Held by each request that tries; says which opening it belongs to, too.
    tries: Arc<()>,
    reported: bool,
}

/// What lets a request through.
#[derive(Debug)]
pub(super) enum Pass {
    /// The circuit was closed.
    Closed,
    /// It was open, and this is the one request after a pause.
    Turn {
        opening: Arc<()>,
        /// What the pause was, and when this request ended it.
        pause: Duration,
        next_turn: Instant,
    },
    /// It was open, and this is the one request of its key. Dropping the sender wakes those that wait for it.
    OfItsKey { _opening: Arc<()>, _ended: watch::Sender<()> },
}

impl Circuit {
    pub(super) fn new(settings: &BreakerSettings, random: Random, now: Instant) -> Self {
        Self {
            failures_to_open: settings.failures,
            longest_pause: settings.longest_pause,
            random,
            answered_at: now,
            failures: 0,
            places: Places::new(Arc::clone(&settings.keys)),
            open: None,
            reported_at: None,
        }
    }

    /// The noted time of the last answer, while the circuit is closed and had no failure since.
    pub(super) fn calm_since(&self) -> Option<Instant> {
        (self.open.is_none() && self.failures == 0).then_some(self.answered_at)
    }

    /// 0 closed, 1 open, 2 half-open: open while a request tries.
    pub(super) fn gauge(&self) -> i64 {
        match &self.open {
            None => 0,
            Some(open) if Arc::strong_count(&open.tries) == 1 => 1,
            Some(_) => 2,
        }
    }

    pub(super) fn admit(&mut self, key: &str, now: Instant) -> Result<Pass, CircuitOpen> {
        let Some(open) = &mut self.open else { return Ok(Pass::Closed) };
        let place = self.places.of(key, now);
        if place.is_free(now) {
            let (ended, trying) = watch::channel(());
            *place = Place::Trying(trying);
            return Ok(Pass::OfItsKey { _opening: Arc::clone(&open.tries), _ended: ended });
        }
        if now >= open.next_turn {
            let pause = open.pause;
            open.next_turn = now + with_jitter(pause, &self.random);
            open.pause = (pause * 2).min(self.longest_pause);
            return Ok(Pass::Turn { opening: Arc::clone(&open.tries), pause, next_turn: open.next_turn });
        }
        Err(match place {
            Place::Free => CircuitOpen::until(open.next_turn),
            Place::Failed(at) => CircuitOpen::until(open.next_turn.min(*at + FAILURE_COUNTS)),
            Place::Trying(trying) => CircuitOpen { until: open.next_turn, trying: Some(trying.clone()) },
        })
    }

    /// The endpoint answered somebody: whatever it did to others, it is there.
    pub(super) fn answered(&mut self, now: Instant) -> Option<CircuitChange> {
        self.answered_at = now;
        self.failures = 0;
        self.places.clear();
        let open = self.open.take()?;
        open.reported.then(|| CircuitChange::Closed { after: now - open.since })
    }

    /// A request of `key` that began at `began` got no answer.
    pub(super) fn unanswered(&mut self, key: &str, began: Instant, now: Instant) -> Option<CircuitChange> {
        // Others were answered while this one was not: that is no failure of the endpoint.
        if self.answered_at > began {
            return None;
        }
        *self.places.of(key, now) = Place::Failed(now);
        if self.open.is_some() {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.failures_to_open {
            return None;
        }
        let pause = FIRST_PAUSE.min(self.longest_pause);
        let jittered = with_jitter(pause, &self.random);
        let reported = self.reported_at.is_none_or(|last| now >= last + REPORT_PAUSE);
        if reported {
            self.reported_at = Some(now);
        }
        self.open = Some(Open {
            since: now,
            next_turn: now + jittered,
            pause: (pause * 2).min(self.longest_pause),
            tries: Arc::new(()),
            reported,
        });
        reported.then_some(CircuitChange::Opened { failures: self.failures, pause: jittered })
    }

    /// The endpoint was seen to take connections again. Whether it answers, too, the next request finds out.
    pub(super) fn reachable(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            open.next_turn = open.next_turn.min(now);
            open.pause = FIRST_PAUSE.min(self.longest_pause);
        }
    }

    /// A request that began at `began` ended, and nothing was learned from it.
    pub(super) fn released(&mut self, pass: &Pass, began: Instant) {
        let (Some(open), Pass::Turn { opening, pause, next_turn }) = (&mut self.open, pass) else { return };
        // Unless another had its turn meanwhile.
        if Arc::ptr_eq(&open.tries, opening) && open.next_turn == *next_turn {
            open.next_turn = open.next_turn.min(began + SHORTEST_TURN);
            open.pause = *pause;
        }
    }
}

impl CircuitOpen {
    /// Until then, and nobody of the same key is finding out.
    #[must_use]
    pub fn until(until: Instant) -> Self {
        Self { until, trying: None }
    }

    /// What is known where two endpoints are left alone.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { until: self.until.min(other.until), trying: self.trying.or(other.trying) }
    }

    /// Waits until the request of the same key that is finding out has ended. Returns false when there is none, or when
    /// it takes longer than `deadline`: then nobody can say more.
    pub async fn is_decided_before(&self, deadline: Instant) -> bool {
        let Some(mut trying) = self.trying.clone() else { return false };
        // Nothing is ever sent: the sender goes when the request has ended.
        timeout_at(deadline, trying.changed()).await.is_ok()
    }
}

/// Three quarters of a pause to the whole of it, so that many processes do not try at the same moment.
fn with_jitter(pause: Duration, random: &Random) -> Duration {
    pause.mul_f64(0.75 + 0.25 * random.part())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_takes_its_whole_range() {
        let random = Random::seeded(1);
        let pauses: Vec<_> = (0..1000).map(|_| with_jitter(Duration::from_secs(1), &random).as_millis()).collect();
        let (shortest, longest) = (*pauses.iter().min().unwrap(), *pauses.iter().max().unwrap());
        assert!((750..755).contains(&shortest) && (995..=1000).contains(&longest), "{shortest} {longest}");
    }
}

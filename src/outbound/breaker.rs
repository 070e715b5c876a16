//! A circuit breaker for one endpoint: closed (called), open (left alone), half-open (one request tries).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::Gauge;

/// Until the next request may try an endpoint whose first probe has not ended.
const PROBE_PAUSE: Duration = Duration::from_secs(1);

/// When an endpoint is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open the circuit.
    pub failures: u32,
    /// How long it stays open.
    pub open: Duration,
}

/// One endpoint's circuit, for every thread.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    /// Whether the state is anything but "closed without failures": spares the common request the lock.
    troubled: AtomicBool,
    /// A std lock: held for a few lines, never over an await.
    state: Mutex<State>,
    /// 0 closed, 1 open, 2 half-open.
    gauge: Gauge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One request is under way to find out; from `again` on one more may, since the first may be a long poll.
    HalfOpen {
        again: Instant,
    },
}

/// Why an endpoint is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it failed too often and is left alone for {} s more", .wait.as_secs())]
pub struct CircuitOpen {
    /// How long it is left alone still.
    pub wait: Duration,
}

/// What a finished call says about its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered.
    Alive,
    /// It could not be reached, or answered nothing that could be used.
    Failed,
}

/// The right to call the endpoint once. Dropped without a verdict (the caller went away), it leaves the state as it
/// was, but for a probe, whose place is free again.
#[derive(Debug)]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
    settled: bool,
}

impl Breaker {
    /// A closed circuit; `gauge` shows its state.
    #[must_use]
    pub fn new(settings: BreakerSettings, gauge: Gauge) -> Self {
        gauge.set(0);
        let state = Mutex::new(State::Closed { failures: 0 });
        Self { settings, troubled: AtomicBool::new(false), state, gauge }
    }

    /// Asks for the right to one call.
    ///
    /// # Errors
    /// [`CircuitOpen`] while the endpoint is left alone.
    pub fn admit(&self, now: Instant) -> Result<Permit<'_>, CircuitOpen> {
        let permit = |probe| Permit { breaker: self, probe, settled: false };
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(permit(false));
        }
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => Ok(permit(false)),
            State::Open { until } if now >= until => {
                self.enter(&mut state, State::HalfOpen { again: now + PROBE_PAUSE });
                Ok(permit(true))
            }
            State::Open { until } => Err(CircuitOpen { wait: until - now }),
            State::HalfOpen { again } if now >= again => {
                self.enter(&mut state, State::HalfOpen { again: now + PROBE_PAUSE });
                Ok(permit(true))
            }
            // The probe's answer is awaited: come back soon.
            State::HalfOpen { again } => Err(CircuitOpen { wait: again - now }),
        }
    }

    fn settle(&self, verdict: Verdict, probe: bool, now: Instant) {
        if verdict == Verdict::Alive && !self.troubled.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.lock();
        let open = State::Open { until: now + self.settings.open };
        let next = match (*state, verdict) {
            (State::Closed { .. }, Verdict::Alive) => State::Closed { failures: 0 },
            (State::Closed { failures }, Verdict::Failed) if failures + 1 >= self.settings.failures => open,
            (State::Closed { failures }, Verdict::Failed) => State::Closed { failures: failures + 1 },
            // Only the probe's verdict counts once the circuit has opened: others began before.
            (State::HalfOpen { .. }, Verdict::Alive) if probe => State::Closed { failures: 0 },
            (State::HalfOpen { .. }, Verdict::Failed) if probe => open,
            (unchanged @ (State::HalfOpen { .. } | State::Open { .. }), _) => unchanged,
        };
        self.enter(&mut state, next);
    }

    fn enter(&self, state: &mut State, next: State) {
        *state = next;
        self.troubled.store(next != State::Closed { failures: 0 }, Ordering::Release);
        self.gauge.set(match next {
            State::Closed { .. } => 0,
            State::Open { .. } => 1,
            State::HalfOpen { .. } => 2,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Notes what became of the call.
    pub fn settle(mut self, verdict: Verdict, now: Instant) {
        self.settled = true;
        self.breaker.settle(verdict, self.probe, now);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe && !self.settled {
            let mut state = self.breaker.lock();
            if matches!(*state, State::HalfOpen { .. }) {
                // Nothing was learned: the next request may try at once.
                self.breaker.enter(&mut state, State::Open { until: Instant::now() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::telemetry::Metrics;

    const OPEN: Duration = Duration::from_secs(30);

    fn breaker() -> Breaker {
        let gauge = Metrics::new().unwrap().upstream.circuit_breaker_state("p", "e");
        Breaker::new(BreakerSettings { failures: 5, open: OPEN }, gauge)
    }

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.admit(now).unwrap().settle(Verdict::Failed, now);
        }
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_one_probe_closes_it() {
        let (breaker, start) = (breaker(), Instant::now());
        fail(&breaker, 4, start);
        breaker.admit(start).unwrap().settle(Verdict::Alive, start);
        fail(&breaker, 5, start);
        assert_eq!((breaker.admit(start).unwrap_err().wait, breaker.gauge.get()), (OPEN, 1));
        let later = start + OPEN;
        let probe = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_err(), "one probe only");
        assert_eq!(breaker.gauge.get(), 2);
        probe.settle(Verdict::Failed, later);
        assert_eq!(breaker.admit(later).unwrap_err().wait, OPEN);
        breaker.admit(later + OPEN).unwrap().settle(Verdict::Alive, later + OPEN);
        assert_eq!(breaker.gauge.get(), 0);
        fail(&breaker, 4, later + OPEN);
        assert!(breaker.admit(later + OPEN).is_ok());
    }

    #[test]
    fn a_probe_that_takes_long_is_not_the_only_one() {
        let (breaker, start) = (breaker(), Instant::now());
        fail(&breaker, 5, start);
        let late = start + OPEN;
        let slow = breaker.admit(late).unwrap();
        assert_eq!(breaker.admit(late).unwrap_err(), CircuitOpen { wait: PROBE_PAUSE });
        let second = breaker.admit(late + PROBE_PAUSE).unwrap();
        second.settle(Verdict::Alive, late + PROBE_PAUSE);
        slow.settle(Verdict::Failed, late + OPEN);
        assert!(breaker.admit(late + OPEN).is_ok(), "one failure does not open it again");
    }

    #[test]
    fn what_began_before_the_circuit_opened_changes_nothing() {
        let (breaker, start) = (breaker(), Instant::now());
        let before = breaker.admit(start).unwrap();
        fail(&breaker, 5, start);
        before.settle(Verdict::Alive, start);
        let open = breaker.admit(start + Duration::from_secs(10)).unwrap_err();
        assert_eq!(open.to_string(), "it failed too often and is left alone for 20 s more");
    }

    #[test]
    fn a_probe_whose_caller_went_away_frees_its_place() {
        let (breaker, start) = (breaker(), Instant::now());
        fail(&breaker, 5, start);
        drop(breaker.admit(start + OPEN).unwrap());
        assert!(breaker.admit(start + OPEN * 2).is_ok());
    }

    proptest! {
        /// While it is open, requests get through once per `OPEN` at most.
        #[test]
        fn an_open_circuit_is_probed_rarely(steps in prop::collection::vec((0_u64..20, any::<bool>()), 1..60)) {
            let (breaker, mut now) = (breaker(), Instant::now());
            fail(&breaker, 5, now);
            let (mut last_probe, mut open) = (now, true);
            for (seconds, alive) in steps {
                now += Duration::from_secs(seconds);
                let Ok(permit) = breaker.admit(now) else { continue };
                if open {
                    prop_assert!(now - last_probe >= OPEN);
                    last_probe = now;
                    open = !alive;
                }
                if open || alive {
                    permit.settle(if alive { Verdict::Alive } else { Verdict::Failed }, now);
                }
            }
        }
    }
}

//! A circuit breaker for one endpoint: closed (called), open (left alone), half-open (a request tries).
//!
//! Many kinds of traffic share an endpoint, and each request names its own by a key. What one of them meets must not
//! decide for the others, so only failures in which the endpoint answered nobody count, and an open circuit is tried
//! by each key on its own.

mod circuit;
mod places;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::random::Random;
use crate::telemetry::CircuitMetrics;

pub use circuit::{BreakerSettings, CircuitChange, CircuitOpen};
use circuit::{Circuit, Pass};

/// While all is well, the time of an answer is noted this often, in nanoseconds.
const NOTE_PAUSE: u64 = 100_000_000;

/// One endpoint's circuit, for every thread.
#[derive(Debug)]
pub struct Breaker {
    created: Instant,
    /// When the last answer was noted, in nanoseconds since `created`, and 1 at least; 0 while the circuit is anything
    /// but closed without failures. It is all that the common request looks at.
    calm: AtomicU64,
    /// A std lock: held for a few lines, never over an await.
    circuit: Mutex<Circuit>,
    metrics: CircuitMetrics,
}

/// What a finished call says about its endpoint. A call that says nothing has no verdict: its permit is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered, be it with an error or with something that cannot be used.
    Answered,
    /// It could not be reached, or did not answer though it had its time.
    Unanswered,
}

/// The right to call the endpoint once. Dropped without a verdict (the caller went away, or its time was short), it
/// leaves the state as it was, and the place of a request that tries is free again.
#[derive(Debug)]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    key: &'a str,
    began: Instant,
    pass: Pass,
}

impl Breaker {
    /// A closed circuit; `metrics` show its state.
    #[must_use]
    pub fn new(settings: &BreakerSettings, random: Random, metrics: CircuitMetrics) -> Self {
        metrics.state.set(0);
        let created = Instant::now();
        let circuit = Mutex::new(Circuit::new(settings, random, created));
        Self { created, calm: AtomicU64::new(1), circuit, metrics }
    }

    /// Asks for the right to one call of the traffic that `key` names.
    ///
    /// # Errors
    /// [`CircuitOpen`] while the endpoint is left alone.
    pub fn admit<'a>(&'a self, key: &'a str, now: Instant) -> Result<Permit<'a>, CircuitOpen> {
        let permit = |pass| Permit { breaker: self, key, began: now, pass };
        if self.calm.load(Ordering::Acquire) != 0 {
            return Ok(permit(Pass::Closed));
        }
        self.change(|circuit| circuit.admit(key, now)).map(permit)
    }

    /// Notes that the endpoint answered something that no permit was asked for: a circuit that is open closes.
    #[must_use = "a circuit that closes is logged"]
    pub fn answered(&self, now: Instant) -> Option<CircuitChange> {
        let noted = self.calm.load(Ordering::Acquire);
        if noted != 0 && self.nanos(now) < noted.saturating_add(NOTE_PAUSE) {
            return None;
        }
        self.change(|circuit| circuit.answered(now))
    }

    /// Notes that the endpoint takes connections again: while its circuit is open, the next request may try at once.
    pub fn reachable(&self, now: Instant) {
        if self.calm.load(Ordering::Acquire) == 0 {
            self.change(|circuit| circuit.reachable(now));
        }
    }

    /// Changes the state, and shows what it is then.
    fn change<T>(&self, change: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        let was_closed = circuit.gauge() == 0;
        let result = change(&mut circuit);
        self.calm.store(circuit.calm_since().map_or(0, |since| self.nanos(since)), Ordering::Release);
        let state = circuit.gauge();
        self.metrics.state.set(state);
        if was_closed && state != 0 {
            self.metrics.opened.inc();
        }
        result
    }

    /// Never 0, which `calm` keeps for trouble.
    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.created);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

impl Permit<'_> {
    /// Whether the circuit is open, and this call finds out whether it can be closed.
    #[must_use]
    pub fn is_try(&self) -> bool {
        !matches!(self.pass, Pass::Closed)
    }

    /// Notes what became of the call.
    #[must_use = "a circuit that opens or closes is logged"]
    pub fn settle(mut self, verdict: Verdict, now: Instant) -> Option<CircuitChange> {
        let pass = std::mem::replace(&mut self.pass, Pass::Closed);
        match verdict {
            Verdict::Answered => self.breaker.answered(now),
            Verdict::Unanswered => self.breaker.change(|circuit| {
                let change = circuit.unanswered(self.key, self.began, now);
                drop(pass);
                change
            }),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let pass = std::mem::replace(&mut self.pass, Pass::Closed);
        if !matches!(pass, Pass::Closed) {
            self.breaker.change(|circuit| {
                circuit.released(&pass, self.began);
                drop(pass);
            });
        }
    }
}

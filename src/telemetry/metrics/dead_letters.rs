//! Dead letters that operators dealt with.

use super::handles::Counters;
use super::registrar::{MetricsError, Registrar};

/// The area's metrics.
#[derive(Debug)]
pub struct DeadLetterFamilies {
    handled: Counters<2>,
}

impl DeadLetterFamilies {
    pub(super) fn register(registrar: &mut Registrar) -> Result<Self, MetricsError> {
        Ok(Self {
            handled: registrar.counters(
                "dead_letters_handled_total",
                "Dead letters that operators' verbs dealt with: seen, redriven, dropped, failed (still there), unknown (still there, \
                 and perhaps sent again).",
                ["topic", "result"],
            )?,
        })
    }

    /// Counts some of a topic, whose label is bounded.
    pub fn handled(&self, topic: &str, result: &'static str, number: usize) {
        if number > 0 {
            self.handled.with([topic, result]).inc_by(u64::try_from(number).unwrap_or(u64::MAX));
        }
    }
}

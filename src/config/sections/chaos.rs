//! `[embedded.chaos]`: an embedded endpoint that behaves badly on purpose.

use std::time::Duration;

use crate::config::section::section;
use crate::config::values::{Kind, RATE, minutes, seconds};
use crate::spans::Ratio;

section! {
    /// Lets the embedded endpoint behave badly on purpose, for tests of services that use it: never where messages matter. Off unless
    /// something here is set; the start logs a warning, and `/readyz?verbose` names it.
    pub struct ChaosConfig at "embedded.chaos" {
        /// Every request is answered this much later.
        latency: Duration, Kind::duration(seconds(0), minutes(1)), default("0s");
        /// How many requests get an error of the vendor's, and nothing is done for them: half of the errors say so, and half leave it open.
        error_rate: Ratio, Kind::Text(RATE), default("0");
        /// How many messages are delivered once more at once, whether or not their first delivery is acknowledged.
        duplicate_deliveries: Ratio, Kind::Text(RATE), default("0");
        /// How many requests are done and not answered: their connection is closed. What was to be published is stored then.
        dropped_answers: Ratio, Kind::Text(RATE), default("0");
        /// Seed of the random choices: one caller that asks the same again meets the same.
        seed: Option<u64>, Kind::integer(0, i64::MAX), unset("another one at each start");
    }
}

impl ChaosConfig {
    /// Whether anything is set.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.latency.is_zero()
            || [self.error_rate, self.duplicate_deliveries, self.dropped_answers].iter().any(|rate| !rate.is_nothing())
    }
}

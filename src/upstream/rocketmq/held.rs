//! A delivery in our hands, with the memory that it takes.

use std::time::Duration;

use tokio::time::Instant;

use crate::memory::Charge;
use crate::model::Delivery;

/// And never longer.
const LONGEST_KEPT: Duration = Duration::from_secs(3);

/// A delivery that has no taker yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) delivery: Delivery,
    pub(super) charge: Charge,
    /// Then it is given back.
    pub(super) until: Instant,
}

/// Longest time that a delivery is kept for a caller who is still to come: a tenth of the time that it is hidden from others.
pub(super) fn kept_for(visibility_timeout: Duration) -> Duration {
    LONGEST_KEPT.min(visibility_timeout / 10)
}

impl Held {
    /// Kept for a caller who is still to come.
    pub(super) fn new(delivery: Delivery, charge: Charge, visibility_timeout: Duration) -> Self {
        Self { delivery, charge, until: Instant::now() + kept_for(visibility_timeout) }
    }
}

//! How a delivery's holder changes until when others do not get it, and what comes of that.

use std::time::Duration;

use super::{UnixMillis, UpstreamHandle, Verb};

/// What a holder asks for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisibilityChange {
    /// Why.
    pub verb: Verb,
    /// For how long from now others do not get it.
    pub hidden_for: Duration,
}

/// A delivery whose visibility was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedDelivery {
    /// What the MQ knows it by from here on, where that is something new: then the old handle is good for nothing.
    pub new_handle: Option<UpstreamHandle>,
    /// When others get it unless it is acknowledged.
    pub visible_again_at: UnixMillis,
}

//! Where the process is in its life.

/// It only moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Everything is served.
    Serving,
    /// Not ready any more, so that load balancers leave, and everything is served still.
    Draining,
    /// What waits ends now, what is under way ends in order.
    Stopping,
}

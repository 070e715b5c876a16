//! The coarse time of connections.

/// Milliseconds of a thread's own time. They wrap: only differences mean something.
pub(super) type Tick = u32;

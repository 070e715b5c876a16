//! How much the protocol takes, by the defaults of the server.

/// Largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 4 << 20;
/// Most messages in one receive: more is cut to this without a word.
pub const MAX_RECEIVE: u32 = 32;
/// Most receipt handles in one acknowledgement; the protocol has no limit of its own.
pub const MAX_ACK: usize = 32;
/// How long one receive is held open. The server holds it no shorter by default, and a longer one is not woken by a message that
/// becomes visible again.
pub const POLL_SECONDS: u64 = 5;
/// Shortest time that a delivery is hidden.
pub const MIN_VISIBILITY_SECONDS: u64 = 10;
/// Longest time that a delivery is hidden.
pub const MAX_VISIBILITY_SECONDS: u64 = 12 * 3600;
/// Longest message group, in bytes.
pub(super) const MAX_GROUP_BYTES: usize = 63;
/// Most properties of a message.
pub(super) const MAX_PROPERTIES: usize = 128;
/// Most bytes of all of a message's properties, names and values.
pub(super) const MAX_PROPERTY_BYTES: usize = 16 << 10;

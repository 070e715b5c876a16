//! How much the protocol takes.

/// Largest body that the vendor takes, in bytes (protocol notes ONS 3.4).
pub const MAX_BODY_BYTES: usize = 65_536;
/// Most messages in one consume (protocol notes ONS 4).
pub const MAX_CONSUME: u32 = 32;
/// Longest `timeout` of a consume, in milliseconds (protocol notes ONS 7, item 10).
pub const MAX_TIMEOUT_MILLIS: u64 = 35_000;
/// Longest `key`, in characters, with all of a message's keys in it (protocol notes ONS 3.2).
pub(super) const MAX_KEY_CHARS: usize = 128;

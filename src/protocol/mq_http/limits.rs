//! How much the protocol takes.

/// Most messages in one consume (protocol notes MQ HTTP 2).
pub const MAX_CONSUME: u32 = 16;
/// Most receipt handles in one acknowledgement (protocol notes MQ HTTP 3).
pub const MAX_ACK: usize = 16;
/// Longest `waitseconds` of a consume (protocol notes MQ HTTP 2).
pub const MAX_WAIT_SECONDS: u64 = 30;
/// Largest body of a normal or an ordered message, in bytes (protocol notes MQ HTTP 3, limits).
pub const MAX_BODY_BYTES: usize = 4 << 20;
/// Most that the text of `Properties` takes, in bytes (the same).
pub const MAX_PROPERTY_BYTES: usize = 16 << 10;

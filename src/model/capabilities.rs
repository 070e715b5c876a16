//! What an upstream's protocol can do: validated against, and shown in discovery.

use std::time::Duration;

/// What one profile's protocol carries and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities, shown to callers one by one")]
pub struct Capabilities {
    /// The protocol's name as in the configuration.
    pub protocol: &'static str,
    /// Largest message body in bytes.
    pub max_message_bytes: usize,
    /// Most messages in one receive.
    pub max_receive_messages: u32,
    /// Longest long poll.
    pub max_wait: Duration,
    /// Carries `properties`.
    pub properties: bool,
    /// Carries `deliver_at` and `delay_seconds`.
    pub delayed_delivery: bool,
    /// Carries `message_group`.
    pub message_groups: bool,
    /// A message may have both a time and a message group.
    pub delayed_message_groups: bool,
    /// Carries bodies that are no UTF-8.
    pub binary_bodies: bool,
    /// Carries an empty body.
    pub empty_bodies: bool,
    /// Filters a receive by tags.
    pub tag_filter: bool,
    /// Delivers to a group in order: nothing more of a message group until what is out of it is acknowledged.
    pub ordered_groups: bool,
    /// A receive may choose its visibility timeout.
    pub visibility_timeout: bool,
    /// Can give a delivery back.
    pub nack: bool,
    /// Can keep a delivery longer.
    pub extend: bool,
    /// Carries half messages, which a transaction commits or rolls back.
    pub transactions: bool,
}

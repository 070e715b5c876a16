//! RocketMQ 5, gRPC service `apache.rocketmq.v2.MessagingService` (protocol notes RocketMQ 5, section 3).
//!
//! Every call carries its client's id and, where the cluster checks keys, a signature of nothing but the time. What came of it
//! is the [`wire::Status`] in the answer. Bodies are bytes, properties a map; a message's id is made by who sends it.

mod body;
mod code;
mod delivery;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod limits;
mod message;
mod message_ids;
mod metadata;
mod method;
mod objection;
mod receipt_handle;
mod refusal_text;
mod settings;
pub mod wire;

pub use code::Code;
pub use delivery::{Decoded, Unreadable, decode_delivery};
pub use limits::{MAX_ACK, MAX_BODY_BYTES, MAX_RECEIVE, MAX_VISIBILITY_SECONDS, MIN_VISIBILITY_SECONDS, POLL_SECONDS};
pub use message::{encode_message, message_type, type_name};
pub use message_ids::MessageIds;
pub use metadata::{Client, Metadata, encode_metadata, metadata, string_to_sign};
pub use method::Method;
pub use objection::objection;
pub use receipt_handle::{Handle, MalformedHandle};
pub use refusal_text::{broker_is_not_found, nothing_was_sent, settings_are_lost};
pub use settings::{GroupSettings, asking_settings, consumer_settings, group_settings};

#[cfg(test)]
mod tests;

//! The vendors' wire formats, pure codecs in both directions: no socket, no clock, no HTTP library.
//!
//! The upstream encodes what the embedded endpoint decodes, and the other way round for responses, so each format is
//! written down once. What a protocol does not carry of a message, and what its requests look like signed, is decided
//! here for everybody who sends one. RocketMQ 5 is behind the cargo feature `rocketmq`, with the crates that only it needs.

mod clock_offset;
pub mod cloud_events;
pub mod dead_letter;
mod delay_mark;
mod error_code;
pub mod form;
pub mod mq_http;
mod objection;
pub mod ons_http;
#[cfg(feature = "rocketmq")]
pub mod rocketmq;
mod signed_by;
mod visibility_mark;

pub use clock_offset::ClockOffset;
pub use delay_mark::{DELAY_MARK, mark_delay};
pub use objection::Objection;
pub use signed_by::SignedBy;
pub use visibility_mark::VISIBILITY_MARK;

//! The ONS HTTP protocol of 2015–2019 (protocol notes ONS).
//!
//! One resource, `/message/`, three methods. Publish is `POST` with the raw body, consume `GET`, acknowledge `DELETE`;
//! the rest travels in the query (`topic`, `time`, …) and in the headers `AccessKey`, `Signature` and `ProducerID` or
//! `ConsumerID`. Answers: 201 `{"msgId","sendStatus"}`, 200 `[…]`, 204; errors 400 `{"code","info"}`, 403 and 408 with
//! an empty body.

mod answer;
mod refusal;
mod request;

pub use answer::{
    AnswerError, Consumed, ErrorBody, decode_consumed, decode_error, decode_published, encode_consumed,
    encode_published,
};
pub use refusal::{ForbiddenReason, Refusal};
pub use request::{Acknowledge, Consume, Demand, Encoded, Header, Publish, Request, Signed, decode};

/// Largest body that the vendor takes, in bytes (protocol notes ONS 3.4).
pub const MAX_BODY_BYTES: usize = 65_536;
/// Most messages in one consume (protocol notes ONS 4).
pub const MAX_CONSUME: u32 = 32;
/// Longest `timeout` of a consume, in milliseconds (protocol notes ONS 7, item 10).
pub const MAX_TIMEOUT_MILLIS: u64 = 35_000;
/// The vendor's own content type for publishes, and the one of our answers (protocol notes ONS 7, items 11 and 23).
pub const CONTENT_TYPE: &str = "text/html;charset=UTF-8";

#[cfg(test)]
mod tests;

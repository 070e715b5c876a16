//! The ONS HTTP protocol of 2015–2019 (protocol notes ONS).
//!
//! One resource, `/message/`, three methods. Publish is `POST` with the raw body, consume `GET`, acknowledge `DELETE`;
//! the rest travels in the query (`topic`, `time`, …) and in the headers `AccessKey`, `Signature` and `ProducerID` or
//! `ConsumerID`. Responses: 201 `{"msgId","sendStatus"}`, 200 `[…]`, 204; errors 400 `{"code","info"}`, 403 and 408 with
//! an empty body. A `PUT`, and a header of a `GET`, are no part of it, but ours (see `visibility_mark`): 200
//! `{"visibleAgainAt"}`, 410 for a handle that is no longer valid.

mod decode;
mod error_code;
mod flaw;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod header;
mod limits;
mod objection;
mod refusal;
mod request;
mod response;

pub use decode::{Authentication, Signed, decode};
pub use error_code::ErrorCode;
pub use flaw::wrong_topic_type;
pub use header::{CONTENT_TYPE, Header};
pub use limits::{MAX_BODY_BYTES, MAX_CONSUME, MAX_TIMEOUT_MILLIS};
pub use objection::objection;
pub use refusal::{ForbiddenReason, Refusal};
pub use request::{Acknowledge, ChangeVisibility, Consume, Publish, Request};
pub use response::{
    Consumed, ErrorBody, ResponseError, decode_changed, decode_consumed, decode_error, decode_published,
    encode_changed, encode_consumed, encode_published,
};

#[cfg(test)]
mod tests;

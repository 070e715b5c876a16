//! The MQ HTTP protocol, `x-mq-version` 2015-06-06 (protocol notes MQ HTTP).
//!
//! One resource, `/topics/{topic}/messages`, three methods. Publish is `POST` with a `Message` document, consume `GET`,
//! acknowledge `DELETE` with `ReceiptHandles`. Responses: 201 `Message`, 200 `Messages`, 204 without a body; an `Error`
//! document otherwise, 404 among them for a poll that found nothing, and 404 `Errors` for handles that were not taken.

mod body;
mod consumed;
mod elements;
mod error;
mod error_code;
mod flaw;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod headers;
mod limits;
mod message;
mod objection;
mod part;
mod plain_events;
mod properties;
mod read;
mod refusal;
mod request;
mod response;
mod target;
mod write;

pub use body::{BODY_ENCODING_PROPERTY, body_md5, is_xml_text};
pub use consumed::{Consumed, decode_consumed, encode_consumed};
pub use elements::NAMESPACE;
pub use error::{AckError, ErrorBody, decode_ack_errors, decode_error, encode_ack_errors};
pub use error_code::ErrorCode;
pub use flaw::wrong_topic_type;
pub use headers::{Authorization, CONTENT_TYPE, VERSION, decode_authorization, decode_date, encode_date};
pub use limits::{MAX_ACK, MAX_BODY_BYTES, MAX_CONSUME, MAX_PROPERTY_BYTES, MAX_WAIT_SECONDS};
pub use message::{decode_message, decode_receipt_handles};
pub use objection::objection;
pub use properties::{is_reserved_property, property_flaw};
pub use refusal::Refusal;
pub use request::{Acknowledge, Consume, Dated, Encoded, Publish};
pub use response::{ResponseError, decode_published, encode_published};
pub use target::{ConsumeQuery, Operation, Target, decode_target, raw_topic};

#[cfg(test)]
mod tests;

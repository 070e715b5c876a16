//! The MQ HTTP protocol, `x-mq-version` 2015-06-06 (protocol notes MQ HTTP).
//!
//! One resource, `/topics/{topic}/messages`, three methods. Publish is `POST` with a `Message` document, consume `GET`,
//! acknowledge `DELETE` with `ReceiptHandles`. Answers: 201 `Message`, 200 `Messages`, 204 without a body; an `Error`
//! document otherwise, 404 among them for a poll that found nothing, and 404 `Errors` for handles that were not taken.

mod answer;
mod body;
mod consumed;
mod elements;
mod error;
mod headers;
mod message;
mod properties;
mod read;
mod refusal;
mod request;
mod target;
mod write;

pub use answer::{AnswerError, PublishedAnswer, decode_published, encode_published};
pub use body::{BODY_ENCODING_PROPERTY, body_md5, is_xml_text};
pub use consumed::{Consumed, decode_consumed, encode_consumed};
pub use error::{
    AckError, ErrorBody, MESSAGE_NOT_EXIST, RECEIPT_HANDLE_ERROR, decode_ack_errors, decode_error, encode_ack_errors,
};
pub use headers::{Authorization, decode_authorization, decode_date, encode_date};
pub use message::{decode_message, decode_receipt_handles};
pub use properties::{is_reserved_property, property_flaw};
pub use refusal::Refusal;
pub use request::{Acknowledge, Consume, Encoded, Publish};
pub use target::{ConsumeQuery, Operation, Target, decode_target, raw_topic};

/// Value of `x-mq-version`.
pub const VERSION: &str = "2015-06-06";
/// Content type of our requests and answers. The Node SDK ignores a body of another kind (protocol notes MQ HTTP 5,
/// item 4).
pub const CONTENT_TYPE: &str = "text/xml;charset=utf-8";
/// Namespace of what we write, without the slash at the end that some SDKs write: Java reads an `Error` in this one only,
/// which is also the real service's (protocol notes MQ HTTP 4). In what we read it is ignored.
pub const NAMESPACE: &str = "http://mq.aliyuncs.com/doc/v1";
/// Most messages in one consume (protocol notes MQ HTTP 2).
pub const MAX_CONSUME: u32 = 16;
/// Most receipt handles in one acknowledgement (protocol notes MQ HTTP 3).
pub const MAX_ACK: usize = 16;
/// Longest `waitseconds` of a consume (protocol notes MQ HTTP 2).
pub const MAX_WAIT_SECONDS: u64 = 30;
/// Largest body of a normal or an ordered message, in bytes (protocol notes MQ HTTP 3, limits).
pub const MAX_BODY_BYTES: usize = 4 << 20;
/// Largest body of a message with a delivery time, in bytes (the same).
pub const MAX_DELAYED_BODY_BYTES: usize = 64 << 10;
/// Most that the text of `Properties` takes, in bytes (the same).
pub const MAX_PROPERTY_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests;

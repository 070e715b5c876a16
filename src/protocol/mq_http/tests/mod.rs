//! The SDKs' own requests, documents by hand in both directions, bad input, and decode(encode(x)) = x.

mod bad_documents;
mod flaws;
mod headers;
mod messages;
mod objections;
mod refusals;
mod requests;
mod responses;
mod round_trips;
mod targets;
mod vectors;

use bytes::Bytes;

use super::{Refusal, decode_message};
use crate::model::{Message, Topic};

fn topic() -> Topic {
    Topic::parse("topic-a").unwrap()
}

/// A message of nothing but its body.
fn message(body: impl Into<Bytes>) -> Message {
    Message::new(topic(), body.into())
}

/// Decodes a publish's document.
fn published(document: impl Into<Vec<u8>>) -> Result<Message, Refusal> {
    decode_message(topic(), &Bytes::from(document.into()))
}

/// A `Message` document with this inside of the root.
fn document(inside: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mq.aliyuncs.com/doc/v1/">{inside}</Message>"#
    )
}

/// The vendor's words for a document that is not as it has to be.
fn schema(cause: &str) -> Refusal {
    let text = format!("The XML you provided did not validate against our published schema, cause by {cause}.");
    Refusal::InvalidArgument(text.into())
}

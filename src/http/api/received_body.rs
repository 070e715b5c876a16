//! The answer to a receive: one message after the other is written as JSON, so that never more than one of them is held in
//! both forms. It is the API's own, or a batch of CloudEvents.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::json::{self, Length, Sink};
use super::times::rfc3339;
use crate::gateway::{GroupRoute, ReceiptHandle, Received};
use crate::http::pieces::next_piece;
use crate::memory::Charge;
use crate::model::{Delivery, MessageGroup};
use crate::protocol::cloud_events::Event;

/// A message as callers see it.
#[cfg_attr(test, derive(serde::Serialize))]
struct Item<'a> {
    message_id: &'a str,
    receipt_handle: &'a str,
    body: Cow<'a, str>,
    encoding: &'static str,
    tag: Option<&'a str>,
    keys: &'a [String],
    properties: BTreeMap<&'a str, &'a str>,
    message_group: Option<&'a str>,
    delivery_attempt: u32,
    published_at: String,
    visible_again_at: String,
}

/// Up to so many bytes of bodies an answer is written at once: to write each message when it is due costs a second pass,
/// for the length.
const WHOLE_BYTES: usize = 256 << 10;
/// What a message takes besides its body, about.
const ENVELOPE_BYTES: usize = 640;

/// What an answer is.
#[derive(Debug)]
pub(super) enum Format {
    /// `{"messages":[…]}`, with `applied` where the request was lowered.
    Own,
    /// `[…]`, an event each; they name the group.
    CloudEvents(GroupRoute),
}

/// The messages in a format.
pub(super) struct ReceivedBody {
    format: Format,
    /// Not written yet, each with its length as JSON, in bytes.
    messages: VecDeque<(Delivery, ReceiptHandle, u64)>,
    /// Written as JSON and not taken yet.
    text: Bytes,
    /// What follows the last message, until it is in `text`.
    end: Option<String>,
    /// Bodies that are not written yet, in bytes.
    bodies: usize,
    length: u64,
    memory: Charge,
}

impl ReceivedBody {
    pub(super) fn new(received: Received, format: Format) -> Self {
        let applied = applied(&received);
        let Received { messages, memory, .. } = received;
        let applied: Vec<String> = applied.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let (begin, end) = match format {
            Format::Own if applied.is_empty() => ("{\"messages\":[", "]}".to_owned()),
            Format::Own => ("{\"messages\":[", format!("],\"applied\":{{{}}}}}", applied.join(","))),
            Format::CloudEvents(_) => ("[", "]".to_owned()),
        };
        let bodies: usize = messages.iter().map(|(delivery, _)| delivery.body.len()).sum();
        if bodies <= WHOLE_BYTES {
            return Self::whole(format, (begin, &end), &messages, memory);
        }
        let commas = messages.len().saturating_sub(1);
        let measured = messages.into_iter().map(|(delivery, handle)| {
            let mut length = Length::default();
            format.write(&delivery, &handle, &mut length);
            (delivery, handle, length.0)
        });
        let messages: VecDeque<_> = measured.collect();
        let items: u64 = messages.iter().map(|(_, _, length)| length).sum();
        Self {
            format,
            length: items + (begin.len() + commas + end.len()) as u64,
            bodies,
            messages,
            text: Bytes::from_static(begin.as_bytes()),
            end: Some(end),
            memory,
        }
    }

    /// A small answer, written at once.
    fn whole(
        format: Format,
        (begin, end): (&str, &str),
        messages: &[(Delivery, ReceiptHandle)],
        mut memory: Charge,
    ) -> Self {
        let bodies: usize = messages.iter().map(|(delivery, _)| delivery.body.len()).sum();
        let mut text = Vec::with_capacity(bodies + messages.len() * ENVELOPE_BYTES + begin.len() + end.len());
        text.extend_from_slice(begin.as_bytes());
        json::list(&mut text, messages.iter(), |text, (delivery, handle)| format.write(delivery, handle, text));
        text.extend_from_slice(end.as_bytes());
        memory.shrink_to(text.len());
        let length = text.len() as u64;
        Self { format, messages: VecDeque::new(), text: text.into(), end: None, bodies: 0, length, memory }
    }

    /// Puts the next message into `text`.
    fn write_next(&mut self) {
        let Some((delivery, handle, length)) = self.messages.pop_front() else {
            if let Some(end) = self.end.take() {
                self.text = end.into();
            }
            return;
        };
        // A text that doubled as it grew would take up to twice what is charged.
        let mut json = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
        self.format.write(&delivery, &handle, &mut json);
        if !self.messages.is_empty() {
            json.push(b',');
        }
        self.bodies -= delivery.body.len();
        self.text = json.into();
        self.memory.shrink_to(self.bodies + self.text.len());
    }
}

impl MessageBody for ReceivedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.text.is_empty() {
            self.write_next();
        }
        Poll::Ready(next_piece(&mut self.text).map(Ok))
    }
}

/// What the request was lowered to, by the names of its fields.
pub(super) fn applied(received: &Received) -> Vec<(&'static str, u64)> {
    let fields = [
        ("max_messages", received.applied_max_messages.map(u64::from)),
        ("visibility_timeout_seconds", received.applied_visibility_timeout.map(|it| it.as_secs())),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

impl Format {
    /// Writes one message.
    pub(super) fn write(&self, delivery: &Delivery, handle: &ReceiptHandle, json: &mut impl Sink) {
        match self {
            Self::Own => item(delivery, handle).write(json),
            Self::CloudEvents(route) => {
                // Whatever the body is: no data has to be of one kind.
                let Ok(mut event) = Event::of_delivery(delivery, &route.event_settings()) else { return };
                event.set_receipt(handle.as_str(), delivery.visible_again_at);
                event.write_structured(json);
            }
        }
    }
}

impl Item<'_> {
    fn write(&self, json: &mut impl Sink) {
        json.push(b"{\"message_id\":");
        json::string(json, self.message_id);
        json.push(b",\"receipt_handle\":");
        json::plain(json, self.receipt_handle);
        json.push(b",\"body\":");
        json::string(json, &self.body);
        json.push(b",\"encoding\":");
        json::plain(json, self.encoding);
        json.push(b",\"tag\":");
        json::optional(json, self.tag);
        json.push(b",\"keys\":[");
        json::list(json, self.keys.iter(), |json, key| json::string(json, key));
        json.push(b"],\"properties\":{");
        json::list(json, self.properties.iter(), |json, (name, value)| {
            json::string(json, name);
            json.push(b":");
            json::string(json, value);
        });
        json.push(b"},\"message_group\":");
        json::optional(json, self.message_group);
        json.push(b",\"delivery_attempt\":");
        json::number(json, self.delivery_attempt.into());
        json.push(b",\"published_at\":");
        json::plain(json, &self.published_at);
        json.push(b",\"visible_again_at\":");
        json::plain(json, &self.visible_again_at);
        json.push(b"}");
    }
}

fn item<'a>(delivery: &'a Delivery, handle: &'a ReceiptHandle) -> Item<'a> {
    let (body, encoding) = match simdutf8::basic::from_utf8(&delivery.body) {
        Ok(text) => (text.into(), "text"),
        Err(_) => (STANDARD.encode(&delivery.body).into(), "base64"),
    };
    Item {
        message_id: delivery.message_id.as_str(),
        receipt_handle: handle.as_str(),
        body,
        encoding,
        tag: delivery.tag.as_deref(),
        keys: &delivery.keys,
        properties: delivery.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        message_group: delivery.message_group.as_ref().map(MessageGroup::as_str),
        delivery_attempt: delivery.delivery_attempt,
        published_at: rfc3339(delivery.published_at),
        visible_again_at: rfc3339(delivery.visible_again_at),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::http::pieces::PIECE_BYTES;
    use crate::memory::MemoryBudget;
    use crate::model::UnixMillis;

    fn delivery(body: &str) -> Delivery {
        Delivery {
            body: Bytes::copy_from_slice(body.as_bytes()),
            visible_again_at: UnixMillis(1),
            ..Delivery::for_tests("ID")
        }
    }

    /// The answer with these bodies, piece by piece.
    async fn written(bodies: &[&str]) -> serde_json::Value {
        let budget = MemoryBudget::new(4 << 20);
        let mut memory = budget.charge();
        memory.grow(2 << 20).unwrap();
        let messages = bodies.iter().map(|body| (delivery(body), ReceiptHandle::for_tests("v1.x"))).collect();
        let received = Received {
            messages,
            applied_max_messages: Some(4),
            applied_visibility_timeout: None,
            memory,
            recall: None,
        };
        let mut body = Box::pin(ReceivedBody::new(received, Format::Own));
        let BodySize::Sized(length) = body.size() else { panic!("its length is known") };
        let mut text = Vec::new();
        while let Some(piece) = poll_fn(|context| body.as_mut().poll_next(context)).await {
            let piece = piece.unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            text.extend_from_slice(&piece);
        }
        assert_eq!(text.len() as u64, length);
        drop(body);
        assert_eq!((budget.usage().small, budget.usage().large), (0, 0));
        serde_json::from_slice(&text).unwrap()
    }

    #[tokio::test]
    async fn the_pieces_are_the_whole_answer_and_give_their_memory_back() {
        let (short, long) = ("short \"quoted\"", "long".repeat(WHOLE_BYTES / 4));
        let control = "\u{1}".repeat(PIECE_BYTES);
        for bodies in [vec!["", short, &control], vec!["", short, &control, &long], vec![]] {
            let json = written(&bodies).await;
            let messages = json["messages"].as_array().unwrap();
            let received: Vec<&str> = messages.iter().map(|message| message["body"].as_str().unwrap()).collect();
            assert_eq!(received, bodies);
            assert_eq!(json["applied"]["max_messages"], 4);
        }
    }

    #[test]
    fn a_message_is_written_as_the_library_does() {
        let full = Delivery {
            tag: Some("a \"tag\"".to_owned()),
            keys: vec!["k".to_owned(), "\n".to_owned()],
            properties: vec![("b".to_owned(), "\u{7}".to_owned()), ("a".to_owned(), "中".to_owned())],
            message_group: Some(MessageGroup::parse("g").unwrap()),
            ..delivery("text \\ \u{1f}")
        };
        let binary = Delivery { body: Bytes::from_static(b"\xff\0"), ..delivery("") };
        for delivery in [full, binary, delivery("")] {
            let handle = ReceiptHandle::for_tests("v2.x");
            let item = item(&delivery, &handle);
            let mut json = Vec::new();
            item.write(&mut json);
            assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&item).unwrap());
        }
    }
}

//! A dead letter as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::letter::{Kind, Letter};
use crate::http::api::rfc3339;
use crate::model::{MessageGroup, UnixMillis};

/// A dead letter for operators.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// Of the dead letter, by which it is asked for.
    message_id: String,
    /// `subscription`, `group` or `other`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter: Option<Why>,
    /// Where it was before, as far as it is told.
    origin: Origin,
    tag: Option<String>,
    keys: Vec<String>,
    message_group: Option<String>,
    published_at: String,
    body_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_handle: Option<String>,
    /// How it stands with the group, where it was looked at and not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visible_again_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct Why {
    subscription: String,
    reason: String,
    status: Option<u16>,
    attempts: u32,
    first_attempt_at: String,
    last_attempt_at: String,
    webhook_id: String,
    url: String,
    answer: String,
}

#[derive(Debug, Serialize)]
struct Origin {
    topic: Option<String>,
    group: Option<String>,
    message_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct Content {
    body: String,
    encoding: &'static str,
    properties: Vec<(String, String)>,
}

impl Shown {
    /// With the message's content where that is asked for.
    pub(super) fn new(letter: Letter, with_content: bool) -> Self {
        let Letter { id, original, kind } = letter;
        let (word, why, origin) = match kind {
            Kind::Subscription(letter) => {
                let origin = Origin {
                    topic: Some(letter.topic.as_str().to_owned()),
                    group: Some(letter.group.as_str().to_owned()),
                    message_id: Some(letter.message_id.as_str().to_owned()),
                };
                let why = Why {
                    subscription: letter.subscription,
                    reason: letter.reason,
                    status: letter.status,
                    attempts: letter.attempts,
                    first_attempt_at: rfc3339(letter.first_attempt_at),
                    last_attempt_at: rfc3339(letter.last_attempt_at),
                    webhook_id: letter.webhook_id,
                    url: letter.url,
                    answer: letter.answer,
                };
                ("subscription", Some(why), origin)
            }
            Kind::Group { group, topic, message_id } => {
                let topic = topic.map(|topic| topic.as_str().to_owned());
                ("group", None, Origin { topic, group: Some(group), message_id })
            }
            Kind::Other => ("other", None, Origin { topic: None, group: None, message_id: None }),
        };
        let body_bytes = original.body.len();
        let content = with_content.then(|| {
            let (body, encoding) = match std::str::from_utf8(&original.body) {
                Ok(text) => (text.to_owned(), "text"),
                Err(_) => (STANDARD.encode(&original.body), "base64"),
            };
            Content { body, encoding, properties: original.properties }
        });
        Self {
            message_id: id,
            kind: word,
            dead_letter: why,
            origin,
            tag: original.tag,
            keys: original.keys,
            message_group: original.message_group.as_ref().map(|it| MessageGroup::as_str(it).to_owned()),
            published_at: rfc3339(original.published_at),
            body_bytes,
            content,
            receipt_handle: None,
            state: None,
            visible_again_at: None,
        }
    }

    /// One that was taken.
    pub(super) fn taken(self, receipt_handle: String, visible_again_at: UnixMillis) -> Self {
        let visible_again_at = Some(rfc3339(visible_again_at));
        Self { receipt_handle: Some(receipt_handle), visible_again_at, ..self }
    }

    /// One that was only looked at.
    pub(super) fn looked_at(self, state: &'static str, visible_again_at: Option<UnixMillis>) -> Self {
        Self { state: Some(state), visible_again_at: visible_again_at.map(rfc3339), ..self }
    }
}

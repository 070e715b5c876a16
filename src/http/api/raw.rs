//! A raw publish: the bytes are the body, options come in the query.

use bytes::Bytes;

use super::shape::{TWICE, whole_number};
use super::times;
use super::unknown_field::is_unknown;
use crate::http::problem::{FieldError, Problem, note};
use crate::http::shown::shown_name;
use crate::model::{Key, Message, MessageGroup, NameError, Tag, Topic, UnixMillis};
use crate::protocol::form;

const PARAMETERS: &[&str] = &["tag", "key", "deliver_at", "delay_seconds", "message_group", "property.NAME"];

/// The message of a raw publish.
///
/// # Errors
/// 422 with every wrong parameter.
pub(super) fn message(topic: Topic, body: Bytes, query: &str, now: UnixMillis) -> Result<Message, Problem> {
    let mut message = Message::new(topic, body);
    let mut errors = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in form::pairs(query) {
        let Ok(value) = value else {
            note(&mut errors, || FieldError::parameter(shown_name(&name), "must be UTF-8"));
            continue;
        };
        let mut wrong = |detail: String| note(&mut errors, || FieldError::parameter(shown_name(&name), detail));
        let repeatable = name == "key";
        if !repeatable {
            if seen.iter().any(|seen| *seen == name) {
                wrong(TWICE.to_owned());
                continue;
            }
            seen.push(name.to_string());
        }
        match name.as_ref() {
            "tag" => message.tag = noted(Tag::parse(&value), &mut wrong),
            "key" => message.keys.extend(noted(Key::parse(&value), &mut wrong)),
            "message_group" => message.message_group = noted(MessageGroup::parse(&value), &mut wrong),
            "deliver_at" => match times::deliver_at(&value, now) {
                Ok(time) => message.deliver_at = time,
                Err(detail) => wrong(detail),
            },
            "delay_seconds" => match value.parse() {
                Ok(seconds) => match times::delay(seconds, now) {
                    Ok(time) => {
                        message.deliver_at = time;
                        message.deliver_at_is_delay = true;
                    }
                    Err(detail) => wrong(detail),
                },
                Err(_) => wrong(whole_number(0, times::MAX_DELAY_SECONDS)),
            },
            other => match other.strip_prefix("property.") {
                Some(property) if !property.is_empty() => {
                    message.properties.push((property.to_owned(), value.into_owned()));
                }
                _ => wrong(is_unknown(other, PARAMETERS, |_| false)),
            },
        }
    }
    if seen.iter().any(|name| name == "deliver_at") && seen.iter().any(|name| name == "delay_seconds") {
        note(&mut errors, || FieldError::parameter("delay_seconds", "excludes deliver_at: send one of the two"));
    }
    if errors.is_empty() { Ok(message) } else { Err(Problem::invalid(errors)) }
}

fn noted<T>(parsed: Result<T, NameError>, wrong: &mut impl FnMut(String)) -> Option<T> {
    parsed.map_err(|error| wrong(error.to_string())).ok()
}

/// The parameter that carries a field of the envelope.
pub(super) fn parameter(field: &str, property: Option<&str>) -> String {
    match field {
        "properties" => property.unwrap_or("property.NAME").to_owned(),
        "keys" => "key".to_owned(),
        other => other.to_owned(),
    }
}

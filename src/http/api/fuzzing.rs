//! Fuzz targets: the bodies and queries of the REST API.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::compact::{compact, depth};
use super::content_type::{self, BodyFormat, RawType};
use super::envelope::{Envelope, FIELDS, Place};
use super::prefer::Patience;
use super::{acknowledge, forgotten_type, plain_envelope, raw, read_envelope, receive, stream};
use crate::fuzz_input::assert_hides;
use crate::http::problem::{Code, MOST_ERRORS, Problem};
use crate::model::{MAX_DELAY, MAX_FILTER_TAGS, Message, Topic, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_503_907_519_123);
/// Deepest nesting of a body here.
const DEPTH: usize = 8;
/// Most messages of a batch here.
const MOST: usize = 4;

/// A body of whatever request: each reads it as its own.
pub(crate) fn bodies(data: &[u8]) {
    let value = serde_json::from_slice(data).ok();
    json(data);
    envelope(data, value.as_ref());
    batch(data);
    if let Ok(text) = std::str::from_utf8(data) {
        plain_envelope::is_plain(text);
        acknowledge::is_plain(text);
    }
    match acknowledge::asked(data, DEPTH) {
        Ok(handles) => assert!(handles.first.iter().map(String::len).sum::<usize>() <= data.len()),
        Err(problem) => assert_explained(&problem, value.as_ref()),
    }
    match receive::asked(data, DEPTH) {
        Ok(request) => assert!(request.tags.is_none_or(|tags| tags.tags().len() <= MAX_FILTER_TAGS)),
        Err(problem) => assert_explained(&problem, value.as_ref()),
    }
    for kind in [RawType::Unsaid, RawType::Other] {
        if let Err(problem) = forgotten_type::check(data, kind) {
            assert_hides(&problem.detail);
        }
    }
}

/// JSON without its blanks is the same JSON, and as deep.
fn json(data: &[u8]) {
    let Ok(raw) = serde_json::from_slice::<&RawValue>(data) else { return };
    let text = raw.get();
    let short = compact(text);
    assert!(short.len() <= text.len());
    assert_eq!(compact(&short), short, "once more");
    assert!(serde_json::from_str::<&RawValue>(&short).is_ok_and(|again| again.get() == short), "{short}");
    assert_eq!(depth(short.as_bytes()), depth(data));
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        assert_eq!(serde_json::from_str::<Value>(&short).ok().as_ref(), Some(&value));
        assert_eq!(depth(data), depth_of(&value, text), "{text}");
    }
}

/// Of members of one name only the last is in a value: what the others hold is looked at in the text.
fn depth_of(value: &Value, text: &str) -> usize {
    fn levels(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or(0),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        }
    }
    let found = levels(value);
    let written = serde_json::to_string(value).unwrap_or_default();
    // Something is there twice.
    if written.len() < compact(text).len() { depth(text.as_bytes()).max(found) } else { found }
}

fn envelope(data: &[u8], value: Option<&Value>) {
    let whole = Bytes::copy_from_slice(data);
    let fits = value.is_some_and(fits);
    match read_envelope::read(&whole, DEPTH) {
        Ok(envelope) => {
            assert!(fits || value.is_none(), "it was taken: {value:?}");
            assert!(serde_json::from_slice::<&RawValue>(data).is_ok(), "no JSON was taken");
            message(envelope, &whole, Place::Alone, value);
        }
        Err(problem) => {
            assert_explained(&problem, value);
            let is_twice = problem.errors().iter().any(|error| error.detail.contains("is there twice"));
            assert!(!fits || is_twice || depth(data) > DEPTH, "it was refused: {:?}", problem.errors());
        }
    }
}

/// Whether a value is an envelope, by a reading of the contract of its own.
fn fits(value: &Value) -> bool {
    let Value::Object(members) = value else { return false };
    let is_text = |value: &Value| value.is_string() || value.is_null();
    let fits = |(name, value): (&String, &Value)| match name.as_str() {
        "body" => true,
        "encoding" | "tag" | "message_group" | "deliver_at" => is_text(value),
        "keys" => value.is_null() || value.as_array().is_some_and(|keys| keys.iter().all(Value::is_string)),
        "properties" => value.is_null() || value.as_object().is_some_and(|pairs| pairs.values().all(Value::is_string)),
        "delay_seconds" => value.is_null() || value.is_u64(),
        _ => false,
    };
    members.contains_key("body") && members.iter().all(fits)
}

fn message(envelope: Envelope<'_>, whole: &Bytes, place: Place, value: Option<&Value>) -> Option<Message> {
    let Ok(topic) = Topic::parse("T") else { return None };
    match envelope.into_message(topic, NOW, whole, place) {
        Ok(message) => {
            assert!(message.body.len() <= whole.len(), "a body grew on its way");
            assert!(message.deliver_at.is_none_or(|time| time > NOW && time <= NOW + MAX_DELAY));
            if let Some(body) = value.and_then(|value| value.get("body")) {
                let encoding = value.and_then(|value| value.get("encoding")?.as_str());
                match (body, encoding) {
                    (Value::String(text), None | Some("text")) => assert_eq!(message.body, text.as_bytes()),
                    (_, Some("base64")) => {}
                    (body, _) => assert_eq!(serde_json::from_slice(&message.body).ok().as_ref(), Some(body)),
                }
            }
            Some(message)
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            assert_explained(&Problem::invalid(errors), value);
            None
        }
    }
}

fn batch(data: &[u8]) {
    let whole = Bytes::copy_from_slice(data);
    let (elements, count) = match read_envelope::read_batch(&whole, DEPTH, MOST) {
        Ok(read) => read,
        Err(problem) => return assert_explained(&problem, None),
    };
    assert!(elements.len() <= MOST && elements.len() <= count);
    for (index, element) in elements.into_iter().enumerate() {
        match element.read() {
            Ok(envelope) => drop(message(envelope, &whole, Place::InBatch(index), None)),
            Err(problem) => assert_explained(&problem.below(&Place::InBatch(index).to_string()), None),
        }
    }
}

/// A problem says where and what, in so many words and no more, and repeats no value.
fn assert_explained(problem: &Problem, value: Option<&Value>) {
    let status = problem.status();
    assert!(matches!(status, 400 | 422), "{problem:?}");
    assert_eq!(problem.errors().is_empty(), problem.code == Code::MalformedJson, "{problem:?}");
    assert!(problem.errors().len() <= MOST_ERRORS, "{} errors", problem.errors().len());
    for error in problem.errors() {
        assert_hides(&error.detail);
        assert!(!error.detail.is_empty() && error.detail.len() < 400, "{error:?}");
        let name = error.pointer.as_deref().or(error.parameter.as_deref());
        assert!(name.is_some_and(|name| name.len() < 2000 && !name.contains(char::is_control)), "{error:?}");
        if let (Some(pointer), Some(value)) = (&error.pointer, value) {
            assert_points(pointer, value);
        }
    }
    if problem.errors().is_empty() {
        assert_hides(&problem.detail);
    }
    let json = problem.json("r");
    let json: Option<Value> = serde_json::from_slice(&json).ok();
    assert_eq!(json.and_then(|json| json.get("status")?.as_u64()), Some(status.into()));
}

/// What holds the field that is wrong, or lacks it, is there.
fn assert_points(pointer: &str, value: &Value) {
    let around = pointer.rsplit_once('/').map_or("", |(around, _)| around);
    assert!(pointer.is_empty() || pointer.starts_with('/'), "{pointer}");
    assert!(value.pointer(around).is_some(), "{pointer} points to nothing");
    let known = FIELDS.iter().map(|field| field.name).chain(["messages", "receipt_handles"]);
    let first = around.split('/').nth(1);
    assert!(first.is_none_or(|first| known.into_iter().chain(["tags"]).any(|known| known == first)), "{pointer}");
}

/// The headers of a request that are the API's own.
pub(in crate::http) fn heads(headers: &HeaderMap) {
    match content_type::of_publish(headers) {
        Ok(format) => {
            let of_json = content_type::require_json(headers, false);
            assert!(format != BodyFormat::Json || of_json.is_ok());
            assert!(content_type::require_json(headers, true).is_ok());
        }
        Err(problem) => {
            assert!(matches!(problem.status(), 415 | 422), "{problem:?}");
            assert_hides(&String::from_utf8_lossy(&problem.json("r")));
        }
    }
    let deadline = Duration::from_secs(5);
    let patience = Patience::of(headers, deadline).time();
    assert!(patience.is_none_or(|wait| !wait.is_zero() && wait < deadline));
}

/// A query, of a raw publish, a receive and a stream.
pub(crate) fn queries(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else { return };
    let Ok(topic) = Topic::parse("T") else { return };
    match raw::message(topic, Bytes::from_static(b"x"), query, NOW) {
        Ok(message) => {
            assert!(message.deliver_at.is_none_or(|time| time > NOW && time <= NOW + MAX_DELAY));
            let mut names: Vec<&str> = message.properties.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "a property is there twice");
        }
        Err(problem) => assert_explained(&problem, None),
    }
    match receive::asked_by_query(query) {
        Ok(request) => assert!((1..=32).contains(&request.max_messages) && request.wait.as_secs() <= 30),
        Err(problem) => assert_explained(&problem, None),
    }
    match stream::asked(query) {
        Ok(asked) => {
            assert!((1..=stream::MAX_IN_FLIGHT).contains(&asked.max_in_flight));
            assert!(asked.visibility_timeout.is_none_or(|it| (1..=43_200).contains(&it.as_secs())));
            assert!(asked.tags.is_none_or(|tags| tags.tags().len() <= MAX_FILTER_TAGS));
        }
        Err(problem) => assert_explained(&problem, None),
    }
}

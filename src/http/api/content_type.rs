//! What a content type says about a body.

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use crate::http::header_list::elements;
use crate::http::problem::{Code, FieldError, Problem};
use crate::protocol::cloud_events::{MissingAttributes, Mode};

/// How to read a publish's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFormat {
    /// `application/json`, `application/*+json`: an envelope.
    Json,
    /// The bytes themselves.
    Raw(RawType),
    /// An event of CloudEvents, or many of them.
    Event(Mode),
}

/// What the caller of a raw publish says about its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RawType {
    /// `application/octet-stream`: that they are just bytes.
    OctetStream,
    /// That they are something else.
    Other,
    /// Nothing.
    Unsaid,
}

const JSON: &str = "application/json";
const CLOUD_EVENTS: &str = "application/cloudevents";

/// Sorts a publish's content type; what is no message, or nearly JSON, is refused with what to send instead.
///
/// # Errors
/// 415.
pub(super) fn of_publish(headers: &HeaderMap) -> Result<BodyFormat, Problem> {
    let value = of(headers)?;
    // Of an event in binary mode the headers decide: its data may be JSON, or anything.
    if headers.keys().any(|name| name.as_str().starts_with("ce-"))
        && Mode::of_content_type(value).is_none()
        && let Some(mode) = Mode::of_headers(headers.keys().map(HeaderName::as_str)).map_err(missing)?
    {
        return Ok(BodyFormat::Event(mode));
    }
    let essence = match value {
        // What nearly everybody says, word for word.
        JSON => return Ok(BodyFormat::Json),
        "" => return Ok(BodyFormat::Raw(RawType::Unsaid)),
        value => essence(value),
    };
    if is_json(&essence) {
        return Ok(BodyFormat::Json);
    }
    if let Some(mode) = Mode::of_type(&essence) {
        return mode.map(BodyFormat::Event).ok_or_else(|| {
            refused(
                "this format of CloudEvents is not known here: send application/cloudevents+json, application/cloudevents-batch+json, or the binary mode with its ce- headers",
            )
        });
    }
    match essence.as_str() {
        "application/octet-stream" => Ok(BodyFormat::Raw(RawType::OctetStream)),
        "application/x-www-form-urlencoded" => Err(refused(
            "a form is no message: send -H 'Content-Type: application/json' with an envelope, or raw bytes with a type of their own such as text/plain (curl -d sends a form unasked)",
        )),
        essence if essence.starts_with("multipart/") => {
            Err(refused("multipart is no message: send one JSON envelope or raw bytes, or use messages:batch"))
        }
        essence if is_like_json(essence) => Err(refused(
            "this type is like JSON, but an envelope's is application/json: send Content-Type: application/json, or application/octet-stream to publish these bytes as they are",
        )),
        _ => Ok(BodyFormat::Raw(RawType::Other)),
    }
}

/// Demands JSON; no body at all needs no type.
///
/// # Errors
/// 415.
pub(super) fn require_json(headers: &HeaderMap, empty: bool) -> Result<(), Problem> {
    let value = of(headers)?;
    if value == JSON || empty || is_json(&essence(value)) {
        return Ok(());
    }
    Err(refused("this route takes JSON: send -H 'Content-Type: application/json'"))
}

/// Whether the head says that there is no body.
pub(super) fn has_no_body(headers: &HeaderMap) -> bool {
    let is_zero = |length: &HeaderValue| length.as_bytes() == b"0";
    !headers.contains_key(TRANSFER_ENCODING) && headers.get(CONTENT_LENGTH).is_none_or(is_zero)
}

/// 422 for an event in binary mode that lacks some of what every event has.
fn missing(missing: MissingAttributes) -> Problem {
    let rule = "is required beside the other ce- headers: send it, or none of them";
    let errors = missing.0.into_iter().map(|name| FieldError::parameter(format!("ce-{name}"), rule));
    Problem::invalid(errors.collect())
}

/// The one content type of a request, empty where it has none. It is no list (RFC 9110 5.3): of two, either may be meant.
pub(super) fn of(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(CONTENT_TYPE);
    let Some(first) = values.next() else { return Ok("") };
    if values.any(|other| other != first) {
        return Err(refused("there are several Content-Type headers that differ: send one"));
    }
    let value =
        first.to_str().map_err(|_| refused("Content-Type must be ASCII: send a type such as application/json"))?;
    if value.contains(',') && elements(value).nth(1).is_some() {
        return Err(refused("Content-Type is one type, not a list: send it without a comma"));
    }
    Ok(value.trim())
}

fn refused(detail: &str) -> Problem {
    Problem::new(Code::UnsupportedMediaType, detail)
}

/// Type and subtype, without parameters.
fn essence(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(essence: &str) -> bool {
    let other = essence.starts_with("application/") && essence.ends_with("+json");
    essence == JSON || (other && !essence.starts_with(CLOUD_EVENTS))
}

/// Whether its subtype speaks of JSON, though it is none that we take: `text/json`, `aplication/json`, `application/x-ndjson`.
fn is_like_json(essence: &str) -> bool {
    essence.split_once('/').map_or(essence, |(_, subtype)| subtype).contains("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        values.iter().for_each(|value| headers.append(CONTENT_TYPE, value.parse().unwrap()));
        headers
    }

    #[test]
    fn types_of_a_publish() {
        let check = |values: &[&str], expected: Option<BodyFormat>| {
            assert_eq!(of_publish(&headers(values)).ok(), expected, "{values:?}");
        };
        let json = Some(BodyFormat::Json);
        let raw = |kind| Some(BodyFormat::Raw(kind));
        check(&["application/json"], json);
        check(&["Application/JSON ; charset=utf-8"], json);
        check(&["application/vnd.order+json"], json);
        check(&["application/json", "application/json"], json);
        check(&[], raw(RawType::Unsaid));
        check(&[""], raw(RawType::Unsaid));
        check(&["application/octet-stream"], raw(RawType::OctetStream));
        check(&["Application/Octet-Stream; x=y"], raw(RawType::OctetStream));
        check(&["text/plain;charset=UTF-8"], raw(RawType::Other));
        check(&["application/xml"], raw(RawType::Other));
        check(&["nonsense"], raw(RawType::Other));
        for refused in [
            "text/json",
            "aplication/json",
            "json",
            "text/vnd.order+json",
            "application/x-ndjson",
            "application/json5",
            "application/geo+json-seq",
            "application/json, application/json",
            "text/plain, application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/cloudevents+avro",
            "application/cloudevents-batch+protobuf",
        ] {
            check(&[refused], None);
        }
        let event = |mode| Some(BodyFormat::Event(mode));
        check(&["application/cloudevents+json"], event(Mode::Structured));
        check(&["Application/CloudEvents+JSON;charset=UTF-8"], event(Mode::Structured));
        check(&["application/cloudevents-batch+json; charset=utf-8"], event(Mode::Batch));
        check(&["application/json", "text/plain"], None);
        check(&["text/plain", "application/json"], None);
    }

    #[test]
    fn the_headers_of_an_event_decide() {
        let check = |content_type: &[&str], attributes: &[&'static str], expected: Result<BodyFormat, u16>| {
            let mut headers = headers(content_type);
            for name in attributes {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
            }
            let found = of_publish(&headers).map_err(|problem| problem.status());
            assert_eq!(found, expected, "{content_type:?} {attributes:?}");
        };
        let all = ["ce-id", "ce-source", "ce-specversion", "ce-type"];
        let event = |mode| Ok(BodyFormat::Event(mode));
        check(&["application/json"], &all, event(Mode::Binary));
        check(&["application/x-www-form-urlencoded"], &all, event(Mode::Binary));
        check(&[], &all, event(Mode::Binary));
        check(&["application/cloudevents+json"], &all, event(Mode::Structured));
        check(&["application/cloudevents-batch+json"], &["ce-id"], event(Mode::Batch));
        check(&["application/json"], &["ce-id", "ce-type"], Err(422));
        check(&["application/json"], &["ce-subject"], Ok(BodyFormat::Json));
        check(&["application/cloudevents+avro"], &all, Err(415));
    }

    #[test]
    fn json_is_demanded() {
        let check = |values: &[&str], empty: bool, expected: bool| {
            assert_eq!(require_json(&headers(values), empty).is_ok(), expected, "{values:?} {empty}");
        };
        check(&["application/json;charset=utf-8"], false, true);
        check(&["application/problem+json"], false, true);
        check(&["application/json", "application/json"], false, true);
        check(&[], true, true);
        check(&["text/plain"], true, true);
        check(&[], false, false);
        check(&["text/json"], false, false);
        check(&["application/json, application/json"], false, false);
        check(&["application/json", "text/plain"], false, false);
        check(&["application/json, text/plain"], true, false);
    }
}

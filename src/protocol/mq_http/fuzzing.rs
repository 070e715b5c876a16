//! Fuzz targets: documents as either side gets them, and the heads of requests.

use bytes::Bytes;

use super::body::{is_xml_char, xml_text};
use super::read::is_plain;
use super::{
    AckError, Acknowledge, Authorization, Consume, ConsumeQuery, Consumed, ErrorBody, MAX_CONSUME, MAX_PROPERTY_BYTES,
    MAX_WAIT_SECONDS, Operation, Publish, Refusal, Target, decode_ack_errors, decode_authorization, decode_consumed,
    decode_date, decode_error, decode_message, decode_published, decode_receipt_handles, decode_target,
    encode_ack_errors, encode_consumed, encode_date, encode_published, property_flaw,
};
use crate::fuzz_input::{Input, assert_hides};
use crate::http_message::Method;
use crate::model::{Message, Topic, UpstreamHandle};

/// A document of whatever kind: each decoder reads it as its own.
pub(crate) fn documents(data: &[u8]) {
    let text = std::str::from_utf8(data).ok().filter(|text| text.chars().all(is_xml_char));
    assert_eq!(xml_text(data), text, "characters are looked at one by one");
    if let Some(text) = text {
        is_plain(text);
    }
    let readings = [published(data), consumed(data), error(data), ack_errors(data), handles(data), message(data)];
    if readings.contains(&true) {
        assert_no_declarations(text.unwrap_or_default());
    }
}

/// What was read holds no declaration, and so nothing that an entity could stand for.
fn assert_no_declarations(text: &str) {
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = rest.get(start..).unwrap_or_default();
        let hidden = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        let hidden = hidden.iter().find_map(|(start, end)| Some((rest.strip_prefix(start)?, *end)));
        rest = match hidden {
            Some((inside, end)) => inside.split_once(end).map_or("", |(_, after)| after),
            None => {
                assert!(!rest.starts_with("<!"), "a declaration was read past: {text}");
                rest.get(1..).unwrap_or_default()
            }
        };
    }
}

fn published(data: &[u8]) -> bool {
    match decode_published(data) {
        Ok(published) => {
            let digest = published.body_md5.as_deref().unwrap_or("0123456789ABCDEF0123456789ABCDEF");
            let again = decode_published(encode_published(&published.message_id, digest).as_bytes());
            let again = again.map(|again| (again.message_id, again.body_md5));
            assert_eq!(again, Ok((published.message_id, Some(digest.to_owned()))));
            true
        }
        Err(error) => {
            assert_hides(&format!("{error} {error:?}"));
            false
        }
    }
}

fn consumed(data: &[u8]) -> bool {
    let first = match decode_consumed(data) {
        Ok(consumed) => consumed,
        Err(error) => {
            assert_hides(&format!("{error} {error:?}"));
            return false;
        }
    };
    let bodies: usize = first.deliveries.iter().map(|delivery| delivery.body.len()).sum();
    assert!(bodies <= data.len(), "bodies grow on the way");
    // What the protocol cannot carry is left out once, and nothing after that.
    let again = consumed_again(&first);
    assert_eq!(consumed_again(&again), again);
    assert_eq!(again.deliveries.len(), first.deliveries.len());
    for (first, again) in first.deliveries.iter().zip(&again.deliveries) {
        assert_eq!((&again.message_id, &again.handle, &again.body), (&first.message_id, &first.handle, &first.body));
        assert_eq!((&again.tag, again.delivery_attempt), (&first.tag, first.delivery_attempt));
        assert_eq!((&again.message_group, again.deliver_at), (&first.message_group, first.deliver_at));
        assert_eq!((again.published_at, again.visible_again_at), (first.published_at, first.visible_again_at));
        let keys = first.keys.iter().filter(|key| property_flaw(key).is_none());
        assert!(again.keys.iter().eq(keys), "{:?} {:?}", again.keys, first.keys);
    }
    true
}

fn consumed_again(consumed: &Consumed) -> Consumed {
    let again = decode_consumed(encode_consumed(&consumed.deliveries).as_bytes());
    let again = again.unwrap_or_else(|error| unreachable!("what was read cannot be written: {error}"));
    assert_eq!((again.unreadable, again.digest_mismatches), (0, 0));
    again
}

fn error(data: &[u8]) -> bool {
    let Some(ErrorBody { code, message, request_id }) = decode_error(data) else { return false };
    assert!(message.len() <= data.len() && request_id.as_ref().is_none_or(|id| !id.is_empty()));
    assert!(code.as_str().is_none_or(|text| text.len() <= 64), "a text that looks like no code was kept");
    true
}

fn ack_errors(data: &[u8]) -> bool {
    let Some(errors) = decode_ack_errors(data) else { return false };
    let known = |error: &AckError| error.code.as_str().is_some();
    if errors.iter().all(known) {
        assert_eq!(decode_ack_errors(encode_ack_errors(&errors).as_bytes()), Some(errors));
    }
    true
}

fn handles(data: &[u8]) -> bool {
    let handles = match decode_receipt_handles(data) {
        Ok(handles) => handles,
        Err(refusal) => return refused(&refusal),
    };
    let given: Vec<_> = handles.iter().filter_map(|handle| UpstreamHandle::parse(handle).ok()).collect();
    assert_eq!(given.len(), handles.len(), "an empty handle was taken");
    let encoded = Acknowledge { topic: "T", group: "G", instance: None, handles: &given }.encode();
    assert_eq!(decode_receipt_handles(&encoded.body.unwrap_or_default()), Ok(handles));
    true
}

fn message(data: &[u8]) -> bool {
    let decode = |document: Bytes| Topic::parse("T").ok().map(|topic| decode_message(topic, &document));
    match decode(Bytes::copy_from_slice(data)) {
        Some(Ok(message)) => {
            assert_carried(&message);
            let publish = Publish { topic: "T", instance: None, message: &message, marks_bodies: true };
            let document = publish.encode().body.unwrap_or_default();
            assert!(document.len() <= publish.copied_bytes() + 2 * MAX_PROPERTY_BYTES + 1024, "more than was said");
            assert_eq!(decode(document), Some(Ok(message)));
            true
        }
        Some(Err(refusal)) => refused(&refusal),
        None => false,
    }
}

/// A message that was taken breaks no rule of the protocol.
fn assert_carried(message: &Message) {
    for (name, value) in &message.properties {
        assert!(!name.is_empty() && property_flaw(name).is_none() && property_flaw(value).is_none());
        assert!(!name.starts_with("__"), "the MQ's own property was taken: {name}");
    }
}

/// A refusal is an error document that says what is wrong, and not what was sent.
fn refused(refusal: &Refusal) -> bool {
    assert_hides(&format!("{refusal} {refusal:?}"));
    assert!(refusal.status() >= 400 && refusal.to_string().len() < 400);
    let read = decode_error(refusal.body("R", "H").as_bytes());
    let expected = ErrorBody { code: refusal.code(), message: refusal.to_string(), request_id: Some("R".to_owned()) };
    assert_eq!(read, Some(expected));
    false
}

/// Lines: method, path, query, `Authorization`, `Date`.
pub(crate) fn head(data: &[u8]) {
    let mut input = Input::new(data);
    let (method, path, query) = (input.line(), input.text(), input.text());
    let (authorization, date) = (input.text(), input.text());
    let methods = [Method::Get, Method::Post, Method::Delete, Method::Put];
    let method = methods.into_iter().find(|it| it.as_str().as_bytes() == method).unwrap_or(Method::Get);
    match decode_target(method, path.unwrap_or_default(), query.unwrap_or_default()) {
        Ok(target) => assert_asked_again(&target),
        Err(refusal) => assert!(!refused(&refusal)),
    }
    let authorization = authorization.unwrap_or_default();
    match decode_authorization(authorization) {
        Ok(found) => {
            let Authorization { access_key, signature } = found;
            assert_eq!(format!("MQ {access_key}:{signature}"), authorization);
            assert!(!signature.contains(':'));
            let shown = format!("Authorization {{ access_key: {access_key:?}, .. }}");
            assert_eq!(format!("{found:?}"), shown, "a signature in a log can be replayed");
        }
        Err(refusal) => assert!(!refused(&refusal)),
    }
    match decode_date(date.unwrap_or_default()) {
        Ok(time) => assert_eq!(decode_date(&encode_date(time)), Ok(time)),
        Err(refusal) => assert!(!refused(&refusal)),
    }
}

/// What was asked is asked again as our client does: it is the same.
fn assert_asked_again(target: &Target<'_>) {
    let topic = target.topic.as_ref();
    let encoded = match &target.operation {
        Operation::Publish => return,
        Operation::Acknowledge { group } => Acknowledge { topic, group, instance: Some("I"), handles: &[] }.encode(),
        Operation::Consume(ConsumeQuery { group, num, wait_seconds, tags, ordered }) => {
            assert!((1..=MAX_CONSUME).contains(num) && *wait_seconds <= MAX_WAIT_SECONDS);
            let (num, wait_seconds, tags, ordered) = (*num, *wait_seconds, tags.as_ref(), *ordered);
            Consume { topic, group, instance: Some("I"), num, wait_seconds, tags, ordered }.encode()
        }
    };
    assert!(encoded.target.is_ascii());
    let (path, query) = encoded.target.split_once('?').unwrap_or((&encoded.target, ""));
    assert_eq!(decode_target(encoded.method, path, query).as_ref(), Ok(target));
}

//! Fuzz target: events as they are published, in each mode, and what becomes of them on their way through an MQ.

use super::{
    BATCH_TYPE, Batch, DataAs, Event, EventFlaw, EventSettings, Form, MOST_EVENTS, Mode, Place, STRUCTURED_TYPE, Value,
};
use crate::fuzz_input::{Input, assert_hides};
use crate::model::{Delivery, Message, MessageId, Protocol, Topic, UnixMillis, UpstreamHandle};
use crate::protocol::mq_http::property_flaw;

/// What an attribute holds that a delivery sets anew.
const OF_DELIVERIES: [&str; 9] = [
    "mqtopic",
    "mqgroup",
    "mqtag",
    "mqkeys",
    "mqmessageid",
    "mqreceipthandle",
    "mqvisibleagainat",
    "deliveryattempt",
    "mqproperties",
];

/// Lines: headers as `Name: value` up to an empty one; then the body. The headers say which mode it is, as those of a request do.
pub(crate) fn events(data: &[u8]) {
    let mut input = Input::new(data);
    let lines = input.lines();
    let body = input.rest();
    let headers: Vec<(&str, &[u8])> = lines.iter().filter_map(|line| header(line)).collect();
    let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = content_type.and_then(|(_, value)| std::str::from_utf8(value).ok());
    let text = std::str::from_utf8(body).unwrap_or_default();
    match content_type.and_then(Mode::of_content_type) {
        Some(Some(Mode::Batch)) => batch(text),
        Some(_) => check(Event::read_structured(text)),
        None => {
            let mode = Mode::of_headers(headers.iter().map(|(name, _)| *name));
            let event = Event::read_binary(headers.into_iter(), content_type, body);
            assert!(event.is_err() || mode == Ok(Some(Mode::Binary)), "an event whose head does not say so");
            check(event);
        }
    }
}

fn header(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = memchr::memmem::find(line, b": ")?;
    let (name, value) = line.split_at_checked(colon)?;
    Some((std::str::from_utf8(name).ok()?, value.get(2..)?))
}

fn batch(text: &str) {
    let Some(Batch { events, count }) = Batch::read(text) else { return };
    assert_eq!(events.len(), count.min(MOST_EVENTS));
    let mut good = Vec::new();
    for event in events {
        good.extend(event.clone().ok());
        check(event);
    }
    let written = good.iter().map(|event| {
        let mut json = Vec::new();
        event.clone().write_structured(&mut json);
        String::from_utf8(json).unwrap_or_default()
    });
    let json = format!("[{}]", written.collect::<Vec<_>>().join(","));
    let again = Batch::read(&json).map(|batch| batch.events.into_iter().flatten().collect::<Vec<_>>());
    assert_eq!(again, Some(good));
    assert_eq!(Mode::of_content_type(BATCH_TYPE), Some(Some(Mode::Batch)));
}

fn check(event: Result<Event<'_>, Vec<EventFlaw>>) {
    match event {
        Err(flaws) => assert_flaws(&flaws),
        Ok(event) => {
            for (name, value) in event.attributes() {
                let is_letter = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
                assert!(!name.is_empty() && name.bytes().all(is_letter), "{name}");
                assert!(!value.to_string().contains(char::is_control), "{name}");
            }
            assert!(!event.id().is_empty() && !event.source().is_empty() && !event.event_type().is_empty());
            structured(&event);
            binary(&event);
            through_the_mq(&event);
        }
    }
}

/// A flaw names its place, and repeats no value.
fn assert_flaws(flaws: &[EventFlaw]) {
    assert!(!flaws.is_empty());
    for (index, flaw) in flaws.iter().enumerate() {
        assert_hides(&flaw.detail);
        assert!(!flaw.detail.is_empty() && flaw.detail.len() < 200, "{flaw:?}");
        let same = |other: &EventFlaw| flaw.place == other.place && flaw.detail == other.detail;
        assert!(!flaws.iter().skip(index + 1).any(same), "told twice: {flaws:?}");
    }
}

fn structured(event: &Event<'_>) {
    let json = String::from_utf8(event.structured()).unwrap_or_default();
    assert!(serde_json::from_str::<&serde_json::value::RawValue>(&json).is_ok(), "no JSON: {json}");
    let again = Event::read_structured(&json);
    assert_eq!(again.as_ref().map(unblanked), Ok(unblanked(event)), "{json}");
    assert_eq!(Mode::of_content_type(STRUCTURED_TYPE), Some(Some(Mode::Structured)));
}

/// An event whose JSON data has no blanks around it.
fn unblanked<'a>(event: &Event<'a>) -> Event<'a> {
    event.clone().respelled(|text| text.trim().to_owned().into())
}

fn binary(event: &Event<'_>) {
    let binary = event.binary();
    let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    assert!(binary.headers.iter().all(|(_, value)| is_visible(value) && !value.contains(' ')), "{binary:?}");
    let headers = binary.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let again = Event::read_binary(headers, binary.content_type.as_deref(), binary.body);
    let again = again.unwrap_or_else(|flaws| unreachable!("{event:?} in binary mode has flaws: {flaws:?}"));
    assert_eq!(texts(&again, &["datacontenttype"]), texts(event, &["datacontenttype"]));
    assert_eq!(again.data.bytes(), event.data.bytes());
    let is_typed = |event: &Event<'_>| event.data_content_type().map(str::to_owned);
    assert!(event.data_content_type().is_none() || is_typed(&again) == is_typed(event));
}

/// Attributes as a header or a property has them, without some.
fn texts(event: &Event<'_>, without: &[&str]) -> Vec<(String, String)> {
    let kept = event.attributes().filter(|(name, _)| !without.contains(name));
    kept.map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}

/// What is published comes to its consumers, on every protocol and in every form.
fn through_the_mq(event: &Event<'_>) {
    for protocol in [Protocol::RocketMq, Protocol::MqHttp] {
        for form in [Form::Properties, Form::Envelope { has_properties: true }] {
            if form != Form::Properties || !event.needs_envelope() {
                published(event, protocol, form);
            }
        }
    }
    published(event, Protocol::OnsHttp, Form::Envelope { has_properties: false });
}

fn published(event: &Event<'_>, protocol: Protocol, form: Form) {
    let Ok(topic) = Topic::parse("orders") else { return };
    let message = match event.message(topic, protocol, form) {
        Ok(message) => message,
        Err(flaws) => {
            let of_message = ["mqtag", "mqkeys", "partitionkey"];
            let is_named =
                |flaw: &EventFlaw| matches!(&flaw.place, Place::Attribute(name) if of_message.contains(&&**name));
            assert!(flaws.iter().all(is_named), "{flaws:?}");
            assert_flaws(&flaws);
            return;
        }
    };
    for (name, value) in message.properties.iter().filter(|(name, _)| name.starts_with("ce_")) {
        let flaw = property_flaw(name).or_else(|| property_flaw(value));
        assert!(protocol != Protocol::MqHttp || flaw.is_none(), "{name}: {value}");
    }
    let Some(delivery) = delivered(&message) else { return };
    let settings = EventSettings {
        source: "/mq-gateway/main",
        event_type: "mq.message",
        data: DataAs::Auto,
        topic: "orders",
        group: "GID_a",
        is_envelope: matches!(form, Form::Envelope { .. }),
        with_attempt: true,
    };
    let mut received = match Event::of_delivery(&delivery, &settings) {
        Ok(received) => received,
        Err(flaw) => unreachable!("an event was published and {flaw}: {event:?}"),
    };
    let found = texts(&received, &OF_DELIVERIES);
    for attribute in texts(event, &OF_DELIVERIES) {
        assert!(found.contains(&attribute), "{attribute:?} is lost on {protocol} as {form:?}: {found:?}");
    }
    assert_eq!(received.data.bytes().trim_ascii(), event.data.bytes().trim_ascii(), "{protocol} {form:?}");
    received.set_receipt("h", UnixMillis(1));
    for (name, expected) in
        [("mqtopic", "orders"), ("mqgroup", "GID_a"), ("mqmessageid", "M1"), ("mqreceipthandle", "h")]
    {
        assert_eq!(received.text(name), Some(expected), "{protocol} {form:?}");
    }
    assert_eq!(received.get("deliveryattempt"), Some(&Value::Integer(2)));
    structured(&received);
}

/// As the MQ gives it back.
fn delivered(message: &Message) -> Option<Delivery> {
    Some(Delivery {
        message_id: MessageId::parse("M1").ok()?,
        handle: UpstreamHandle::parse("h").ok()?,
        body: message.body.clone(),
        tag: message.tag.as_ref().map(|tag| tag.as_str().to_owned()),
        keys: message.keys.iter().map(|key| key.as_str().to_owned()).collect(),
        properties: message.properties.clone(),
        system_properties: Vec::new(),
        message_group: message.message_group.clone(),
        delivery_attempt: 2,
        deliver_at: None,
        published_at: UnixMillis(1_795_938_240_123),
        first_delivered_at: None,
        visible_again_at: UnixMillis(1_795_938_300_000),
    })
}

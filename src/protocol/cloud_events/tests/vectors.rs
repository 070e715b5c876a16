//! The project's vectors: 37 events in two modes, a batch, and 67 messages as they are received.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::super::{Batch, Data, Event, EventFlaw, Mode, Value};

fn vectors(kind: &str) -> Vec<Json> {
    let file: Json = serde_json::from_str(include_str!("../../../../tests/fixtures/push-vectors.json")).unwrap();
    file["cloudevents"][kind].as_array().unwrap().clone()
}

/// The event that a vector describes.
fn event_of(vector: &Json) -> Result<Event<'_>, Vec<EventFlaw>> {
    let attributes = vector["attributes"].as_object().unwrap().iter().map(|(name, value)| {
        let value = match value {
            Json::String(text) => Value::Text(text.as_str().into()),
            Json::Bool(flag) => Value::Boolean(*flag),
            Json::Number(number) => Value::Integer(number.as_i64().unwrap().try_into().unwrap()),
            Json::Null | Json::Array(_) | Json::Object(_) => panic!("{name}: no attribute"),
        };
        (name.as_str().into(), value)
    });
    let data = &vector["data"];
    let data = match vector["data_kind"].as_str().unwrap() {
        "none" => Data::None,
        "json" => Data::Json(data.to_string().into()),
        "text" => Data::Text(data.as_str().unwrap().into()),
        "binary" => Data::Bytes(STANDARD.decode(data.as_str().unwrap()).unwrap().into()),
        other => panic!("{other}"),
    };
    Event::new(attributes.collect(), data)
}

fn body(vector: &Json) -> Vec<u8> {
    match (&vector["body_utf8"], &vector["body_base64"]) {
        (Json::String(text), _) => text.clone().into_bytes(),
        (_, Json::String(base64)) => STANDARD.decode(base64).unwrap(),
        _ => panic!("{vector}"),
    }
}

fn headers(vector: &Json) -> BTreeMap<String, String> {
    let headers = vector["headers"].as_object().unwrap().iter();
    headers.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap().to_owned())).collect()
}

#[test]
fn events_are_written_in_binary_mode() {
    let mut written = 0;
    for vector in vectors("encode") {
        let (name, expected) = (&vector["name"], &vector["binary"]["expect"]);
        if expected == "refuse" {
            event_of(&vector["event"]).unwrap_err();
            continue;
        }
        let event = event_of(&vector["event"]).unwrap();
        let binary = event.binary();
        let mut found: BTreeMap<String, String> = binary.headers.into_iter().collect();
        found.extend(binary.content_type.map(|it| ("content-type".to_owned(), it)));
        assert_eq!(found, headers(expected), "{name}");
        assert_eq!(binary.body, body(expected), "{name}");
        written += 1;
    }
    assert_eq!(written, 34);
}

#[test]
fn events_are_written_and_read_in_structured_mode() {
    let mut written = 0;
    for vector in vectors("encode") {
        let (name, expected) = (&vector["name"], &vector["structured"]["expect"]);
        if expected == "refuse" {
            continue;
        }
        let event = event_of(&vector["event"]).unwrap();
        let found = event.structured();
        let mut expected_json: Json = serde_json::from_slice(&body(expected)).unwrap();
        // JSON by value; Go writes the second's fraction as we do, and the time of an offset in UTC.
        assert_eq!(serde_json::from_slice::<Json>(&found).unwrap(), expected_json, "{name}");
        let text = String::from_utf8(found).unwrap();
        assert_eq!(Event::read_structured(&text).unwrap(), event, "{name}");
        expected_json["specversion"] = json!("1.1");
        Event::read_structured(&expected_json.to_string()).unwrap_err();
        written += 1;
    }
    assert_eq!(written, 34);
}

#[test]
fn binary_mode_is_read_as_it_is_written() {
    for vector in vectors("encode").iter().filter(|vector| vector["binary"]["expect"] != "refuse") {
        let event = event_of(&vector["event"]).unwrap();
        let binary = event.binary();
        let headers = binary.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let read = Event::read_binary(headers, binary.content_type.as_deref(), binary.body).unwrap();
        let expected = event.attributes().map(|(name, value)| (name.to_owned(), value.to_string()));
        let mut expected: BTreeMap<String, String> = expected.collect();
        if let Some(content_type) = &binary.content_type {
            expected.insert("datacontenttype".to_owned(), content_type.clone());
        }
        let found: BTreeMap<String, String> =
            read.attributes().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
        assert_eq!(found, expected, "{}", vector["name"]);
        assert_eq!(read.data.bytes(), event.data.bytes(), "{}", vector["name"]);
    }
}

#[test]
fn a_batch_is_read_and_its_events_are_written() {
    let [vector] = vectors("batch_encode").try_into().unwrap();
    let text = String::from_utf8(body(&vector)).unwrap();
    let batch = Batch::read(&text).unwrap();
    assert_eq!(batch.count, 2);
    let written = batch.events.into_iter().map(|event| {
        let mut json = Vec::new();
        event.unwrap().write_structured(&mut json);
        serde_json::from_slice(&json).unwrap()
    });
    let expected: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(Json::Array(written.collect()), expected);
}

/// What a received message is: its events, or nothing where it is refused; `None` where it is no event.
fn received(vector: &Json) -> Option<Result<Vec<Json>, Vec<EventFlaw>>> {
    let (headers, body) = (headers(vector), body(vector));
    let content_type = headers.get("content-type").map(String::as_str);
    let mode = match content_type.and_then(Mode::of_content_type) {
        Some(Some(mode)) => mode,
        Some(None) => return Some(Err(Vec::new())),
        None => match Mode::of_headers(headers.keys().map(String::as_str)) {
            Ok(Some(mode)) => mode,
            Ok(None) => return None,
            Err(_) => return Some(Err(Vec::new())),
        },
    };
    let text = || std::str::from_utf8(&body).unwrap();
    Some(match mode {
        Mode::Structured => Event::read_structured(text()).map(|event| vec![shown(&event)]),
        Mode::Binary => {
            let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            Event::read_binary(pairs, content_type, &body).map(|event| vec![shown(&event)])
        }
        Mode::Batch => match Batch::read(text()) {
            None => Err(Vec::new()),
            Some(batch) => batch.events.into_iter().map(|event| event.map(|event| shown(&event))).collect(),
        },
    })
}

/// As libraries' results are written down: attributes, and the data's bytes.
fn shown(event: &Event<'_>) -> Json {
    let mut attributes = json!({"specversion": "1.0"});
    for (name, value) in event.attributes() {
        attributes[name] = match value {
            Value::Text(text) => json!(text),
            Value::Integer(number) => json!(number),
            Value::Boolean(flag) => json!(flag),
        };
    }
    let bytes = event.data.bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({"attributes": attributes, "data_text": text}),
        Err(_) => json!({"attributes": attributes, "data_base64": STANDARD.encode(bytes)}),
    }
}

/// What Go's library, which has a result for every message, made of it, unless the specification says otherwise.
fn expected(vector: &Json) -> Option<Json> {
    let results = vector["library_results"].as_array().unwrap();
    let is_of = |result: &Json, library: &str| result["by"].as_array().unwrap().iter().any(|it| it == library);
    let result = &results.iter().find(|result| is_of(result, "ce-go")).unwrap()["result"];
    let has_result = result.is_object() && result.get("validate").is_none();
    has_result.then(|| result.clone())
}

#[test]
fn received_messages_are_what_the_specification_says_else_what_libraries_agree_on() {
    /// Ours by decision: refused where they are taken by some, or the other way round.
    const DECIDED: [(&str, bool); 7] = [
        ("structured-avro-type", false),
        ("structured-specversion-0.3", false),
        ("structured-bom", false),
        ("structured-text-data-not-a-string", false),
        ("binary-time-lower-case-t-z", true),
        ("batch-one-invalid", false),
        ("binary-with-forbidden-ce-datacontenttype", false),
    ];
    let mut seen = 0;
    for vector in vectors("decode") {
        seen += 1;
        let name = vector["name"].as_str().unwrap();
        let says = vector["specification"].as_str().unwrap_or_default();
        let found = received(&vector);
        if let Some((_, is_taken)) = DECIDED.iter().find(|(decided, _)| *decided == name) {
            assert_eq!(found.unwrap().is_ok(), *is_taken, "{name}");
            continue;
        }
        if says == "no CloudEvent" {
            assert_eq!(found, None, "{name}");
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("{name} is an event"));
        if says.starts_with("refuse") {
            found.unwrap_err();
            continue;
        }
        let found = found.unwrap_or_else(|flaws| panic!("{name}: {flaws:?}"));
        if says.starts_with("valid, zero") {
            assert!(found.is_empty(), "{name}");
            continue;
        }
        let [event] = found.as_slice() else {
            let go = expected(&vector).unwrap();
            let events: Vec<Json> = go["batch"].as_array().unwrap().clone();
            assert_eq!(json!(found), json!(events), "{name}");
            continue;
        };
        if let Some((attribute, text)) = says.split_once(" is '") {
            let text = text.split("':").next().unwrap().trim_end_matches('\'');
            assert_eq!(event["attributes"][attribute], text, "{name}");
            continue;
        }
        let mut go = expected(&vector).unwrap_or_else(|| panic!("{name}: Go has no result"));
        if let Some([only]) = go["batch"].as_array().map(Vec::as_slice) {
            go = only.clone();
        }
        assert_eq!(*event, go, "{name}");
    }
    assert_eq!(seen, 67);
}

//! The JSON format: an event as an object, and many of them as a list.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::attribute::{SPECVERSION, VERSION, Value};
use super::data::is_json;
use super::{Data, Event, EventFlaw, Place};
use crate::counted::{CountedList, CountedMap};
use crate::json_text::{self, Sink};

const DATA: &str = "data";
const DATA_BASE64: &str = "data_base64";
/// This many bytes at once, whose base64 needs no padding inside.
const CHUNK: usize = 3 << 10;
/// What attributes take, about.
const USUAL_BYTES: usize = 512;
/// Most members of an event.
const MOST_MEMBERS: usize = 256;
/// As many events of a batch are read; a caller's limit is never higher.
pub const MOST_EVENTS: usize = 1000;

/// The events of a batch.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The first of them, [`MOST_EVENTS`] at most.
    pub events: Vec<Result<Event<'a>, Vec<EventFlaw>>>,
    /// How many there are.
    pub count: usize,
}

impl<'a> Batch<'a> {
    /// Reads a list of events; `None` where it is no list.
    #[must_use]
    pub fn read(json: &'a str) -> Option<Self> {
        let CountedList::<&RawValue, MOST_EVENTS> { first, count } = serde_json::from_str(json).ok()?;
        Some(Self { events: first.into_iter().map(|raw| Event::read_structured(raw.get())).collect(), count })
    }
}

impl<'a> Event<'a> {
    /// Reads an event in the JSON format.
    ///
    /// # Errors
    /// Every flaw; that it is no JSON object is one, too.
    pub fn read_structured(json: &'a str) -> Result<Self, Vec<EventFlaw>> {
        let Ok(Members { first: members, count }) = serde_json::from_str(json) else {
            let rule = "must be an event in the JSON format: an object with specversion, id, source and type";
            return Err(vec![EventFlaw::at(Place::Whole, rule)]);
        };
        if count > MOST_MEMBERS {
            let rule = format!("must be an event with at most {MOST_MEMBERS} attributes: put the rest into its data");
            return Err(vec![EventFlaw::at(Place::Whole, rule)]);
        }
        let mut flaws = Vec::new();
        let mut attributes: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(members.len());
        let (mut plain, mut base64) = (None, None);
        // Of several members of one name the last counts, as for every library.
        for (index, (Text(name), raw)) in members.iter().enumerate() {
            if members.iter().skip(index + 1).any(|(Text(later), _)| later == name) {
                continue;
            }
            match name.as_ref() {
                DATA => plain = Some(*raw),
                DATA_BASE64 if raw.get() == "null" => {}
                DATA_BASE64 => base64 = Some(*raw),
                _ => match value(raw) {
                    Ok(Some(value)) => attributes.push((name.clone(), value)),
                    Ok(None) => {}
                    Err(detail) => flaws.push(EventFlaw::attribute(name, detail)),
                },
            }
        }
        let content_type = attributes.iter().find(|(name, _)| name == "datacontenttype");
        let content_type = content_type.and_then(|(_, value)| value.as_text());
        let data = data(plain, base64, content_type).map_err(|flaw| flaws.push(flaw));
        // What has a flaw of its own is not missing.
        let flawed: Vec<String> = flaws.iter().filter_map(|flaw| named(flaw).map(str::to_owned)).collect();
        match Self::new(attributes, data.unwrap_or(Data::None)) {
            Ok(event) if flaws.is_empty() => Ok(event),
            Ok(_) => Err(flaws),
            Err(more) => {
                flaws.extend(
                    more.into_iter().filter(|flaw| named(flaw).is_none_or(|name| !flawed.iter().any(|it| it == name))),
                );
                Err(flaws)
            }
        }
    }

    /// The event in the JSON format, of the type [`super::STRUCTURED_TYPE`].
    #[must_use]
    pub fn structured(&self) -> Vec<u8> {
        let data = self.data.bytes().len();
        let room = if matches!(self.data, Data::Bytes(_)) { data.div_ceil(3) * 4 } else { data };
        let mut json = Vec::with_capacity(room + USUAL_BYTES);
        self.write_structured(&mut json);
        json
    }

    /// Writes the same.
    pub fn write_structured(&self, json: &mut impl Sink) {
        json.push(b"{\"");
        json.push(SPECVERSION.as_bytes());
        json.push(b"\":\"");
        json.push(VERSION.as_bytes());
        json.push(b"\"");
        for (name, value) in self.attributes() {
            json.push(b",");
            json_text::plain(json, name);
            json.push(b":");
            match value {
                Value::Text(text) => json_text::string(json, text),
                Value::Integer(number) => json.push(number.to_string().as_bytes()),
                Value::Boolean(flag) => json.push(flag.to_string().as_bytes()),
            }
        }
        match &self.data {
            Data::None => {}
            Data::Json(text) => {
                json.push(b",\"data\":");
                json.push(text.as_bytes());
            }
            Data::Text(text) => {
                json.push(b",\"data\":");
                json_text::string(json, text);
            }
            Data::Bytes(bytes) => {
                json.push(b",\"data_base64\":\"");
                let mut base64 = String::new();
                for chunk in bytes.chunks(CHUNK) {
                    base64.clear();
                    STANDARD.encode_string(chunk, &mut base64);
                    json.push(base64.as_bytes());
                }
                json.push(b"\"");
            }
        }
        json.push(b"}");
    }
}

fn named(flaw: &EventFlaw) -> Option<&str> {
    match &flaw.place {
        Place::Attribute(name) => Some(name),
        Place::Whole | Place::ContentType | Place::Data | Place::DataBase64 => None,
    }
}

/// An attribute's value; `None` is one that is not set.
fn value(raw: &RawValue) -> Result<Option<Value<'_>>, &'static str> {
    let json = raw.get();
    match json.as_bytes().first() {
        Some(b'"') => text(json).map(|text| Some(Value::Text(text))),
        Some(b'n') => Ok(None),
        Some(b't') => Ok(Some(Value::Boolean(true))),
        Some(b'f') => Ok(Some(Value::Boolean(false))),
        _ => {
            let rule = "must be a string, a boolean or a whole number of 32 bits";
            json.parse().map(|number| Some(Value::Integer(number))).map_err(|_| rule)
        }
    }
}

/// A string of valid JSON.
fn text(json: &str) -> Result<Cow<'_, str>, &'static str> {
    let text: Result<Text<'_>, _> = serde_json::from_str(json);
    text.map(|text| text.0).map_err(|_| "holds an escape that is not a character (a lone surrogate): leave it out")
}

fn data<'a>(
    plain: Option<&'a RawValue>,
    base64: Option<&'a RawValue>,
    content_type: Option<&str>,
) -> Result<Data<'a>, EventFlaw> {
    match (plain.map(RawValue::get), base64.map(RawValue::get)) {
        (None, None) => Ok(Data::None),
        (Some(_), Some(_)) => Err(EventFlaw::at(Place::DataBase64, "excludes data: send one of the two")),
        (Some(json), None) if content_type.is_none_or(is_json) => Ok(Data::Json(json.into())),
        (Some(json), None) if json.starts_with('"') => {
            text(json).map(Data::Text).map_err(|detail| EventFlaw::at(Place::Data, detail))
        }
        (Some(_), None) => Err(EventFlaw::at(Place::Data, "must be a string where datacontenttype is not a JSON type")),
        (None, Some(json)) => {
            let bytes = text(json).ok().and_then(|text| STANDARD.decode(text.as_bytes()).ok());
            let bytes = bytes.filter(|_| json.starts_with('"'));
            let rule = "must be base64 in a string (standard alphabet, padded)";
            bytes.map(|it| Data::Bytes(it.into())).ok_or_else(|| EventFlaw::at(Place::DataBase64, rule))
        }
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object's members in their order, each value as it was written.
type Members<'a> = CountedMap<Text<'a>, &'a RawValue, MOST_MEMBERS>;

//! `Properties`: `name:value|name:value|`, with special names for keys, order and time (protocol notes MQ HTTP 3).

use std::fmt;

use super::body::{BODY_ENCODING_PROPERTY, Mark, is_xml_char};
use super::limits::MAX_PROPERTY_BYTES;
use super::refusal::Refusal;
use crate::model::{Key, MessageGroup, UnixMillis};

pub(super) const KEYS: &str = "KEYS";
pub(super) const SHARDING_KEY: &str = "__SHARDINGKEY";
pub(super) const START_DELIVER_TIME: &str = "__STARTDELIVERTIME";
const TRANSACTION_CHECK: &str = "__TransCheckT";

/// What `Properties` says about a message.
#[derive(Debug, Default)]
pub(super) struct Properties<'a> {
    pub(super) keys: &'a str,
    pub(super) sharding_key: Option<&'a str>,
    pub(super) start_deliver_time: Option<&'a str>,
    pub(super) is_half: bool,
    /// The value of [`BODY_ENCODING_PROPERTY`].
    pub(super) body_encoding: Option<&'a str>,
    /// What RocketMQ says of a message besides, as it says it.
    pub(super) system: Vec<(&'a str, &'a str)>,
    /// The rest, in the sender's order.
    pub(super) others: Vec<(&'a str, &'a str)>,
}

/// Which rule a property's name or value breaks so that this protocol cannot carry it; `None` when it can. An empty
/// value is fine, an empty name is not.
///
/// The SDKs check the same characters before they send, and drop a value with a second `:` when they receive.
#[must_use]
pub fn property_flaw(text: &str) -> Option<&'static str> {
    if text.contains(['&', '"', '\'', '<', '>', ':', '|']) {
        return Some("must not contain any of & \" ' < > : |");
    }
    if text.contains(|c: char| c.is_control() || !is_xml_char(c)) {
        return Some("must not contain control characters");
    }
    None
}

/// Whether the protocol, RocketMQ or this gateway gives a property of this name a meaning of its own, so that callers
/// cannot have one.
#[must_use]
pub fn is_reserved_property(name: &str) -> bool {
    matches!(name, KEYS | "TAGS" | BODY_ENCODING_PROPERTY) || is_system_property(name)
}

fn is_system_property(name: &str) -> bool {
    name.starts_with("__")
}

/// Reads what a sender wrote, by every rule of the SDKs' own checks. A system property that has no meaning here is refused: kept,
/// it would come to consumers as the MQ's word.
pub(super) fn read_strictly(text: &str) -> Result<Properties<'_>, Refusal> {
    if text.len() > MAX_PROPERTY_BYTES {
        return Err(flawed("must not be longer than 16384 bytes"));
    }
    let mut properties = Properties::default();
    for entry in entries(text) {
        let (name, value) = entry.map_err(flawed)?;
        if let Some(flaw) = property_flaw(name).or_else(|| property_flaw(value)) {
            return Err(flawed(format_args!("names and values {flaw}")));
        }
        match properties.set(name, value) {
            Set::Twice => return Err(flawed(format_args!("{name} must not occur twice"))),
            Set::Other if is_reserved_property(name) => {
                return Err(flawed(format_args!(
                    "TAGS and names that begin with __ are the MQ's own, but for {SHARDING_KEY} and {START_DELIVER_TIME}: \
                     choose another name"
                )));
            }
            Set::Special | Set::Other => {}
        }
    }
    Ok(properties)
}

/// Reads what an MQ delivers: an entry that cannot be read costs nothing but itself.
pub(super) fn read_leniently(text: &str) -> Properties<'_> {
    let mut properties = Properties::default();
    for entry in text.split_terminator('|') {
        match pair_of(entry) {
            Ok((name, value)) if is_system_property(name) && !matches!(name, SHARDING_KEY | START_DELIVER_TIME) => {
                properties.system.push((name, value));
            }
            Ok((name, value)) => drop(properties.set(name, value)),
            // An address, say.
            Err(_) if is_system_property(entry) => properties.system.extend(entry.split_once(':')),
            Err(_) => {}
        }
    }
    properties
}

/// The entries, with or without a `|` behind the last one.
fn entries(text: &str) -> impl Iterator<Item = Result<(&str, &str), &'static str>> {
    text.split_terminator('|').map(pair_of)
}

fn pair_of(entry: &str) -> Result<(&str, &str), &'static str> {
    match entry.split_once(':') {
        None => Err("every entry must be NAME:VALUE"),
        Some(("", _)) => Err("names must not be empty"),
        Some((_, value)) if value.contains(':') => Err("an entry must not contain a second ':'"),
        Some(pair) => Ok(pair),
    }
}

/// What became of an entry.
#[derive(PartialEq, Eq)]
enum Set {
    Special,
    Other,
    Twice,
}

impl<'a> Properties<'a> {
    /// Of special names the first counts.
    fn set(&mut self, name: &'a str, value: &'a str) -> Set {
        let slot = match name {
            KEYS if self.keys.is_empty() => {
                self.keys = value;
                return Set::Special;
            }
            KEYS => return Set::Twice,
            TRANSACTION_CHECK => {
                self.is_half = true;
                return Set::Special;
            }
            SHARDING_KEY => &mut self.sharding_key,
            START_DELIVER_TIME => &mut self.start_deliver_time,
            BODY_ENCODING_PROPERTY => &mut self.body_encoding,
            _ => {
                self.others.push((name, value));
                return Set::Other;
            }
        };
        if slot.is_some() {
            return Set::Twice;
        }
        *slot = Some(value);
        Set::Special
    }

    /// The keys, which the sender joined by blanks.
    pub(super) fn each_key(&self) -> impl Iterator<Item = &'a str> {
        self.keys.split(' ').filter(|key| !key.is_empty())
    }

    /// The keys of a message to be stored.
    pub(super) fn parse_keys(&self) -> Result<Vec<Key>, Refusal> {
        self.each_key().map(Key::parse).collect::<Result<_, _>>().map_err(|error| flawed(format_args!("KEYS {error}")))
    }

    /// The message group of a message to be stored.
    pub(super) fn parse_message_group(&self) -> Result<Option<MessageGroup>, Refusal> {
        let group = self.sharding_key.map(MessageGroup::parse).transpose();
        group.map_err(|error| flawed(format_args!("{SHARDING_KEY} {error}")))
    }

    /// The delivery time of a message to be stored; a past one is at once, which is the caller's to decide.
    pub(super) fn parse_deliver_at(&self) -> Result<Option<UnixMillis>, Refusal> {
        let time = self.start_deliver_time.map(str::parse).transpose();
        let time = time.map_err(|_| flawed(format_args!("{START_DELIVER_TIME} must be milliseconds since 1970")))?;
        Ok(time.map(UnixMillis))
    }

    /// The message group of a delivered message, and the time that it was given. One that cannot be such is left to the system
    /// properties, so that it reaches those who can do something with it.
    pub(super) fn take_group_and_time(&mut self) -> (Option<MessageGroup>, Option<UnixMillis>) {
        let group = self.sharding_key.and_then(|key| MessageGroup::parse(key).ok());
        let time = self.start_deliver_time.and_then(|time| time.parse().ok().map(UnixMillis));
        let left = |is_left: bool, name, value: Option<&'a str>| value.filter(|_| is_left).map(|value| (name, value));
        self.system.extend(left(group.is_none(), SHARDING_KEY, self.sharding_key));
        self.system.extend(left(time.is_none(), START_DELIVER_TIME, self.start_deliver_time));
        (group, time)
    }
}

/// Pairs with their own text.
pub(super) fn owned(pairs: Vec<(&str, &str)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn flawed(rule: impl fmt::Display) -> Refusal {
    Refusal::schema(format_args!("Properties: {rule}"))
}

/// Writes the text of `Properties`, with a `|` behind every entry as most SDKs do. What cannot be carried is left out:
/// an upstream refuses such a message before, and a delivery must not be lost for it.
#[derive(Default)]
pub(super) struct Writer(String);

impl Writer {
    /// The keys, in one entry.
    pub(super) fn keys<'k>(&mut self, keys: impl Iterator<Item = &'k str>) {
        let mut is_first = true;
        for key in keys.filter(|key| property_flaw(key).is_none()) {
            self.0.push_str(if is_first { "KEYS:" } else { " " });
            self.0.push_str(key);
            is_first = false;
        }
        if !is_first {
            self.0.push('|');
        }
    }

    /// The caller's own.
    pub(super) fn others(&mut self, properties: &[(String, String)]) {
        for (name, value) in properties {
            let special = [KEYS, SHARDING_KEY, START_DELIVER_TIME, TRANSACTION_CHECK, BODY_ENCODING_PROPERTY];
            if !name.is_empty() && !special.contains(&name.as_str()) {
                self.entry(name, value);
            }
        }
    }

    /// The message group.
    pub(super) fn message_group(&mut self, group: Option<&MessageGroup>) {
        if let Some(group) = group {
            self.entry(SHARDING_KEY, group.as_str());
        }
    }

    /// The delivery time.
    pub(super) fn deliver_at(&mut self, time: Option<UnixMillis>) {
        if let Some(time) = time {
            self.entry(START_DELIVER_TIME, itoa::Buffer::new().format(time.0));
        }
    }

    /// What the MQ says, as it said it: no entry of its own making is looked at more closely than its place in the text needs.
    pub(super) fn system(&mut self, properties: &[(String, String)]) {
        for (name, value) in properties {
            let fits = |text: &str| !text.contains('|') && text.chars().all(is_xml_char);
            if !name.is_empty() && !name.contains(':') && fits(name) && fits(value) {
                self.push(name, value);
            }
        }
    }

    /// The mark of a body that is not its own text.
    pub(super) fn body_mark(&mut self, mark: Option<Mark>) {
        if let Some(mark) = mark {
            self.entry(BODY_ENCODING_PROPERTY, mark.as_str());
        }
    }

    /// The text, empty when there is nothing to say.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn entry(&mut self, name: &str, value: &str) {
        if property_flaw(name).is_none() && property_flaw(value).is_none() {
            self.push(name, value);
        }
    }

    fn push(&mut self, name: &str, value: &str) {
        self.0.push_str(name);
        self.0.push(':');
        self.0.push_str(value);
        self.0.push('|');
    }
}

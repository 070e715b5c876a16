//! Rules for the texts of a configuration: names, tags, and what travels in an HTTP header.

use crate::model::{ConsumerGroup, Feature, Key, MAX_NAME_CHARS, NameError, Tag, Topic, Word as _};
use crate::near_word::did_you_mean;

use super::flaw::Flaw;
use super::kind::TextRule;

/// Stands for any topic, or any group.
pub(crate) const ANY: &str = "*";

/// The name of a table of credentials or of a profile: it becomes a label of metrics and part of key paths.
pub(crate) const TABLE_NAME: TextRule = TextRule::new("a name of 1 to 64 characters A-Z a-z 0-9 _ -", |text| {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(legal) {
        return Ok(());
    }
    Err(Flaw::new("expects a name of 1 to 64 characters A-Z a-z 0-9 _ -"))
});

/// A topic, or `*`.
pub(crate) const TOPIC_OR_ANY: TextRule =
    TextRule::new("a topic of 1 to 64 characters (127 with rocketmq) without `/`, or \"*\"", |text| {
        parsed(Topic::parse_longest(text))
    });

/// A topic.
pub(crate) const TOPIC: TextRule = TextRule::new("a topic of 1 to 64 characters without `/`", |text| match text {
    ANY => Err(Flaw::new("expects topics by name").hint("leave the list empty for any topic")),
    text => parsed(Topic::parse_configured(text)),
});

/// A consumer group, or `*`.
pub(crate) const GROUP_OR_ANY: TextRule =
    TextRule::new("a consumer group of 1 to 64 characters (255 with rocketmq) without `/`, or \"*\"", |text| {
        parsed(ConsumerGroup::parse_longest(text))
    });

/// A consumer group.
pub(crate) const GROUP: TextRule = TextRule::new("a consumer group of 1 to 64 characters without `/`", |text| {
    parsed(ConsumerGroup::parse_configured(text))
});

/// A tag.
pub(crate) const TAG: TextRule =
    TextRule::new("a tag of 1 to 128 characters without `|`", |text| parsed(Tag::parse(text)));

/// A tag to filter by: the MQ takes blanks off its ends, and `*` for every message.
pub(crate) const FILTER_TAG: TextRule =
    TextRule::new("a tag of 1 to 128 characters without `|`, a blank at either end, or \"*\" alone", |text| {
        if text == ANY {
            return Err(
                Flaw::new("expects a tag, and \"*\" is every message").hint("leave `tags` out for every message")
            );
        }
        if text.trim() != text {
            return Err(Flaw::new("expects a tag without blanks at its ends").hint("the MQ would take them off"));
        }
        parsed(Tag::parse(text))
    });

/// A key of a message.
pub(crate) const KEY: TextRule =
    TextRule::new("a message key of 1 to 128 characters without white space", |text| parsed(Key::parse(text)));

/// An instance of an MQ.
pub(crate) const INSTANCE: TextRule = TextRule::new("1 to 64 visible ASCII characters", |text| {
    if (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Flaw::new("expects 1 to 64 visible ASCII characters"))
});

/// A producer group: it travels as an HTTP header.
pub(crate) const PRODUCER_GROUP: TextRule = TextRule::new("1 to 64 visible ASCII characters", |text| {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Flaw::new("expects visible ASCII characters, since ons-http sends it as an HTTP header"));
    }
    visible_ascii(text)?;
    if text.len() > MAX_NAME_CHARS {
        return Err(Flaw::new("expects at most 64 characters; this has more"));
    }
    Ok(())
});

/// The content type that a message is sent with: an HTTP header, too.
pub(crate) const CONTENT_TYPE: TextRule =
    TextRule::new("a content type such as \"text/plain;charset=UTF-8\"", |text| {
        if text.bytes().any(|byte| byte != b' ' && !byte.is_ascii_graphic()) {
            return Err(Flaw::new("expects visible ASCII characters and blanks"));
        }
        let essence = text.split(';').next().unwrap_or_default().trim();
        match essence.split_once('/') {
            Some((kind, subtype)) if !kind.is_empty() && !subtype.is_empty() && !essence.contains(' ') => Ok(()),
            Some(_) | None => Err(Flaw::new("expects a content type, a type and a subtype with `/` between")),
        }
    });

/// The source and the type of events: letters that no library of CloudEvents and no header needs to encode.
pub(crate) const EVENT_TEXT: TextRule = TextRule::new("a text of 1 to 256 characters A-Z a-z 0-9 - . _ : /", |text| {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte);
    if (1..=256).contains(&text.len()) && text.bytes().all(is_letter) {
        return Ok(());
    }
    Err(Flaw::new("expects 1 to 256 characters A-Z a-z 0-9 - . _ : /"))
});

/// What not every protocol can do.
pub(crate) const FEATURE: TextRule = TextRule::new("the name of a capability", |text| {
    if Feature::named(text).is_some() {
        return Ok(());
    }
    let hint = did_you_mean(text, Feature::WORDS.iter().copied())
        .unwrap_or_else(|| format!("there are {}", Feature::WORDS.join(", ")));
    Err(Flaw::new("unknown capability").hint(hint))
});

/// Anything that may be the value of an HTTP header without trimming or encoding.
fn visible_ascii(text: &str) -> Result<(), Flaw> {
    if text.is_empty() {
        return Err(Flaw::new("must not be empty"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Flaw::new("expects visible ASCII characters, since it travels as an HTTP header"));
    }
    Ok(())
}

fn parsed<T>(result: Result<T, NameError>) -> Result<(), Flaw> {
    result.map(drop).map_err(|error| Flaw::new(error.to_string()))
}

//! Rules for the texts of a configuration: names, tags, and what travels in an HTTP header.

use crate::model::{ConsumerGroup, Key, MAX_NAME_CHARS, NameError, Tag, Topic};

use super::kind::{Flaw, TextRule};

/// Stands for any topic, or any group.
pub(super) const ANY: &str = "*";

/// The name of a table of credentials or of a profile: it becomes a label of metrics and part of key paths.
pub(super) const TABLE_NAME: TextRule = TextRule {
    expects: "a name of 1 to 64 characters A-Z a-z 0-9 _ -",
    check: |text| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(legal) {
            return Ok(());
        }
        Err(Flaw::new("expects a name of 1 to 64 characters A-Z a-z 0-9 _ -"))
    },
};

/// A topic, or `*`.
pub(super) const TOPIC_OR_ANY: TextRule = TextRule {
    expects: "a topic of 1 to 64 characters without `/`, or \"*\"",
    check: |text| if text == ANY { Ok(()) } else { parsed(Topic::parse_configured(text)) },
};

/// A topic.
pub(super) const TOPIC: TextRule = TextRule {
    expects: "a topic of 1 to 64 characters without `/`",
    check: |text| match text {
        ANY => Err(Flaw::new("expects topics by name").hint("leave the list empty for any topic")),
        text => parsed(Topic::parse_configured(text)),
    },
};

/// A consumer group, or `*`.
pub(super) const GROUP_OR_ANY: TextRule = TextRule {
    expects: "a consumer group of 1 to 64 characters without `/`, or \"*\"",
    check: |text| if text == ANY { Ok(()) } else { parsed(ConsumerGroup::parse_configured(text)) },
};

/// A consumer group.
pub(super) const GROUP: TextRule = TextRule {
    expects: "a consumer group of 1 to 64 characters without `/`",
    check: |text| parsed(ConsumerGroup::parse_configured(text)),
};

/// A tag.
pub(super) const TAG: TextRule =
    TextRule { expects: "a tag of 1 to 128 characters without `|`", check: |text| parsed(Tag::parse(text)) };

/// A key of a message.
pub(super) const KEY: TextRule = TextRule {
    expects: "a message key of 1 to 128 characters without white space",
    check: |text| parsed(Key::parse(text)),
};

/// An instance of an MQ.
pub(super) const INSTANCE: TextRule = TextRule {
    expects: "1 to 64 visible ASCII characters",
    check: |text| {
        if (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(());
        }
        Err(Flaw::new("expects 1 to 64 visible ASCII characters"))
    },
};

/// A producer group: it travels as an HTTP header.
pub(super) const PRODUCER_GROUP: TextRule = TextRule {
    expects: "1 to 64 visible ASCII characters",
    check: |text| {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Flaw::new("expects visible ASCII characters, since ons-http sends it as an HTTP header"));
        }
        visible_ascii(text)?;
        if text.len() > MAX_NAME_CHARS {
            return Err(Flaw::new("expects at most 64 characters, this has more"));
        }
        Ok(())
    },
};

/// The content type that a message is sent with: an HTTP header, too.
pub(super) const CONTENT_TYPE: TextRule = TextRule {
    expects: "a content type such as \"text/plain;charset=UTF-8\"",
    check: |text| {
        if text.bytes().any(|byte| byte != b' ' && !byte.is_ascii_graphic()) {
            return Err(Flaw::new("expects visible ASCII characters and blanks"));
        }
        let essence = text.split(';').next().unwrap_or_default().trim();
        match essence.split_once('/') {
            Some((kind, subtype)) if !kind.is_empty() && !subtype.is_empty() && !essence.contains(' ') => Ok(()),
            Some(_) | None => Err(Flaw::new("expects a content type, a type and a subtype with `/` between")),
        }
    },
};

/// Anything that may be the value of an HTTP header without trimming or encoding.
pub(super) fn visible_ascii(text: &str) -> Result<(), Flaw> {
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

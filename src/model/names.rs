//! Names and tokens: topics, groups, tags, keys, ids and handles.

use std::fmt;
use std::sync::Arc;

use super::Protocol;

/// Longest topic or group name, in characters; RocketMQ 5 has longer ones.
pub const MAX_NAME_CHARS: usize = 64;
/// Longest topic of RocketMQ 5, in characters.
const MAX_ROCKETMQ_TOPIC_CHARS: usize = 127;
/// Longest consumer group of RocketMQ 5, in characters.
const MAX_ROCKETMQ_GROUP_CHARS: usize = 255;
/// Longest tag or key, in characters (protocol notes ONS 3.2).
pub const MAX_TAG_CHARS: usize = 128;
/// Longest message group (sharding key), in characters.
pub const MAX_MESSAGE_GROUP_CHARS: usize = 128;

/// Why a text is no name. The text itself is not repeated: it may be hostile or huge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing at all.
    #[error("must not be empty: leave it out or name it")]
    Empty,
    /// More characters than the limit.
    #[error("has {actual} characters, the limit is {limit}: shorten it")]
    TooLong {
        /// Characters allowed.
        limit: usize,
        /// Characters given.
        actual: usize,
    },
    /// A character that this kind of name cannot hold.
    #[error("must not contain {0}: leave that out")]
    Forbidden(&'static str),
}

/// A legal topic or group name as text, shared by its clones.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// A name as callers may write it: 1–64 of `A-Za-z0-9_%|-`.
    ///
    /// # Errors
    /// [`NameError`] tells what is wrong, without the text.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_length(text, MAX_NAME_CHARS)?;
        let name = Self(text.into());
        name.check_letters()?;
        Ok(name)
    }

    /// A name as an operator may configure it: 1–64 UTF-8 characters without control characters and `/`.
    ///
    /// # Errors
    /// [`NameError`] tells what is wrong, without the text.
    pub fn parse_configured(text: &str) -> Result<Self, NameError> {
        Self::parse_longest(text, MAX_NAME_CHARS)
    }

    /// The same for another limit.
    fn parse_longest(text: &str, limit: usize) -> Result<Self, NameError> {
        check_length(text, limit)?;
        if text.chars().any(char::is_control) {
            return Err(NameError::Forbidden("control characters"));
        }
        if text.contains('/') {
            return Err(NameError::Forbidden("a slash"));
        }
        Ok(Self(text.into()))
    }

    /// Whether it has no letters but those that callers may write, and RocketMQ 5 takes.
    fn check_letters(&self) -> Result<(), NameError> {
        if self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'%' | b'|' | b'-')) {
            return Ok(());
        }
        Err(NameError::Forbidden("anything but A-Z a-z 0-9 _ % | -"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A newtype around [`Name`], so that a topic is never taken for a group.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $longest:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $type(Name);

        impl $type {
            /// As [`Name::parse`].
            ///
            /// # Errors
            /// [`NameError`] tells what is wrong.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                Name::parse(text).map(Self)
            }

            /// As [`Name::parse_configured`].
            ///
            /// # Errors
            /// [`NameError`] tells what is wrong.
            pub fn parse_configured(text: &str) -> Result<Self, NameError> {
                Name::parse_configured(text).map(Self)
            }

            /// As [`Name::parse_configured`], as long as it is for the protocol with the longest names.
            ///
            /// # Errors
            /// [`NameError`] tells what is wrong.
            pub fn parse_longest(text: &str) -> Result<Self, NameError> {
                Name::parse_longest(text, $longest).map(Self)
            }

            /// Whether a protocol takes the name.
            ///
            /// # Errors
            /// [`NameError`] tells what is wrong.
            pub fn check_for(&self, protocol: Protocol) -> Result<(), NameError> {
                match protocol {
                    Protocol::RocketMq => self.check_for_rocketmq(),
                    Protocol::OnsHttp | Protocol::MqHttp => self.check_for_http(),
                }
            }

            fn check_for_rocketmq(&self) -> Result<(), NameError> {
                check_length(self.as_str(), $longest)?;
                self.0.check_letters()
            }

            fn check_for_http(&self) -> Result<(), NameError> {
                check_length(self.as_str(), MAX_NAME_CHARS)
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

named!(
    /// A topic.
    Topic,
    MAX_ROCKETMQ_TOPIC_CHARS
);
named!(
    /// A consumer group: who shares deliveries.
    ConsumerGroup,
    MAX_ROCKETMQ_GROUP_CHARS
);

/// A newtype around text with its own rule.
macro_rules! text {
    ($(#[$doc:meta])* $type:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $type(Box<str>);

        impl $type {
            /// The only constructor.
            ///
            /// # Errors
            /// [`NameError`] tells what is wrong, without the text.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), NameError> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

text!(
    /// A message's tag: 1–128 characters, no control characters, no `|` (RocketMQ joins tags with it).
    Tag,
    |text| {
        check_length(text, MAX_TAG_CHARS)?;
        check_control(text)?;
        if text.contains('|') {
            return Err(NameError::Forbidden("'|'"));
        }
        Ok(())
    }
);
text!(
    /// One of a message's keys: 1–128 characters, no control characters, no white space (RocketMQ joins keys with a blank).
    Key,
    |text| {
        check_length(text, MAX_TAG_CHARS)?;
        check_control(text)?;
        if text.chars().any(char::is_whitespace) {
            return Err(NameError::Forbidden("white space (keys are joined by a blank)"));
        }
        Ok(())
    }
);
text!(
    /// Messages of one message group are kept in order among themselves: 1–128 visible ASCII characters and blanks
    /// inside, since the value travels as an HTTP header.
    MessageGroup,
    |text| {
        check_length(text, MAX_MESSAGE_GROUP_CHARS)?;
        if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(NameError::Forbidden("anything but visible ASCII characters and blanks"));
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(NameError::Forbidden("a blank at either end"));
        }
        Ok(())
    }
);
text!(
    /// The MQ's id of a stored message.
    MessageId,
    |text| if text.is_empty() { Err(NameError::Empty) } else { Ok(()) }
);
text!(
    /// The upstream's own token for one delivery (`msgHandle`, `ReceiptHandle`).
    UpstreamHandle,
    |text| if text.is_empty() { Err(NameError::Empty) } else { Ok(()) }
);

fn check_length(text: &str, limit: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    // Bytes are never fewer than characters: the common case is decided without counting.
    if text.len() > limit {
        let actual = text.chars().count();
        if actual > limit {
            return Err(NameError::TooLong { limit, actual });
        }
    }
    Ok(())
}

fn check_control(text: &str) -> Result<(), NameError> {
    if text.chars().any(char::is_control) {
        return Err(NameError::Forbidden("control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_contract() {
        assert!(Name::parse("%DLQ%CID_a-b|c").is_ok());
        assert_eq!(Name::parse(""), Err(NameError::Empty));
        assert_eq!(Name::parse(&"a".repeat(65)), Err(NameError::TooLong { limit: 64, actual: 65 }));
        assert!(Name::parse(&"a".repeat(64)).is_ok());
        for bad in ["a b", "订单", "a/b", "a\n", "a.b", "*"] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Name::parse_configured("订单").is_ok());
        assert!(Name::parse_configured(&"订".repeat(64)).is_ok());
        assert!(Name::parse_configured(&"订".repeat(65)).is_err());
        assert!(Name::parse_configured("a/b").is_err());
        for length in [64, 65, 127, 128, 255, 256] {
            let (topic, group) =
                (Topic::parse_longest(&"t".repeat(length)), ConsumerGroup::parse_longest(&"g".repeat(length)));
            assert_eq!((topic.is_ok(), group.is_ok()), (length <= 127, length <= 255), "{length}");
            assert!(topic.is_ok_and(|it| it.check_for_http().is_ok()) == (length <= 64));
        }
        assert!(Topic::parse_longest("订单").unwrap().check_for_rocketmq().is_err());
        assert!(Topic::parse_longest("%DLQ%a").unwrap().check_for_rocketmq().is_ok());
        assert!(Name::parse_configured("a\u{0}b").is_err());
    }

    #[test]
    fn tags_and_keys_follow_the_contract() {
        assert!(Tag::parse("标签 & + # ;").is_ok());
        assert!(Tag::parse("a|b").is_err());
        assert!(Tag::parse("a\nb").is_err());
        assert!(Tag::parse(&"t".repeat(129)).is_err());
        assert!(Key::parse("order-1").is_ok());
        assert!(Key::parse("order 1").is_err());
        assert!(MessageGroup::parse("user 7").is_ok());
        assert!(MessageGroup::parse("用户").is_err());
        assert!(MessageGroup::parse(" a").is_err());
    }
}

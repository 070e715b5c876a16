//! Rules for the texts of `[subscriptions.NAME]`.

use super::flaw::Flaw;
use super::kind::TextRule;
use super::names::{ANY, GROUP_OR_ANY, TOPIC_OR_ANY};
use super::units::{duration_text, hours, parse_duration, parse_time};

/// Longest pause of a schedule.
const MAX_PAUSE_HOURS: u64 = 24;
/// Most characters of an attribute of an event.
const MOST_CHARS: usize = 256;

/// One topic.
pub(crate) const SUBSCRIBED_TOPIC: TextRule =
    TextRule::new("a topic of 1 to 64 characters (127 with rocketmq) without `/`", |text| match text {
        ANY => {
            Err(Flaw::new("expects one topic, and \"*\" is any")
                .hint("name a topic; add a table for each that is wanted"))
        }
        text => (TOPIC_OR_ANY.check)(text),
    });

/// One consumer group.
pub(crate) const SUBSCRIBED_GROUP: TextRule =
    TextRule::new("a consumer group of 1 to 64 characters (255 with rocketmq) without `/`", |text| match text {
        ANY => {
            Err(Flaw::new("expects one consumer group, and \"*\" is any")
                .hint("name a group of the subscription's own"))
        }
        text => (GROUP_OR_ANY.check)(text),
    });

/// A pause of a schedule.
pub(crate) const PAUSE: TextRule = TextRule {
    canonical: |text| parse_duration(text).map(duration_text).unwrap_or_default(),
    ..TextRule::new("a duration from 0s to 24h", |text| match parse_duration(text) {
        Some(pause) if pause <= hours(MAX_PAUSE_HOURS) => Ok(()),
        Some(_) => Err(Flaw::new("expects a duration from 0s to 24h; this is outside that range")),
        None => Err(Flaw::new("expects a duration from 0s to 24h; this is not one")
            .hint("write it with its unit and in quotes, as \"5s\" or \"1m30s\"")),
    })
};

/// `source` of events. Characters that need no encoding in any mode: no library reads them otherwise.
pub(crate) const EVENT_SOURCE: TextRule =
    TextRule::new("a URI reference such as \"/orders\" or \"https://orders.example\"", |text| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
        attribute(text)?;
        if !text.bytes().all(legal) {
            return Err(Flaw::new("has a character that no URI has").hint("write it percent-encoded, %20 for a blank"));
        }
        let mut parts = text.split('%').skip(1);
        if parts
            .any(|part| !part.bytes().take(2).eq(part.bytes().take(2).filter(u8::is_ascii_hexdigit)) || part.len() < 2)
        {
            return Err(Flaw::new("has a `%` that two hexadecimal digits do not follow").hint("%25 is a percent sign"));
        }
        Ok(())
    });

/// `type` of events.
pub(crate) const EVENT_TYPE: TextRule = TextRule::new("a text such as \"com.example.order.created\"", |text| {
    attribute(text)?;
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte)) {
        return Ok(());
    }
    Err(Flaw::new("expects characters A-Z a-z 0-9 - . _ : /").hint("no library reads others alike"))
});

fn attribute(text: &str) -> Result<(), Flaw> {
    match text.len() {
        0 => Err(Flaw::new("is empty")),
        1..=MOST_CHARS => Ok(()),
        _ => Err(Flaw::new(format!("is longer than {MOST_CHARS} characters"))),
    }
}

/// The short form of a secret: its file. The file is checked as the key of the long form is.
pub(crate) const SECRET_FILE: TextRule = TextRule::new("a path", |_| Ok(()));

/// A time with its zone.
pub(crate) const UNTIL: TextRule = TextRule::new("a time such as \"2030-01-31T00:00:00Z\"", |text| {
    parse_time(text).map(drop).ok_or_else(|| {
        Flaw::new("expects a date and a time with its zone (RFC 3339); this is not one")
            .hint("write it as \"2030-01-31T00:00:00Z\", or with an offset such as +08:00, and in quotes")
    })
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    fn flaw(rule: TextRule, text: &str) -> String {
        (rule.check)(text).map(|()| format!("{text} is taken")).unwrap_err().detail
    }

    #[test]
    fn texts_are_held_to_their_rules() {
        for (rule, text, words) in [
            (SUBSCRIBED_TOPIC, "*", "one topic"),
            (SUBSCRIBED_TOPIC, "a/b", "slash"),
            (SUBSCRIBED_GROUP, "*", "one consumer group"),
            (SUBSCRIBED_GROUP, "", "empty"),
            (PAUSE, "25h", "outside"),
            (PAUSE, "5", "not one"),
            (PAUSE, "-5s", "not one"),
            (EVENT_SOURCE, "", "empty"),
            (EVENT_SOURCE, "a b", "no URI has"),
            (EVENT_SOURCE, "订单", "no URI has"),
            (EVENT_SOURCE, "/a%2", "hexadecimal"),
            (EVENT_SOURCE, "/a%zz", "hexadecimal"),
            (EVENT_TYPE, "a b", "A-Z"),
            (EVENT_TYPE, &"a".repeat(257), "256"),
            (UNTIL, "tomorrow", "RFC 3339"),
            (UNTIL, "2030-01-31", "RFC 3339"),
            (UNTIL, "2030-01-31T00:00:00", "RFC 3339"),
        ] {
            let detail = flaw(rule, text);
            assert!(detail.contains(words), "{text}: {detail}");
        }
        for (rule, text) in [
            (SUBSCRIBED_TOPIC, "%DLQ%CID_a"),
            (PAUSE, "0s"),
            (PAUSE, "24h"),
            (EVENT_SOURCE, "https://orders.example/%E2%82%AC?x=1"),
            (EVENT_TYPE, "com.example.order.created"),
            (UNTIL, "2030-01-31T00:00:00+08:00"),
        ] {
            assert_eq!((rule.check)(text), Ok(()), "{text}");
        }
        assert_eq!(parse_time("1970-01-01T00:00:01.5Z"), Some(UnixMillis(1500)));
    }
}

//! Reads the envelope that nearly every caller writes, in one pass: no `encoding`, no `null`, no field twice.
//!
//! What is written in another way, or wrongly, is left to the JSON library, which explains what does not fit; a test holds both to
//! the same result.

use super::envelope::{Body, Envelope};
use crate::model::{MAX_KEYS, MAX_PROPERTIES};
use crate::plain_json::{PlainJson, once};

/// The envelope, if it is a plain one.
pub(super) fn read(json: &str) -> Option<Envelope<'_>> {
    PlainJson::read(json, read_next)
}

/// The envelopes of a batch, if all of it is plain and they are at most `most`: an envelope takes more than it is written in.
pub(super) fn read_batch(json: &str, most: usize) -> Option<Vec<Envelope<'_>>> {
    PlainJson::read(json, |batch| batch.only_member("messages", |value| value.list_of(most, read_next)))
}

fn read_next<'a>(reader: &mut PlainJson<'a>) -> Option<Envelope<'a>> {
    let (mut body, mut tag, mut keys, mut properties) = (None, None, None, None);
    let (mut message_group, mut deliver_at, mut delay_seconds) = (None, None, None);
    reader.object(|name, value| match name {
        "body" => once(&mut body, value.string()?),
        "tag" => once(&mut tag, value.string()?),
        "keys" => once(&mut keys, value.list_of(MAX_KEYS, PlainJson::string)?.into()),
        "properties" => {
            let mut pairs = Vec::new();
            value.object(|name, value| {
                pairs.push((name.to_owned(), value.string()?.into_owned()));
                (pairs.len() <= MAX_PROPERTIES).then_some(())
            })?;
            once(&mut properties, pairs.into())
        }
        "message_group" => once(&mut message_group, value.string()?),
        "deliver_at" => once(&mut deliver_at, value.string()?),
        "delay_seconds" => once(&mut delay_seconds, value.number()?),
        _ => None,
    })?;
    let (encoding, body) = (None, Body::Text(body?));
    Some(Envelope { body, encoding, tag, keys, properties, message_group, deliver_at, delay_seconds })
}

/// Whether it is read here; what is, is what the JSON library reads.
#[cfg(any(test, fuzzing))]
pub(super) fn is_plain(json: &str) -> bool {
    use super::envelope::Place;
    use crate::model::{Topic, UnixMillis};

    let whole = bytes::Bytes::copy_from_slice(json.as_bytes());
    let text = std::str::from_utf8(&whole).unwrap_or_default();
    let message = |envelope: Envelope<'_>| {
        let topic = Topic::parse("T").unwrap_or_else(|_| unreachable!("it is a name"));
        envelope.into_message(topic, UnixMillis(1_000_000), &whole, Place::Alone)
    };
    let Some(plain) = read(text) else { return false };
    let library = serde_json::from_str(text).unwrap_or_else(|error| unreachable!("{json}: {error}"));
    assert_eq!(message(plain), message(library), "{json}");
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_envelopes_are_read_here() {
        for json in [
            r#"{"body":""}"#,
            r#"{"body":"中文 {[","tag":"a","keys":["b","c"],"message_group":"g"}"#,
            "\r\n{ \"body\" :\t\"x\" , \"keys\" : [ ] , \"properties\" : { } }\n",
            r#"{"properties":{"a":"b","c":"d","a":"e"},"body":"x","delay_seconds":0}"#,
            r#"{"body":"x","deliver_at":"2026-01-01T00:00:00Z"}"#,
            r#"{"body":"{\"a\":\"\u4e2d\n\"}","tag":"\u0061"}"#,
            r#"{"body":"x","delay_seconds":18446744073709551615}"#,
        ] {
            assert!(is_plain(json), "{json}");
        }
    }

    #[test]
    fn all_others_are_left_to_the_library() {
        for json in [
            "",
            "{}",
            "[]",
            r#""body""#,
            r#"{"body":7}"#,
            r#"{"body":null}"#,
            r#"{"body":{"a":"b"}}"#,
            r#"{"body":"\ud800"}"#,
            r#"{"\u0062ody":"a"}"#,
            "{\"body\":\"a\n\"}",
            r#"{"body":"x","encoding":"text"}"#,
            r#"{"body":"x","body":"x"}"#,
            r#"{"body":"x","tag":null}"#,
            r#"{"body":"x","unknown":"x"}"#,
            r#"{"body":"x",}"#,
            r#"{"body":"x"} x"#,
            r#"{"body":"x"}}"#,
            r#"{"body":"x"#,
            r#"{"body":"x","keys":["a",]}"#,
            r#"{"body":"x","delay_seconds":01}"#,
            r#"{"body":"x","delay_seconds":1.0}"#,
            r#"{"body":"x","delay_seconds":-1}"#,
            r#"{"body":"x","delay_seconds":}"#,
            r#"{"body":"x","delay_seconds":18446744073709551616}"#,
            "\u{feff}{\"body\":\"x\"}",
            "\u{a0}{\"body\":\"x\"}",
        ] {
            assert!(!is_plain(json), "{json}");
        }
    }

    #[test]
    fn batches_are_plain_where_all_of_them_is() {
        let one = r#"{"body":"x","keys":["a"]}"#;
        let whole = |json: &str| format!(r#" {{ "messages" : [ {json} ] }} "#);
        let bodies = |json: &str| -> Option<Vec<String>> {
            let envelopes = read_batch(json, 2)?;
            let text = |envelope: Envelope<'_>| match envelope.body {
                Body::Text(text) => text.into_owned(),
                Body::Json(_) => unreachable!("read by the library"),
            };
            Some(envelopes.into_iter().map(text).collect())
        };
        assert_eq!(bodies(&whole(&format!(r#"{one},{{"body":"y\n"}}"#))), Some(vec!["x".to_owned(), "y\n".to_owned()]));
        assert_eq!(bodies(&whole("")), Some(Vec::new()));
        for json in [
            "{}".to_owned(),
            format!("[{one}]"),
            whole(&format!("{one},{one},{one}")),
            whole(&format!("{one},")),
            whole(&format!(r#"{one},{{"body":7}}"#)),
            format!(r#"{{"messages":[{one}],"messages":[]}}"#),
            format!(r#"{{"messages":[{one}],"more":1}}"#),
            format!(r#"{{"messages":[{one}]}}x"#),
        ] {
            assert_eq!(bodies(&json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_here_is_what_the_library_reads(json in any_envelope()) {
            is_plain(&json);
        }
    }

    /// Parts of envelopes in any order, so that many are envelopes and many are nearly one.
    fn any_envelope() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            " ",
            "\n",
            "\"",
            "\\",
            "\"body\":\"x\"",
            "\"tag\":\"a\"",
            "\"keys\":[\"a\",\"b\"]",
            "\"properties\":{\"a\":\"b\"}",
            "\"delay_seconds\":12",
            "\"delay_seconds\":1e2",
            "\"body\":\"\u{7}\"",
            "\"ü\"",
            "0",
        ]);
        let any = prop::collection::vec(part.clone(), 0..12).prop_map(|parts| parts.concat());
        let likely = prop::collection::vec(part, 0..6).prop_map(|parts| format!("{{{}}}", parts.join(",")));
        prop_oneof![any, likely]
    }
}

//! A line of a file as the envelope of a batch.
//!
//! A line that is an envelope goes as it is: numbers, spelling and order of a JSON body stay its writer's. A message as a receive gives
//! it (it has a `receipt_handle`) becomes the envelope of the same message: `body`, `encoding`, `tag`, `keys`, `properties` and
//! `message_group` are kept; what belongs to its delivery is left out: `message_id`, `receipt_handle`, `delivery_attempt`,
//! `published_at`, `visible_again_at`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A message of a batch, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Its JSON, on one line.
    pub(super) json: String,
    /// Those of one group are sent one after the other.
    pub(super) group: Option<String>,
}

/// What of a line is looked at.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    encoding: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tag: Option<&'a RawValue>,
    #[serde(borrow, default)]
    keys: Option<&'a RawValue>,
    #[serde(borrow, default)]
    properties: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message_group: Option<&'a RawValue>,
    #[serde(default)]
    receipt_handle: Option<IgnoredAny>,
}

impl Envelope {
    /// Reads a line, which is not blank.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).map_err(|error| {
            format!("the line is not UTF-8 from its byte {} on: such a body goes as base64", error.valid_up_to() + 1)
        })?;
        let text = text.trim();
        if !text.starts_with('{') {
            return Err("the line is not a JSON object, such as {\"body\":\"text\"}".to_owned());
        }
        let line: Line<'_> = serde_json::from_str(text).map_err(|error| {
            format!("the line is not the JSON of one message, from its character {} on", error.column())
        })?;
        let group = line.message_group.and_then(|group| serde_json::from_str(group.get()).ok());
        let json = if line.receipt_handle.is_some() { line.received() } else { text.to_owned() };
        Ok(Self { json, group })
    }
}

impl Line<'_> {
    /// The envelope of a received message.
    fn received(&self) -> String {
        let fields = [
            ("body", self.body),
            ("encoding", self.encoding),
            ("tag", self.tag),
            ("keys", self.keys),
            ("properties", self.properties),
            ("message_group", self.message_group),
        ];
        let fields = fields.iter().filter_map(|(name, value)| Some((name, value.map(RawValue::get)?)));
        // What is unset is left out: not every protocol has it.
        let set = fields.filter(|(_, value)| !matches!(*value, "null" | "[]" | "{}"));
        let fields: Vec<String> = set.map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(String, Option<String>), String> {
        Envelope::read(line.as_bytes()).map(|envelope| (envelope.json, envelope.group))
    }

    #[test]
    fn an_envelope_goes_as_it_is() {
        let line = r#"{"body": {"b":1.50, "a":"\u00e4"}, "message_group":"g", "later":1}"#;
        assert_eq!(read(&format!(" {line}\r")), Ok((line.to_owned(), Some("g".to_owned()))));
        assert_eq!(read(r#"{"tag":7}"#), Ok((r#"{"tag":7}"#.to_owned(), None)), "the gateway says what is wrong");
    }

    #[test]
    fn a_received_message_becomes_the_envelope_of_the_same() {
        let line = r#"{"message_id":"1","receipt_handle":"v2.x","body":"aGk=","encoding":"base64","tag":null,"keys":["k"],
            "properties":{},"message_group":null,"delivery_attempt":2,"published_at":"p","visible_again_at":"v"}"#;
        let expected = r#"{"body":"aGk=","encoding":"base64","keys":["k"]}"#;
        assert_eq!(read(&line.replace('\n', " ")), Ok((expected.to_owned(), None)));
    }

    #[test]
    fn what_is_no_message_is_named_without_quoting() {
        for (line, words) in [
            (&b"zq-canary"[..], "not a JSON object"),
            (b"[\"zq-canary\"]", "not a JSON object"),
            (b"{\"body\":\"zq-canary\"", "from its character 19 on"),
            (b"{\"body\":\"zq-canary\"} {}", "from its character"),
            (b"{\"body\":\"\xff\"}", "not UTF-8 from its byte 10 on"),
        ] {
            let refused = Envelope::read(line).unwrap_err();
            assert!(refused.contains(words) && !refused.contains("canary"), "{refused}");
        }
    }
}

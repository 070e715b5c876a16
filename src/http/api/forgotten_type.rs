//! JSON that came without its type: `fetch` says `text/plain` of a string, Python's `data=json.dumps(…)` says nothing. Taken as it is,
//! the envelope itself would become the message, and nobody would know before its consumer does.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::content_type::RawType;
use super::envelope::FIELDS;
use crate::http::problem::{Code, Problem};

/// Refuses a raw body that is an envelope by all appearances; one of which nothing is said also where it is any JSON object or list.
///
/// # Errors
/// 415.
pub(super) fn check(body: &[u8], raw_type: RawType) -> Result<(), Problem> {
    let text = body.trim_ascii_start();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    let is_forgotten = match (raw_type, text.first()) {
        (RawType::Unsaid, Some(b'{' | b'[')) => serde_json::from_slice::<IgnoredAny>(text).is_ok(),
        (RawType::Other, Some(b'{')) => serde_json::from_slice::<Members>(text).is_ok_and(|it| it.has_body),
        (RawType::OctetStream | RawType::Other | RawType::Unsaid, _) => false,
    };
    if !is_forgotten {
        return Ok(());
    }
    let what = if raw_type == RawType::Unsaid {
        "JSON, and no Content-Type says so"
    } else {
        "an envelope, and its Content-Type does not say so"
    };
    Err(Problem::new(
        Code::UnsupportedMediaType,
        format!(
            "the body is {what}: send Content-Type: application/json, or application/octet-stream to publish these bytes as they are"
        ),
    ))
}

/// An object whose members are all an envelope's: any other is not read to its end.
#[derive(Default)]
struct Members {
    has_body: bool,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some(name) = map.next_key::<String>()? {
                    if !FIELDS.iter().any(|field| field.name == name) {
                        return Err(A::Error::custom("no envelope's"));
                    }
                    members.has_body |= name == "body";
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_to_be_an_envelope() {
        let check_as = |body: &str, raw_type: RawType, expected: bool| {
            assert_eq!(check(body.as_bytes(), raw_type).is_err(), expected, "{body} {raw_type:?}");
        };
        for body in [
            r#"{"body":"x"}"#,
            " \r\n{ \"tag\" : \"t\", \"body\" : {\"a\":[1]} }\n",
            "\u{FEFF}{\"body\":null}",
            "\u{FEFF} {\"body\":null}",
            r#"{"b\u006fdy":1,"keys":[7]}"#,
        ] {
            check_as(body, RawType::Unsaid, true);
            check_as(body, RawType::Other, true);
            check_as(body, RawType::OctetStream, false);
        }
        for body in [r#"{"order":17}"#, r#"{"body":"x","order":17}"#, "{}", "[1,2]", "[]", r#"{"tag":"t"}"#] {
            check_as(body, RawType::Unsaid, true);
            check_as(body, RawType::Other, false);
        }
        for body in ["", " ", "just text", "{not json", r#"{"body":"x"} and more"#, "[x]", "\"text\"", "17", "<xml/>"] {
            check_as(body, RawType::Unsaid, false);
            check_as(body, RawType::Other, false);
        }
    }
}

//! Which topics and groups the doctor asks about, and what it may conclude from an answer to the question.
//!
//! The question is an acknowledgement of [`HANDLE`], which no MQ gave out. It is authenticated like every request and
//! changes nothing: a consume would take a message away from somebody, and a handle of a form that the MQ knows would,
//! at our own embedded endpoint, make the topic and the group.

use crate::config::{Config, Endpoint, Groups, ProfileConfig, TopicPattern};
use crate::protocol::ons_http::decode_error;

/// base64 of `mq-gateway doctor: no handle`: base64, since the vendor's service decodes handles, without `+` and `/`.
pub(super) const HANDLE: &str = "bXEtZ2F0ZXdheSBkb2N0b3I6IG5vIGhhbmRsZQ==";
/// Most topics with groups that are asked about, per profile.
const MOST: usize = 32;

/// A topic or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) name: String,
    /// Not configured: made up, because the question needs one.
    pub(super) made_up: bool,
}

/// One topic with one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) topic: Subject,
    pub(super) group: Subject,
}

/// What is asked about a profile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Questions {
    /// At least one, so that the keys are tried.
    pub(super) asked: Vec<Question>,
    /// How many more there would have been.
    pub(super) left_out: usize,
    /// The MQ takes every name, made-up ones too: our own endpoint, unless its topics are listed.
    pub(super) any_name_is_good: bool,
}

/// Every named topic of the profile with every group that is named for it. What is not named is made up.
pub(super) fn questions(config: &Config, profile: &ProfileConfig) -> Questions {
    let topics = || config.topics.iter().filter(|topic| topic.profile == profile.name);
    let named = |name: &str| Subject { name: name.to_owned(), made_up: false };
    let mut asked = Vec::new();
    for topic in topics() {
        let subject = match &topic.name {
            TopicPattern::Named(topic) => named(topic.as_str()),
            // A made-up name can only blur what the named ones tell.
            TopicPattern::Any if topics().count() > 1 => continue,
            TopicPattern::Any => made_up_topic(),
        };
        let groups = match &topic.groups {
            Groups::Named(groups) if !groups.is_empty() => groups.iter().map(|it| named(it.name.as_str())).collect(),
            Groups::Named(_) | Groups::Any { .. } => vec![made_up_group()],
        };
        asked.extend(groups.into_iter().map(|group| Question { topic: subject.clone(), group }));
    }
    if asked.is_empty() {
        asked.push(Question { topic: made_up_topic(), group: made_up_group() });
    }
    let left_out = asked.len().saturating_sub(MOST);
    asked.truncate(MOST);
    let any_name_is_good = profile.endpoints.contains(&Endpoint::Embedded) && config.embedded.topics.is_empty();
    Questions { asked, left_out, any_name_is_good }
}

fn made_up_topic() -> Subject {
    Subject { name: "mq-gateway-doctor".to_owned(), made_up: true }
}

fn made_up_group() -> Subject {
    Subject { name: "CID_mq-gateway-doctor".to_owned(), made_up: true }
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) said: Said,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// 204, or a 400 about the handle: identity was checked before.
    Accepted(u16),
    /// 401 or 403: keys, clock, or a topic or group that is not the account's. The protocol does not tell which.
    Refused(u16),
    /// A 400 in the protocol's form, about something else than the handle.
    Complained(Option<Parameter>, String),
    /// 404 with a code, in the protocol's form.
    Unknown(String),
    /// 429, or a 503 that asks for patience, and 408 and 5xx: the MQ could not.
    Unable(u16),
    /// Nothing that the protocol has here: something else listens there.
    Foreign(u16),
    /// No answer, and why.
    Nothing(String),
}

/// What a 400 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Keys,
    Time,
    Topic,
    Group,
}

/// Reads an answer. Of its body only a code made of letters is kept: a service may repeat what it was sent.
pub(super) fn read(status: u16, body: &[u8]) -> Said {
    let error = decode_error(body);
    let code = error.as_ref().map(|error| code(&error.code));
    match (status, code) {
        (204, _) => Said::Accepted(status),
        (401 | 403, _) => Said::Refused(status),
        (400, Some(code)) => {
            let words = error.map(|error| format!("{} {}", error.code, error.info)).unwrap_or_default();
            match parameter(&words.to_ascii_lowercase()) {
                Some(About::Handle) => Said::Accepted(status),
                Some(About::Other(parameter)) => Said::Complained(Some(parameter), code),
                None => Said::Complained(None, code),
            }
        }
        (404, Some(code)) => Said::Unknown(code),
        (408 | 429 | 500..=599, _) => Said::Unable(status),
        (_, _) => Said::Foreign(status),
    }
}

enum About {
    Handle,
    Other(Parameter),
}

/// What the first parameter named in the words is. The MQ's wording is `parameter:MsgHandle is invalid,…`.
fn parameter(words: &str) -> Option<About> {
    let about = [
        ("handle", About::Handle),
        ("signature", About::Other(Parameter::Keys)),
        ("accesskey", About::Other(Parameter::Keys)),
        ("consumerid", About::Other(Parameter::Group)),
        ("topic", About::Other(Parameter::Topic)),
        ("time", About::Other(Parameter::Time)),
    ];
    let found = about.into_iter().filter_map(|(word, about)| Some((words.find(word)?, about)));
    found.min_by_key(|(at, _)| *at).map(|(_, about)| about)
}

fn code(text: &str) -> String {
    let is_code = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if is_code { text.to_owned() } else { "a code that is not shown".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Source, load};

    #[track_caller]
    fn asked_of(topics: &str) -> (Vec<String>, usize) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.toml");
        let text = format!(
            "[credentials.main]\ndirectory = \"x\"\n[profiles.main]\nprotocol = \"ons-http\"\ncredentials = \"main\"\n\
             endpoints = [\"http://127.0.0.1:1\"]\nproducer_group = \"PID\"\n[profiles.other]\nprotocol = \"ons-http\"\n\
             endpoints = [\"http://127.0.0.1:1\"]\ncredentials = \"main\"\nproducer_group = \"PID\"\n{topics}"
        );
        std::fs::write(&file, text).unwrap();
        let config = load(&Source::File(file), &Overrides::default(), &std::collections::BTreeMap::new()).unwrap();
        let questions = questions(&config, &config.profiles["main"]);
        let shown = |subject: &Subject| format!("{}{}", if subject.made_up { "?" } else { "" }, subject.name);
        let asked = questions.asked.iter().map(|it| format!("{} {}", shown(&it.topic), shown(&it.group))).collect();
        (asked, questions.left_out)
    }

    #[test]
    fn what_is_named_is_asked_about_and_the_rest_is_made_up() {
        let topic = |name: &str, groups: &str| {
            format!("[[topics]]\nname = \"{name}\"\nprofile = \"main\"\ngroups = [{groups}]\n")
        };
        let made_up = "?mq-gateway-doctor ?CID_mq-gateway-doctor";
        for (topics, expected) in [
            (topic("*", "\"*\""), vec![made_up]),
            (topic("*", "\"CID_a\""), vec!["?mq-gateway-doctor CID_a"]),
            ("[[topics]]\nname = \"a\"\nprofile = \"other\"\n".to_owned(), vec![made_up]),
            (topic("a", "\"CID_a\", \"CID_b\"") + &topic("*", "\"*\""), vec!["a CID_a", "a CID_b"]),
            (topic("a", "") + &topic("b", "\"*\""), vec!["a ?CID_mq-gateway-doctor", "b ?CID_mq-gateway-doctor"]),
        ] {
            assert_eq!(asked_of(&topics), (expected.iter().map(|&it| it.to_owned()).collect(), 0), "{topics}");
        }
        let many: String = (0..40).map(|number| topic(&format!("t{number}"), "\"CID\"")).collect();
        let (asked, left_out) = asked_of(&many);
        assert_eq!((asked.len(), left_out), (32, 8));
    }

    #[test]
    fn answers_are_read() {
        let said = |status: u16, body: &str| read(status, body.as_bytes());
        let bad = |info: &str| said(400, &format!(r#"{{"code":"SC_BAD_REQUEST","info":"{info}"}}"#));
        let code = || "SC_BAD_REQUEST".to_owned();
        assert_eq!(said(204, ""), Said::Accepted(204));
        assert_eq!(said(403, ""), Said::Refused(403));
        assert_eq!(bad("parameter:MsgHandle is invalid,it is no handle of this endpoint"), Said::Accepted(400));
        assert_eq!(bad("msgHandle of topic x is too old"), Said::Accepted(400));
        let complained = |parameter| Said::Complained(Some(parameter), code());
        assert_eq!(bad("parameter:Topic is invalid,it is too long"), complained(Parameter::Topic));
        assert_eq!(bad("parameter:ConsumerId is invalid for topic x"), complained(Parameter::Group));
        assert_eq!(bad("parameter:Signature is invalid"), complained(Parameter::Keys));
        assert_eq!(bad("parameter:Time is invalid"), complained(Parameter::Time));
        assert_eq!(bad("no"), Said::Complained(None, code()));
        assert_eq!(said(400, "<html>Bad Request</html>"), Said::Foreign(400));
        assert_eq!(said(404, "<html>nginx</html>"), Said::Foreign(404));
        assert_eq!(said(404, r#"{"code":"TOPIC_NOT_EXIST"}"#), Said::Unknown("TOPIC_NOT_EXIST".into()));
        assert_eq!(said(404, r#"{"code":"secret-5d2f"}"#), Said::Unknown("a code that is not shown".into()));
        assert_eq!(said(200, "[]"), Said::Foreign(200));
        assert_eq!(said(307, ""), Said::Foreign(307));
        assert_eq!(
            (said(429, ""), said(502, ""), said(408, "")),
            (Said::Unable(429), Said::Unable(502), Said::Unable(408))
        );
    }

    #[test]
    fn the_handle_is_none_that_any_mq_gives_out() {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.decode(HANDLE).unwrap();
        assert_eq!(text, b"mq-gateway doctor: no handle");
    }
}

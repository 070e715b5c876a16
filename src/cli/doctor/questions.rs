//! Which topics and groups the doctor asks about.
//!
//! The question is an acknowledgement of a handle that no MQ gave out. It is authenticated like every request and
//! changes nothing: a consume would take a message away from somebody, and a handle of a form that our own embedded
//! endpoint knows would make the topic and the group there.

use crate::config::{Config, Endpoint, Groups, ProfileConfig, TopicPattern};
use crate::model::Protocol;

/// The handle of the ONS HTTP protocol: base64 of `mq-gateway doctor: no handle`. The vendor's service decodes handles;
/// this one has no `+` and no `/`.
pub(super) const ONS_HANDLE: &str = "bXEtZ2F0ZXdheSBkb2N0b3I6IG5vIGhhbmRsZQ==";
/// The one of the MQ HTTP protocol: of the documented shape, a message id and base64 (protocol notes MQ HTTP 3), since
/// this service takes handles apart, too.
pub(super) const MQ_HANDLE: &str = "00000000000000000000000000000000-bXEtZ2F0ZXdheSBkb2N0b3I6IG5vIGhhbmRsZQ==";
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
    pub(super) respondent: Respondent,
}

/// Whom they are put to, as far as it matters for what an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Respondent {
    pub(super) protocol: Protocol,
    /// Our own endpoint.
    pub(super) embedded: bool,
    /// It takes every name, made-up ones too: our own endpoint, unless its topics are listed.
    pub(super) any_name_is_good: bool,
}

/// Every named topic of the profile with every group that is named for it. What is not named is made up.
pub(super) fn questions(config: &Config, profile: &ProfileConfig) -> Questions {
    let protocol = profile.protocol.kind();
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
            Groups::Named(_) | Groups::Any { .. } => vec![made_up_group(protocol)],
        };
        asked.extend(groups.into_iter().map(|group| Question { topic: subject.clone(), group }));
    }
    if asked.is_empty() {
        asked.push(Question { topic: made_up_topic(), group: made_up_group(protocol) });
    }
    let left_out = asked.len().saturating_sub(MOST);
    asked.truncate(MOST);
    let embedded = profile.endpoints.contains(&Endpoint::Embedded);
    let any_name_is_good = embedded && config.embedded.topics.is_empty();
    let respondent = Respondent { protocol, embedded, any_name_is_good };
    Questions { asked, left_out, respondent }
}

fn made_up_topic() -> Subject {
    Subject { name: "mq-gateway-doctor".to_owned(), made_up: true }
}

fn made_up_group(protocol: Protocol) -> Subject {
    let name = match protocol {
        Protocol::OnsHttp => "CID_mq-gateway-doctor",
        Protocol::MqHttp => "GID_mq-gateway-doctor",
    };
    Subject { name: name.to_owned(), made_up: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Source, load};

    #[track_caller]
    fn asked_of(protocol: &str, topics: &str) -> (Vec<String>, usize) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.toml");
        let own = if protocol == "ons-http" { "producer_group = \"PID\"\n" } else { "" };
        let text = format!(
            "[credentials.main]\ndirectory = \"x\"\n[profiles.main]\nprotocol = \"{protocol}\"\ncredentials = \"main\"\n\
             endpoints = [\"http://127.0.0.1:1\"]\n{own}[profiles.other]\nprotocol = \"ons-http\"\n\
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
            assert_eq!(
                asked_of("ons-http", &topics),
                (expected.iter().map(|&it| it.to_owned()).collect(), 0),
                "{topics}"
            );
        }
        let many: String = (0..40).map(|number| topic(&format!("t{number}"), "\"CID\"")).collect();
        let (asked, left_out) = asked_of("ons-http", &many);
        assert_eq!((asked.len(), left_out), (32, 8));
        let (asked, _) = asked_of("mq-http", &topic("*", "\"*\""));
        assert_eq!(asked, ["?mq-gateway-doctor ?GID_mq-gateway-doctor"]);
    }

    #[test]
    fn the_handles_are_none_that_any_mq_gives_out() {
        use base64::Engine as _;
        let (message_id, of_mq) = MQ_HANDLE.split_once('-').unwrap();
        assert_eq!(message_id, "0".repeat(32));
        for handle in [ONS_HANDLE, of_mq] {
            let text = base64::engine::general_purpose::STANDARD.decode(handle).unwrap();
            assert_eq!(text, b"mq-gateway doctor: no handle");
        }
    }
}

//! Which topics and groups the doctor asks the MQ about.
//!
//! A probe is an acknowledgement of a handle that no MQ gave out. It is authenticated like every request and changes
//! nothing: a consume would take a message away from somebody, and a handle of a form that our own embedded endpoint
//! knows would make the topic and the group there.

use super::http_protocol::HttpProtocol;
use crate::config::{Config, Endpoint, Groups, ProfileConfig, TopicPattern};

/// The handle of the ONS HTTP protocol: base64 of `mq-gateway doctor: no handle`. The vendor's service decodes handles;
/// this one has no `+` and no `/`.
pub(super) const ONS_HANDLE: &str = "bXEtZ2F0ZXdheSBkb2N0b3I6IG5vIGhhbmRsZQ==";
/// The one of the MQ HTTP protocol: of the documented shape, a message id and base64 (protocol notes MQ HTTP 3), since
/// this service takes handles apart, too.
pub(super) const MQ_HANDLE: &str = "00000000000000000000000000000000-bXEtZ2F0ZXdheSBkb2N0b3I6IG5vIGhhbmRsZQ==";
/// Most probes of one profile.
pub(super) const MAX_PROBES: usize = 32;

/// A topic's or a group's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    /// Not configured: it stands in where a probe needs a name.
    pub(super) is_placeholder: bool,
}

/// One topic with one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) topic: Name,
    pub(super) group: Name,
}

/// Every probe of one profile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProbePlan {
    /// At least one, so that the keys are tried.
    pub(super) probes: Vec<Probe>,
    /// How many more there would have been.
    pub(super) left_out: usize,
    pub(super) target: Target,
}

/// What is probed, as far as it matters for what an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) protocol: HttpProtocol,
    /// Our own endpoint.
    pub(super) embedded: bool,
    /// It takes every name, placeholders too: our own endpoint, unless its topics are listed.
    pub(super) takes_any_name: bool,
}

impl Probe {
    pub(super) fn has_placeholder(&self) -> bool {
        self.topic.is_placeholder || self.group.is_placeholder
    }
}

/// Every named topic of the profile with every group that is named for it, with placeholders for what is not named.
pub(super) fn plan(config: &Config, profile: &ProfileConfig, protocol: HttpProtocol) -> ProbePlan {
    let topics = || config.topics.iter().filter(|topic| topic.profile == profile.name);
    let named = |name: &str| Name { text: name.to_owned(), is_placeholder: false };
    let mut probes = Vec::new();
    for topic in topics() {
        let name = match &topic.name {
            TopicPattern::Named(topic) => named(topic.as_str()),
            // A placeholder can only blur what the named ones show.
            TopicPattern::Any if topics().count() > 1 => continue,
            TopicPattern::Any => placeholder_topic(),
        };
        let groups = match &topic.groups {
            Groups::Named(groups) if !groups.is_empty() => groups.iter().map(|it| named(it.name.as_str())).collect(),
            Groups::Named(_) | Groups::Any { .. } => vec![placeholder_group(protocol)],
        };
        probes.extend(groups.into_iter().map(|group| Probe { topic: name.clone(), group }));
    }
    if probes.is_empty() {
        probes.push(Probe { topic: placeholder_topic(), group: placeholder_group(protocol) });
    }
    let left_out = probes.len().saturating_sub(MAX_PROBES);
    probes.truncate(MAX_PROBES);
    let embedded = profile.endpoints.contains(&Endpoint::Embedded);
    let takes_any_name = embedded && config.embedded.topics.is_empty();
    ProbePlan { probes, left_out, target: Target { protocol, embedded, takes_any_name } }
}

pub(super) fn placeholder_topic() -> Name {
    Name { text: "mq-gateway-doctor".to_owned(), is_placeholder: true }
}

fn placeholder_group(protocol: HttpProtocol) -> Name {
    let text = match protocol {
        HttpProtocol::OnsHttp => "CID_mq-gateway-doctor",
        HttpProtocol::MqHttp => "GID_mq-gateway-doctor",
    };
    Name { text: text.to_owned(), is_placeholder: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Source, load};

    #[track_caller]
    fn probes_of(protocol: &str, topics: &str) -> (Vec<String>, usize) {
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
        let own = HttpProtocol::of(config.profiles["main"].protocol.kind()).unwrap();
        let plan = plan(&config, &config.profiles["main"], own);
        let shown = |name: &Name| format!("{}{}", if name.is_placeholder { "?" } else { "" }, name.text);
        let probes = plan.probes.iter().map(|it| format!("{} {}", shown(&it.topic), shown(&it.group))).collect();
        (probes, plan.left_out)
    }

    #[test]
    fn what_is_named_is_probed_and_the_rest_has_placeholders() {
        let topic = |name: &str, groups: &str| {
            format!("[[topics]]\nname = \"{name}\"\nprofile = \"main\"\ngroups = [{groups}]\n")
        };
        let placeholders = "?mq-gateway-doctor ?CID_mq-gateway-doctor";
        for (topics, expected) in [
            (topic("*", "\"*\""), vec![placeholders]),
            (topic("*", "\"CID_a\""), vec!["?mq-gateway-doctor CID_a"]),
            ("[[topics]]\nname = \"a\"\nprofile = \"other\"\n".to_owned(), vec![placeholders]),
            (topic("a", "\"CID_a\", \"CID_b\"") + &topic("*", "\"*\""), vec!["a CID_a", "a CID_b"]),
            (topic("a", "") + &topic("b", "\"*\""), vec!["a ?CID_mq-gateway-doctor", "b ?CID_mq-gateway-doctor"]),
        ] {
            assert_eq!(
                probes_of("ons-http", &topics),
                (expected.iter().map(|&it| it.to_owned()).collect(), 0),
                "{topics}"
            );
        }
        let many: String = (0..40).map(|number| topic(&format!("t{number}"), "\"CID\"")).collect();
        let (probes, left_out) = probes_of("ons-http", &many);
        assert_eq!((probes.len(), left_out), (32, 8));
        let (probes, _) = probes_of("mq-http", &topic("*", "\"*\""));
        assert_eq!(probes, ["?mq-gateway-doctor ?GID_mq-gateway-doctor"]);
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

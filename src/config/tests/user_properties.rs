//! The vendor's file with everything that people do to it.

use std::collections::BTreeMap;
use std::fs;

use super::super::*;
use super::{CANARY, all_words, repository, write};

const GOOD: &str =
    "[property]\nTopic=orders\nURL=http://mq.example.com\nAk=ak\nSk=sk\nProducerID=PID\nConsumerID=CID\n";

fn load_properties(bytes: impl AsRef<[u8]>) -> Result<Config, ConfigErrors> {
    let written = write(bytes);
    load(&Source::UserProperties(written.path), &Overrides::default(), &BTreeMap::new())
}

fn credentials(config: &Config) -> &crate::signature::Credentials {
    match &config.profiles["main"].credentials {
        CredentialsSource::Inline(credentials) => credentials,
        CredentialsSource::Named(_) | CredentialsSource::Embedded | CredentialsSource::Nowhere => panic!("not inline"),
    }
}

fn own(config: &Config) -> &OnsHttpConfig {
    match &config.profiles["main"].protocol {
        ProtocolConfig::OnsHttp(own) => own,
        other @ (ProtocolConfig::MqHttp(_) | ProtocolConfig::RocketMq(_)) => panic!("{other:?}"),
    }
}

/// Replaces one line of the good file.
fn with(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    GOOD.replace(old, new)
}

#[test]
fn the_filled_in_template_works() {
    let mut text = fs::read_to_string(repository("tests/fixtures/user.properties")).unwrap();
    for key in ["Topic", "Ak", "Sk", "ProducerID", "ConsumerID"] {
        text = text.replace(&format!("\n{key}=xxx"), &format!("\n{key}=my-{key}"));
    }
    let config = load_properties(text).unwrap();
    let profile = &config.profiles["main"];
    assert_eq!(profile.endpoints[0].to_string(), "http://publictest-rest.ons.aliyun.com:80");
    let own = own(&config);
    assert_eq!(own.producer_group, "my-ProducerID");
    assert_eq!(own.content_type, "text/html;charset=UTF-8");
    assert!(own.binary_bodies == BinaryBodies::Refuse && !own.zero_timeout);
    assert_eq!(credentials(&config).access_key, "my-Ak");
    assert_eq!(credentials(&config).secret_key.expose(), "my-Sk");
    let [topic] = config.topics.as_slice() else { panic!("{:?}", config.topics) };
    assert_eq!(topic.name, TopicPattern::Named(crate::model::Topic::parse("my-Topic").unwrap()));
    let name = crate::model::ConsumerGroup::parse("my-ConsumerID").unwrap();
    assert_eq!(topic.groups, Groups::Named(vec![GroupConfig { name, ordered: false, tags: None }]));
    assert!(!config.embedded.enabled && topic.default_tag.is_none() && topic.default_key.is_none());
}

#[test]
fn the_untouched_template_names_every_key_to_fill_in() {
    let path = repository("tests/fixtures/user.properties");
    let errors = load(&Source::UserProperties(path), &Overrides::default(), &BTreeMap::new()).unwrap_err();
    let found: Vec<_> = errors
        .problems()
        .iter()
        .map(|problem| (problem.location.position().unwrap().line, problem.key.as_deref().unwrap()))
        .collect();
    assert_eq!(found, [(3, "Topic"), (7, "Ak"), (9, "Sk"), (11, "ProducerID"), (13, "ConsumerID")]);
    assert!(errors.problems().iter().all(|problem| problem.detail.contains("placeholder")), "{errors}");
}

#[test]
fn optional_keys_become_defaults() {
    let config = load_properties(format!("{GOOD}tag=t\nKEY=k\nContentType=text/plain\n")).unwrap();
    assert_eq!(config.topics[0].default_tag.as_ref().unwrap().as_str(), "t");
    assert_eq!(config.topics[0].default_key.as_ref().unwrap().as_str(), "k");
    assert_eq!(own(&config).content_type, "text/plain");
}

#[test]
fn spellings_of_the_file_are_all_read() {
    let expected = load_properties(GOOD).unwrap();
    let blank_ends: String = GOOD.lines().map(|line| format!("  {line} \t\n")).collect();
    let gbk_comment = [b"[property]\n#\xc4\xfa\xd4\xda\\\n".as_slice(), &GOOD.as_bytes()[11..]].concat();
    for variant in [
        GOOD.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}{GOOD}").into_bytes(),
        GOOD.trim_end().as_bytes().to_vec(),
        with("Topic=", "TOPIC = ").replace("Ak=", "ak :").replace("Sk=", "sK: ").into_bytes(),
        with("Sk=sk", "Sk=sk ; a comment").replace("Topic=orders", "Topic=orders\t;x").into_bytes(),
        with("[property]", "; before\n# too\n  # indented = x\n[ Property ] ; after").into_bytes(),
        with("[property]", "[other]\nTopic=not this\n[property]").into_bytes(),
        format!("{GOOD}\n[other]\nTopic=not this\nno pair\n").into_bytes(),
        with("http://mq.example.com", "mq.example.com").into_bytes(),
        with("http://mq.example.com", "http://mq.example.com/").into_bytes(),
        with("http://mq.example.com", "http://mq.example.com/message/").into_bytes(),
        with("http://mq.example.com", "mq.example.com:80/message").into_bytes(),
        blank_ends.into_bytes(),
        gbk_comment,
    ] {
        let config = load_properties(&variant);
        assert_eq!(config.as_ref(), Ok(&expected), "{}", String::from_utf8_lossy(&variant));
    }
}

#[test]
fn secrets_are_taken_literally() {
    for secret in
        [r"ab\nc", r"ends-with\", r#""quoted""#, "'q'", "a=b:c==", "a;b", "a#b", "#a", "%(x)s", r"\x41", "[a]"]
    {
        let config = load_properties(with("Sk=sk", &format!("Sk={secret}"))).expect(secret);
        assert_eq!(credentials(&config).secret_key.expose(), secret);
        assert_eq!(own(&config).producer_group, "PID", "the next line is still there");
    }
}

#[test]
fn mistakes_have_a_place_and_never_show_a_value() {
    for (text, place, key, words) in [
        (with("Topic=orders\n", ""), "", "Topic", "is missing"),
        (with("Sk=sk", "Sk="), "5:4", "Sk", "is empty"),
        (with("Sk=sk", "Sk= ; CANARY"), "5:5", "Sk", "is empty"),
        (with("Sk=sk", "Sk=XXX"), "5:4", "Sk", "placeholder"),
        (with("Sk=sk", "Sk=sk\nSK=CANARY"), "6:4", "Sk", "twice, first in line 5"),
        (with("Sk=sk", "Sk=sk\nSecret=CANARY"), "6:1", "", "unknown key"),
        (with("Sk=sk", "Sk=sk\nTopics=CANARY"), "6:1", "", "did you mean `Topic`?"),
        (with("Sk=sk", "Sk=sk\nCANARY=="), "6:1", "", "unknown key"),
        (with("Sk=sk", "Sk=sk\nCANARY"), "6:1", "", "neither a comment"),
        (with("Sk=sk", "Sk=sk\n=CANARY"), "6:1", "", "neither a comment"),
        (with("Sk=sk", "Sk=CANARY\u{7}x"), "5:4", "Sk", "U+0007 as its character 14"),
        (with("Sk=sk", "Sk=CANARY # x"), "5:4", "Sk", "U+0020 as its character 14"),
        (with("Sk=sk", "Sk=密CANARY"), "5:4", "Sk", "U+5BC6 as its character 1"),
        (with("Ak=ak", "Ak=replace-with-your-CANARY"), "4:4", "Ak", "placeholder"),
        (with("Topic=orders", "Topic=replace-with-CANARY"), "2:7", "Topic", "placeholder"),
        (with("Ak=ak", "Ak=CANARY 订"), "4:4", "Ak", "visible ASCII"),
        (with("Topic=orders", "Topic=CANARY/x"), "2:7", "Topic", "slash"),
        (with("Topic=orders", "Topic=*"), "2:7", "Topic", "by name"),
        (with("URL=http://mq.example.com", "URL=http://mq/CANARY"), "3:5", "URL", "path"),
        (with("URL=http://mq.example.com", "URL=http://ak:CANARY@mq"), "3:5", "URL", "user information"),
        (with("URL=http://mq.example.com", "URL=ftp://CANARY"), "3:5", "URL", "scheme"),
        (
            with("URL=http://mq.example.com", "URL=http://1234.MQREST.cn-hangzhou.aliyuncs.com"),
            "3:5",
            "URL",
            "use protocol = \"mq-http\" in a TOML file",
        ),
        (with("ProducerID=PID", "ProducerID=组CANARY"), "6:12", "ProducerID", "visible ASCII"),
        (with("[property]\n", "#CANARY\n"), "", "", "has no section [property]"),
        (format!("{GOOD}Tag=a|CANARY\n"), "8:5", "Tag", "'|'"),
        (format!("{GOOD}ContentType=CANARY\n"), "8:13", "ContentType", "content type"),
    ] {
        let text = text.replace("CANARY", CANARY);
        let errors = load_properties(&text).map(|config| format!("{config:?}")).expect_err(&text);
        let problem = &errors.problems()[0];
        let found = problem.location.position().map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default();
        assert_eq!((found.as_str(), problem.key.as_deref().unwrap_or_default()), (place, key), "{text}\n{errors}");
        assert!(errors.to_string().contains(words), "{text}\n{errors} lacks {words:?}");
        assert!(!all_words(&errors).contains(CANARY), "{text}\n{errors}");
    }
}

#[test]
fn all_missing_keys_are_told_at_once() {
    let errors = load_properties("[property]\nURL=http://mq\n").unwrap_err();
    let keys: Vec<_> = errors.problems().iter().map(|problem| problem.key.clone().unwrap()).collect();
    assert_eq!(keys, ["Ak", "ConsumerID", "ProducerID", "Sk", "Topic"]);
}

#[test]
fn other_encodings_are_refused() {
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(GOOD.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert!(load_properties(utf16).unwrap_err().to_string().contains("UTF-16"));
    let latin1 = [GOOD.as_bytes(), b"Tag=\xe9\n"].concat();
    assert!(load_properties(latin1).unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn no_dump_shows_the_keys() {
    let config = load_properties(with("Sk=sk", &format!("Sk={CANARY}")).replace("Ak=ak", "Ak=CANARY-AK")).unwrap();
    assert!(!format!("{config:?} {config:#?} {}", config.redacted()).contains("CANARY"));
    assert_eq!(config.redacted()["profiles"]["main"]["credentials"], "[redacted]");
}

//! Requests of the MQ HTTP protocol, explained.

use super::explanation::{Body, Context, Explanation, hidden, masked};
use super::{body, consumer_group, default_key, default_tag, handle, keys, tag, wrong};
use crate::cli::Failure;
use crate::cli::arguments::{Operation, SignArguments};
use crate::config::{BinaryBodies, Groups, ProfileConfig, TopicConfig};
use crate::model::{Message, TagFilter, Topic, UnixMillis, UpstreamHandle};
use crate::protocol::mq_http::{Acknowledge, Consume, Encoded, MAX_CONSUME, Publish, is_xml_text, property_flaw};
use crate::signature::Credentials;
use crate::signature::mq_http::{content_md5, string_to_sign};
use crate::upstream::{Keys, sign_mq_http};

/// The request as the gateway would make it.
pub(super) fn request(
    arguments: &SignArguments,
    topic: &Topic,
    profile: &ProfileConfig,
    settings: Option<&TopicConfig>,
) -> Result<Encoded, Failure> {
    let instance = profile.instance_id.as_deref();
    match arguments.operation {
        Operation::Publish => {
            if arguments.group.is_some() {
                return Err(Failure::usage(
                    "--group does not belong to a publish here: mq-http sends no producer group",
                ));
            }
            let message = message(arguments, topic, profile, settings)?;
            let marks_bodies = profile.binary_bodies == BinaryBodies::Base64;
            Ok(Publish { topic: topic.as_str(), instance, message: &message, marks_bodies }.encode())
        }
        Operation::Consume => {
            let group = consumer_group(arguments)?;
            let tags = arguments.tag.as_deref().map(TagFilter::parse).transpose();
            let tags = tags.map_err(|error| wrong("--tag", error))?.flatten();
            let (topic, tags) = (topic.as_str(), tags.as_ref());
            let ordered = is_ordered(settings, group);
            Ok(Consume { topic, group, instance, num: MAX_CONSUME, wait_seconds: 0, tags, ordered }.encode())
        }
        Operation::Ack => {
            let group = consumer_group(arguments)?;
            let handles = [UpstreamHandle::parse(handle(arguments)?).map_err(|error| wrong("--handle", error))?];
            Ok(Acknowledge { topic: topic.as_str(), group, instance, handles: &handles }.encode())
        }
    }
}

/// Whether the configuration says that the group receives in order.
fn is_ordered(settings: Option<&TopicConfig>, group: &str) -> bool {
    match settings.map(|topic| &topic.groups) {
        Some(Groups::Any { ordered }) => *ordered,
        Some(Groups::Named(groups)) => groups.iter().any(|it| it.ordered && it.name.as_str() == group),
        None => false,
    }
}

/// The message, if the gateway would send it.
fn message(
    arguments: &SignArguments,
    topic: &Topic,
    profile: &ProfileConfig,
    settings: Option<&TopicConfig>,
) -> Result<Message, Failure> {
    let body = body(arguments)?;
    if profile.binary_bodies != BinaryBodies::Base64 {
        if body.is_empty() {
            return Err(Failure::usage(
                "--body is missing or empty: mq-http carries no empty message, unless the profile has binary_bodies = \
                 \"base64\"",
            ));
        }
        if !is_xml_text(&body) {
            return Err(Failure::usage(
                "--body: mq-http carries text only, and no control characters but tabs and line ends, unless the profile \
                 has binary_bodies = \"base64\"",
            ));
        }
    }
    let mut message = Message::new(topic.clone(), body.into());
    message.tag = tag(arguments)?.or_else(|| default_tag(settings).cloned());
    if message.tag.as_ref().is_some_and(|tag| !is_xml_text(tag.as_str().as_bytes())) {
        return Err(Failure::usage("--tag must not contain characters that XML forbids"));
    }
    message.keys = keys(arguments)?;
    if message.keys.is_empty() {
        message.keys.extend(default_key(settings).cloned());
    }
    match message.keys.iter().find_map(|key| property_flaw(key.as_str())) {
        Some(flaw) => Err(Failure::usage(format!("--key {flaw} on mq-http"))),
        None => Ok(message),
    }
}

/// Signs, takes the signed request apart as the MQ does, and masks.
pub(super) fn explain(
    encoded: &Encoded,
    credentials: &Credentials,
    time: UnixMillis,
    context: &Context<'_>,
) -> Explanation {
    let digest = (!encoded.body.is_empty()).then(|| content_md5(&encoded.body));
    let keys = Keys::new(credentials, None);
    let signed = sign_mq_http(encoded, digest.as_deref(), &keys.current(), time);
    let header = |wanted: &str| {
        let found = signed.headers.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let value = |wanted: &str| header(wanted).unwrap_or_default();
    let method = encoded.method.as_str();
    let string_to_sign = string_to_sign(
        method,
        value("Content-MD5"),
        value("Content-Type"),
        value("Date"),
        &[("x-mq-version", value("x-mq-version"))],
        &signed.target,
    );
    // Base64 has no `:`.
    let signature = value("Authorization").rsplit_once(':').map_or("", |(_, signature)| signature);
    let signature = context.shown(signature);
    let authorization = format!("MQ {}:{signature}", masked(&credentials.access_key));
    let length = signed.body.as_ref().map(|body| body.len().to_string());
    // In the order in which they are signed; the token is not.
    let headers = [
        ("Host", Some(context.host.to_owned())),
        ("Content-MD5", header("Content-MD5").map(str::to_owned)),
        ("Content-Type", header("Content-Type").map(str::to_owned)),
        ("Date", header("Date").map(str::to_owned)),
        ("x-mq-version", header("x-mq-version").map(str::to_owned)),
        ("Authorization", Some(authorization)),
        ("security-token", header("security-token").map(|_| hidden())),
        ("Content-Length", length),
    ];
    Explanation {
        profile: context.profile.to_owned(),
        url: context.url.to_owned(),
        string_to_sign: string_to_sign.as_str().to_owned(),
        body: signed.body.as_deref().map(Body::document),
        signature,
        method,
        target: signed.target.clone(),
        headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::http_message::Method;
    use crate::protocol::mq_http::decode_date;
    use crate::signature::Secret;

    /// Of the Node SDK, which sends the content type and the digest that we send.
    fn vectors() -> Vec<Value> {
        let file: Value = serde_json::from_str(include_str!("../../../tests/fixtures/mq-http-vectors.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        vectors.iter().filter(|vector| vector["sdk"].as_str().unwrap().starts_with("@aliyunmq/")).cloned().collect()
    }

    fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
        vector[name].as_str().unwrap_or_default()
    }

    fn credentials(vector: &Value) -> Credentials {
        Credentials {
            access_key: text(vector, "ak").to_owned(),
            secret_key: Secret::new(text(vector, "sk").to_owned()),
            security_token: vector["headers"]["security-token"].as_str().map(|token| Secret::new(token.to_owned())),
        }
    }

    fn explained(vector: &Value, show_signature: bool) -> Explanation {
        let methods = [Method::Post, Method::Get, Method::Delete];
        let encoded = Encoded {
            method: methods.into_iter().find(|method| method.as_str() == text(vector, "method")).unwrap(),
            target: text(vector, "target").to_owned(),
            body: text(vector, "body").to_owned().into(),
        };
        let time = decode_date(text(&vector["headers"], "date")).unwrap();
        let context =
            Context { profile: "main", url: "http://mq.example.com:80", host: "mq.example.com", show_signature };
        explain(&encoded, &credentials(vector), time, &context)
    }

    #[test]
    fn every_vector_with_our_headers_is_explained_as_it_is() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 16);
        for vector in &vectors {
            let name = text(vector, "name");
            let shown = explained(vector, true).to_json();
            assert_eq!(shown["string_to_sign"], vector["string_to_sign"], "{name}");
            let authorization = text(vector, "authorization");
            let (_, signature) = authorization.rsplit_once(':').unwrap();
            assert_eq!(shown["signature"], signature, "{name}");
            assert_eq!(shown["request"]["method"], vector["method"]);
            assert_eq!(shown["request"]["target"], vector["target"]);
            let header = |wanted: &str| {
                let headers = shown["request"]["headers"].as_array().unwrap().iter();
                let mut named = headers.filter(|it| it["name"].as_str().unwrap().eq_ignore_ascii_case(wanted));
                named.next().map(|header| header["value"].as_str().unwrap().to_owned())
            };
            for (wanted, value) in vector["headers"].as_object().unwrap() {
                let value = if wanted == "security-token" { "[masked]" } else { value.as_str().unwrap() };
                assert_eq!(header(wanted).as_deref(), Some(value), "{wanted} of {name}");
            }
            assert_eq!(header("authorization").unwrap(), format!("MQ te[masked]:{signature}"), "{name}");
            let bytes = text(vector, "body").len();
            assert_eq!(shown["body"]["bytes"].as_u64(), (bytes > 0).then_some(bytes as u64), "{name}");

            let hidden = explained(vector, false);
            for printed in [hidden.to_text(), hidden.to_json().to_string(), format!("{hidden:?}")] {
                for secret in [signature, text(vector, "ak"), text(vector, "sk"), "STS.tok"] {
                    assert!(!printed.contains(secret), "{secret} of {name}: {printed}");
                }
            }
        }
    }

    #[test]
    fn our_polls_are_those_of_the_vectors() {
        let tags = TagFilter::parse("TagA||TagB").unwrap().unwrap();
        let usual = Consume {
            topic: "topic-a",
            group: "GID_a",
            instance: Some("MQ_INST_1234567890_BXxxxxxx"),
            num: 3,
            wait_seconds: 3,
            tags: None,
            ordered: false,
        };
        for (name, consume) in [
            ("consume, short poll, no wait", Consume { num: 1, wait_seconds: 0, ..usual }),
            ("consume, long poll", Consume { num: 16, wait_seconds: 30, ..usual }),
            ("consume, tags", Consume { tags: Some(&tags), ..usual }),
            ("consume, no instance", Consume { instance: None, ..usual }),
            ("consume, ordered", Consume { ordered: true, ..usual }),
        ] {
            let vector = vectors().into_iter().find(|vector| vector["name"] == name).unwrap();
            let encoded = consume.encode();
            assert_eq!((encoded.target.as_str(), encoded.body.len()), (text(&vector, "target"), 0), "{name}");
        }
    }

    #[test]
    fn the_text_reads_like_a_request() {
        let vectors = vectors();
        let vector = vectors.iter().find(|vector| vector["name"].as_str().unwrap().contains("STS")).unwrap();
        let expected = "profile main, http://mq.example.com:80

body: an XML document of 138 bytes, 138 of them in its first line, MD5 aa6bfc5a1ff6d7b09b23d68d97d3d8aa
(Content-MD5 is the base64 of these 32 characters)

string to sign (182 bytes, 6 lines; \\n is one line feed, none at the end):
    POST\\n
    YWE2YmZjNWExZmY2ZDdiMDliMjNkNjhkOTdkM2Q4YWE=\\n
    text/xml;charset=utf-8\\n
    Wed, 07 Mar 2012 18:49:58 GMT\\n
    x-mq-version:2015-06-06\\n
    /topics/topic-a/messages?ns=MQ_INST_1234567890_BXxxxxxx

signature = base64(HMAC-SHA1(secret key, string to sign)), 28 characters:
    [masked]

request:
    POST /topics/topic-a/messages?ns=MQ_INST_1234567890_BXxxxxxx HTTP/1.1
    Host: mq.example.com
    Content-MD5: YWE2YmZjNWExZmY2ZDdiMDliMjNkNjhkOTdkM2Q4YWE=
    Content-Type: text/xml;charset=utf-8
    Date: Wed, 07 Mar 2012 18:49:58 GMT
    x-mq-version: 2015-06-06
    Authorization: MQ te[masked]:[masked]
    security-token: [masked]
    Content-Length: 138";
        assert_eq!(explained(vector, false).to_text(), expected);
    }

    #[test]
    fn the_profile_decides_about_instance_and_bodies() {
        use clap::Parser as _;

        use crate::cli::arguments::{Arguments, Command};
        use crate::config::{Overrides, Source, load};

        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gateway.toml");
        let text = "[credentials.main]\ndirectory = \"x\"\n[profiles.main]\nprotocol = \"mq-http\"\n\
                    credentials = \"main\"\nendpoints = [\"http://127.0.0.1:1\"]\nproducer_group = \"PID\"\n\
                    [[topics]]\nname = \"*\"\nprofile = \"main\"\n";
        std::fs::write(&file, text).unwrap();
        let config = load(&Source::File(file), &Overrides::default(), &std::collections::BTreeMap::new()).unwrap();
        let mut profile = config.profiles["main"].clone();
        let topic = Topic::parse_configured("T").unwrap();
        let request = |profile: &ProfileConfig, more: &[&str]| {
            let words = [&["mq-gateway", "sign", "--explain", "--topic", "T", "--operation"], more].concat();
            let Some(Command::Sign(arguments)) = Arguments::try_parse_from(words).unwrap().command else { panic!() };
            request(&arguments, &topic, profile, None).map_err(|failure| format!("{failure:?}"))
        };
        profile.instance_id = Some("MQ_INST_1".to_owned());
        for (more, target) in [
            (&["publish", "--body", "x"][..], "/topics/T/messages?ns=MQ_INST_1"),
            (&["consume", "--group", "g"], "/topics/T/messages?consumer=g&ns=MQ_INST_1&numOfMessages=16"),
            (&["ack", "--group", "g", "--handle", "h"], "/topics/T/messages?consumer=g&ns=MQ_INST_1"),
        ] {
            assert_eq!(request(&profile, more).unwrap().target, target);
        }
        for (binary_bodies, carried) in [(BinaryBodies::Base64, true), (BinaryBodies::Refuse, false)] {
            profile.binary_bodies = binary_bodies;
            for body in ["\u{1}", ""] {
                let made = request(&profile, &["publish", "--body", body]);
                assert_eq!(made.is_ok(), carried, "{body:?} {made:?}");
            }
        }
    }
}

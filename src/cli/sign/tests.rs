//! The published vectors of both protocols, explained.

use std::borrow::Cow;
use std::collections::BTreeMap;

use clap::Parser as _;
use serde_json::Value;

use super::*;
use crate::cli::arguments::Command;
use crate::config::{Overrides, Source};
use crate::http_message::Method;
use crate::model::Protocol;
use crate::protocol::mq_http::decode_date;
use crate::signature::{Credentials, Secret, mq_http::content_md5};

fn vectors(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn ons_vectors() -> Vec<Value> {
    vectors(include_str!("../../../tests/fixtures/ons-http-vectors.json"))
}

/// Of the Node SDK, which sends the content type and the digest that we send.
fn mq_vectors() -> Vec<Value> {
    let mut vectors = vectors(include_str!("../../../tests/fixtures/mq-http-vectors.json"));
    vectors.retain(|vector| vector["sdk"].as_str().unwrap().starts_with("@aliyunmq/"));
    vectors
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap_or_default()
}

fn pair(access_key: &str, secret_key: &str, security_token: Option<&str>) -> Pair {
    Pair::new(&Credentials {
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key.to_owned()),
        security_token: security_token.map(|token| Secret::new(token.to_owned())),
    })
}

fn context(protocol: Protocol, pair: &Pair, show_signature: bool) -> Context<'_> {
    Context { profile: "main", protocol, url: "http://mq.example.com:80", host: "mq.example.com", pair, show_signature }
}

fn explained_ons(vector: &Value, show_signature: bool) -> Explanation {
    let hex = |digits: &str| -> Vec<u8> {
        let pairs = digits.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    let text = |name| Cow::from(text(vector, name));
    let (topic, group, time) = (text("topic"), text("group"), text("time"));
    let query = |name: &str| vector["query"].get(name).map(|value| Cow::from(value.as_str().unwrap()));
    let request = match vector["operation"].as_str().unwrap() {
        "publish" => ons_http::Request::Publish(ons_http::Publish {
            body_md5: None,
            topic,
            producer_group: group,
            time,
            tag: query("tag"),
            key: query("key"),
            start_deliver_time: None,
            sharding_key: None,
            timeout: None,
            content_type: Some(ons_http::CONTENT_TYPE.into()),
            body: hex(vector["body_hex"].as_str().unwrap()).into(),
        }),
        "consume" => ons_http::Request::Consume(ons_http::Consume {
            topic,
            consumer_group: group,
            time,
            num: None,
            timeout: None,
            hidden_for: None,
        }),
        _ => ons_http::Request::Acknowledge(ons_http::Acknowledge {
            topic,
            consumer_group: group,
            time,
            handle: query("msgHandle").unwrap(),
        }),
    };
    let pair = pair(&text("access_key"), &text("secret_key"), None);
    context(Protocol::OnsHttp, &pair, show_signature).explain(&request.string_to_sign(), |by| request.encode(by))
}

fn explained_mq(vector: &Value, show_signature: bool) -> Explanation {
    let methods = [Method::Post, Method::Get, Method::Delete];
    let body = Some(text(vector, "body")).filter(|body| !body.is_empty());
    let encoded = mq_http::Encoded {
        method: methods.into_iter().find(|method| method.as_str() == text(vector, "method")).unwrap(),
        target: text(vector, "target").to_owned(),
        body: body.map(|body| body.to_owned().into()),
        content_md5: body.map(|body| content_md5(body.as_bytes())),
    };
    let dated = encoded.at(decode_date(text(&vector["headers"], "date")).unwrap());
    let pair = pair(text(vector, "ak"), text(vector, "sk"), vector["headers"]["security-token"].as_str());
    context(Protocol::MqHttp, &pair, show_signature).explain(&dated.string_to_sign(), |by| dated.clone().encode(by))
}

#[test]
fn every_vector_of_ons_http_is_explained_as_it_is() {
    let vectors = ons_vectors();
    assert_eq!(vectors.len(), 20);
    for vector in &vectors {
        let shown = explained_ons(vector, true).to_json();
        for name in ["string_to_sign", "signature"] {
            assert_eq!(shown[name], vector[name], "{name} of {}", vector["name"]);
        }
        assert_eq!(shown["request"]["method"], vector["method"]);
        assert_eq!(shown["body"]["md5"], vector["body_md5"], "{}", vector["name"]);
        let hidden = explained_ons(vector, false);
        for printed in [hidden.to_text(), hidden.to_json().to_string(), format!("{hidden:?}")] {
            for secret in ["signature", "secret_key", "access_key"] {
                assert!(!printed.contains(text(vector, secret)), "{secret} of {}: {printed}", vector["name"]);
            }
        }
    }
}

#[test]
fn every_vector_of_mq_http_with_our_headers_is_explained_as_it_is() {
    let vectors = mq_vectors();
    assert_eq!(vectors.len(), 16);
    for vector in &vectors {
        let name = text(vector, "name");
        let shown = explained_mq(vector, true).to_json();
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

        let hidden = explained_mq(vector, false);
        for printed in [hidden.to_text(), hidden.to_json().to_string(), format!("{hidden:?}")] {
            for secret in [signature, text(vector, "ak"), text(vector, "sk"), "STS.tok"] {
                assert!(!printed.contains(secret), "{secret} of {name}: {printed}");
            }
        }
    }
}

#[test]
fn the_text_of_ons_http_reads_like_a_request() {
    let expected = "profile main, http://mq.example.com:80

body: 8 bytes, MD5 68b154101d0d46e4114ae2e0a11b9291

string to sign (73 bytes, 4 lines; \\n is one line feed, none at the end):
    order_events\\n
    PID_order_svc\\n
    68b154101d0d46e4114ae2e0a11b9291\\n
    1503907519123

signature = base64(HMAC-SHA1(secret key, string to sign)), 28 characters:
    [masked]

request:
    POST /message/?topic=order_events&time=1503907519123&tag=http&key=http HTTP/1.1
    Host: mq.example.com
    Signature: [masked]
    AccessKey: ex[masked]
    ProducerID: PID_order_svc
    Content-Type: text/html;charset=UTF-8
    Content-Length: 8";
    assert_eq!(explained_ons(&ons_vectors()[0], false).to_text(), expected);
}

#[test]
fn the_text_of_mq_http_reads_like_a_request() {
    let vectors = mq_vectors();
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
    assert_eq!(explained_mq(vector, false).to_text(), expected);
}

#[test]
fn the_profile_decides_about_instance_and_bodies() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    let text = "[credentials.main]\ndirectory = \"x\"\n[profiles.main]\nprotocol = \"mq-http\"\n\
                credentials = \"main\"\nendpoints = [\"http://127.0.0.1:1\"]\n\
                [[topics]]\nname = \"*\"\nprofile = \"main\"\n";
    std::fs::write(&file, text).unwrap();
    let config = crate::config::load(&Source::File(file), &Overrides::default(), &BTreeMap::new()).unwrap();
    let profile = |instance_id: Option<&str>, binary_bodies| {
        let own = MqHttpConfig { instance_id: instance_id.map(str::to_owned), binary_bodies, propagate_trace: false };
        ProfileConfig { protocol: ProtocolConfig::MqHttp(own), ..config.profiles["main"].clone() }
    };
    let topic = Topic::parse_configured("T").unwrap();
    let pair = pair("ak", "sk", None);
    let target = |profile: &ProfileConfig, more: &[&str]| {
        let words = [&["mq-gateway", "sign", "--explain", "--topic", "T", "--operation"], more].concat();
        let Some(Command::Sign(arguments)) = Arguments::try_parse_from(words).unwrap().command else { panic!() };
        let request = Request::parse(&arguments, &topic, profile, None).map_err(|failure| failure.message)?;
        let context = context(Protocol::MqHttp, &pair, false);
        let ProtocolConfig::MqHttp(own) = &profile.protocol else { panic!("{profile:?}") };
        let explanation = explain_mq_http(&request, &topic, own, UnixMillis(0), &context).to_json();
        Ok::<String, String>(explanation["request"]["target"].as_str().unwrap().to_owned())
    };
    let in_instance = profile(Some("MQ_INST_1"), BinaryBodies::Refuse);
    for (more, expected) in [
        (&["publish", "--body", "x"][..], "/topics/T/messages?ns=MQ_INST_1"),
        (&["consume", "--group", "g"], "/topics/T/messages?consumer=g&ns=MQ_INST_1&numOfMessages=16"),
        (&["ack", "--group", "g", "--handle", "h"], "/topics/T/messages?consumer=g&ns=MQ_INST_1"),
    ] {
        assert_eq!(target(&in_instance, more).unwrap(), expected);
    }
    for (binary_bodies, carried) in [(BinaryBodies::Base64, true), (BinaryBodies::Refuse, false)] {
        let profile = profile(None, binary_bodies);
        for body in ["\u{1}", ""] {
            let made = target(&profile, &["publish", "--body", body]);
            assert_eq!(made.is_ok(), carried, "{body:?} {made:?}");
        }
    }
}

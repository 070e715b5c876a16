//! What the SDKs sent, byte for byte: signature, target and body.

use serde_json::Value;

use super::super::*;
use super::published;
use crate::http_message::Method;
use crate::model::{Tag, TagFilter, UnixMillis};
use crate::signature::{Credentials, Pair, Secret, SigningKey, mq_http};

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../../tests/fixtures/mq-http-vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_default()
}

fn method(vector: &Value) -> Option<Method> {
    [Method::Post, Method::Get, Method::Delete].into_iter().find(|method| method.as_str() == text(vector, "method"))
}

#[test]
fn every_signature_stage_by_stage() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 34);
    for vector in &vectors {
        let name = text(vector, "name");
        let headers = vector["headers"].as_object().unwrap();
        let header = |name: &str| headers.get(name).map_or("", |value| value.as_str().unwrap());
        let mq_headers: Vec<_> = headers
            .iter()
            .filter(|(name, _)| name.starts_with("x-mq-"))
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let to_sign = mq_http::string_to_sign(
            text(vector, "method"),
            header("content-md5"),
            header("content-type"),
            header("date"),
            &mq_headers,
            text(vector, "target"),
        );
        assert_eq!(to_sign.as_str(), text(vector, "string_to_sign"), "{name}");
        let claimed = decode_authorization(text(vector, "authorization")).unwrap();
        assert_eq!(claimed.access_key, text(vector, "ak"), "{name}");
        let signature = SigningKey::new(text(vector, "sk")).sign(&to_sign);
        assert_eq!(signature.as_str(), claimed.signature, "{name}");
        assert!(decode_date(header("date")).is_ok(), "{name}");
        if let Some(body) = vector["body"].as_str()
            && headers.contains_key("content-md5")
        {
            assert_eq!(mq_http::content_md5(body.as_bytes()), header("content-md5"), "{name}");
            assert!(mq_http::content_md5_matches(header("content-md5"), body.as_bytes()), "{name}");
        }
    }
}

/// The Node SDK sends the content type and the digest that we send.
#[test]
fn every_vector_with_our_headers_is_signed_as_it_is() {
    let vectors = vectors();
    let of_node = vectors.iter().filter(|vector| text(vector, "sdk").starts_with("@aliyunmq/"));
    let mut count = 0;
    for vector in of_node {
        let name = text(vector, "name");
        let body = Some(text(vector, "body")).filter(|body| !body.is_empty());
        let encoded = Encoded {
            method: method(vector).unwrap(),
            target: text(vector, "target").to_owned(),
            body: body.map(|body| body.to_owned().into()),
            content_md5: body.map(|body| mq_http::content_md5(body.as_bytes())),
        };
        let pair = Pair::new(&Credentials {
            access_key: text(vector, "ak").to_owned(),
            secret_key: Secret::new(text(vector, "sk").to_owned()),
            security_token: vector["headers"]["security-token"].as_str().map(|token| Secret::new(token.to_owned())),
        });
        let time = decode_date(text(&vector["headers"], "date")).unwrap();
        assert_eq!(encoded.at(time).string_to_sign().as_str(), text(vector, "string_to_sign"), "{name}");
        let request = encoded.sign(&pair, time);
        let mut headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
        headers.sort();
        let mut expected = vec![("authorization".to_owned(), text(vector, "authorization"))];
        let others = vector["headers"].as_object().unwrap().iter();
        expected.extend(others.map(|(name, value)| (name.clone(), value.as_str().unwrap())));
        expected.sort();
        assert_eq!(headers, expected, "{name}");
        assert_eq!((request.method, request.target, request.body), (encoded.method, encoded.target, encoded.body));
        count += 1;
    }
    assert_eq!(count, 16);
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
    let vectors = vectors();
    for (name, consume) in [
        ("consume, short poll, no wait", Consume { num: 1, wait_seconds: 0, ..usual }),
        ("consume, long poll", Consume { num: 16, wait_seconds: 30, ..usual }),
        ("consume, tags", Consume { tags: Some(&tags), ..usual }),
        ("consume, no instance", Consume { instance: None, ..usual }),
        ("consume, ordered", Consume { ordered: true, ..usual }),
    ] {
        let of_node =
            vectors.iter().find(|it| it["name"] == name && text(it, "sdk").starts_with("@aliyunmq/")).unwrap();
        let encoded = consume.encode();
        assert_eq!((encoded.target.as_str(), encoded.body), (text(of_node, "target"), None), "{name}");
    }
}

#[test]
fn every_target_says_what_its_name_says() {
    for vector in &vectors() {
        let Some(method) = method(vector) else {
            assert_eq!(text(vector, "method"), "PUT");
            continue;
        };
        let name = text(vector, "name");
        let (path, query) = text(vector, "target").split_once('?').unwrap_or((text(vector, "target"), ""));
        let decoded = decode_target(method, path, query);
        if matches!(name, "consume, half messages" | "commit" | "rollback") {
            assert_eq!(decoded.unwrap_err().code(), ErrorCode::InvalidArgument, "{name}");
            continue;
        }
        let decoded = decoded.unwrap();
        assert_eq!(decoded.topic, "topic-a");
        let query = |num, wait_seconds| ConsumeQuery {
            group: "GID_a".to_owned(),
            num,
            wait_seconds,
            tags: None,
            ordered: false,
        };
        let expected = match name {
            "consume, short poll, no wait" => Operation::Consume(query(1, 0)),
            "consume, long poll" => Operation::Consume(query(16, 30)),
            "consume, no instance" => Operation::Consume(query(3, 3)),
            "consume, ordered" => Operation::Consume(ConsumeQuery { ordered: true, ..query(3, 3) }),
            "consume, tags" => {
                let tags = TagFilter::new([Tag::parse("TagA").unwrap(), Tag::parse("TagB").unwrap()]);
                Operation::Consume(ConsumeQuery { tags, ..query(3, 3) })
            }
            "ack, two handles" | "ack, no instance" | "ack, no handles" => {
                Operation::Acknowledge { group: "GID_a".to_owned() }
            }
            _ => Operation::Publish,
        };
        assert_eq!(decoded.operation, expected, "{name}");
    }
}

#[test]
fn every_body_says_what_its_name_says() {
    for vector in &vectors() {
        let (name, body, is_node) = (text(vector, "name"), text(vector, "body"), text(vector, "sdk").contains("/mq"));
        match method(vector) {
            Some(Method::Post) => {
                let decoded = published(body);
                if name == "publish, half message" {
                    let refusal = decoded.unwrap_err();
                    assert!(refusal.to_string().starts_with("Half messages are not supported"), "{refusal}");
                    continue;
                }
                let decoded = decoded.unwrap();
                let (expected, group, time) = match name {
                    "publish, instance, tag, key, property, escapes" => {
                        assert_eq!(decoded.tag.as_ref().unwrap().as_str(), "TagA");
                        assert_eq!(decoded.keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(), ["K1"]);
                        assert_eq!(decoded.properties, [("a".to_owned(), "值".to_owned())]);
                        (if is_node { "<b>&\"'世界" } else { "<b>&\"'世界 ]]>" }, None, None)
                    }
                    "publish, timer" => ("later", None, Some(UnixMillis(1_571_388_173_000))),
                    "publish, sharding key" => ("ordered", Some("s1"), None),
                    "publish with STS token (token header not signed)" => ("sts", None, None),
                    _ => ("hello", None, None),
                };
                assert_eq!(decoded.body, expected, "{name}");
                assert_eq!(decoded.message_group.as_ref().map(|group| group.as_str()), group, "{name}");
                assert_eq!(decoded.deliver_at, time, "{name}");
            }
            Some(Method::Delete) => {
                let handles = decode_receipt_handles(body.as_bytes());
                match name {
                    "ack, no handles" => assert_eq!(handles, Err(Refusal::MissingReceiptHandle)),
                    "ack, two handles" => {
                        assert_eq!(handles.unwrap(), ["1E057D5E6EAD42A57993704EC3830000-MTI5NTQ=", "h2/+=="]);
                    }
                    _ => assert_eq!(handles.unwrap(), ["h1"]),
                }
            }
            Some(Method::Get) => assert_eq!(body, ""),
            Some(Method::Put) | None => assert!(vector["body"].is_null()),
        }
    }
}

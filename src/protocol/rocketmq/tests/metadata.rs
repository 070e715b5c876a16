//! What goes with every call.

use super::super::{Client, Method, metadata, nothing_was_sent, settings_are_lost};
use super::super::{Code, Metadata};
use super::vectors;
use crate::model::UnixMillis;
use crate::signature::{Credentials, Pair, Secret};

const NOW: UnixMillis = UnixMillis(1_795_941_840_999);

fn pair(security_token: Option<&str>) -> Pair {
    let vectors = vectors();
    let secret_key = Secret::new(vectors["signature"]["secret_key"].as_str().unwrap().to_owned());
    let security_token = security_token.map(|token| Secret::new(token.to_owned()));
    Pair::new(&Credentials { access_key: "rocketmq".to_owned(), secret_key, security_token })
}

#[test]
fn a_call_without_keys() {
    let Metadata(pairs) = metadata(Client { id: "gw-1", namespace: "" }, None, NOW);
    let expected = [
        ("x-mq-client-id", "gw-1"),
        ("x-mq-language", "RUST"),
        ("x-mq-client-version", "5.0.8"),
        ("x-mq-protocol", "v2"),
        ("x-mq-date-time", "20261129T084400Z"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn a_signed_call_has_the_official_clients_signature() {
    let Metadata(pairs) = metadata(Client { id: "gw-1", namespace: "MQ_INST_1" }, Some(&pair(Some("sts"))), NOW);
    let vectors = vectors();
    let text = |name: &str| vectors["signature"][name].as_str().unwrap().to_owned();
    assert_eq!(pairs[4], ("x-mq-date-time", text("date_time")));
    let authorization =
        format!("MQv2-HMAC-SHA1 Credential=rocketmq, SignedHeaders=x-mq-date-time, Signature={}", text("hex"));
    let expected = [
        ("x-mq-namespace", "MQ_INST_1".to_owned()),
        ("authorization", authorization),
        ("x-mq-session-token", "sts".to_owned()),
    ];
    assert_eq!(pairs[5..], expected);
}

#[test]
fn every_call_is_of_the_one_service() {
    for method in [
        Method::QueryRoute,
        Method::Heartbeat,
        Method::SendMessage,
        Method::ReceiveMessage,
        Method::AckMessage,
        Method::ChangeInvisibleDuration,
        Method::Telemetry,
        Method::NotifyClientTermination,
    ] {
        assert_eq!(method.path(), format!("/apache.rocketmq.v2.MessagingService/{method:?}"));
    }
}

#[test]
fn the_causes_that_only_a_text_tells() {
    let null =
        "java.lang.NullPointerException: Cannot invoke \"..Settings.getSubscription()\" because \"settings\" is null";
    assert!(settings_are_lost(Code::InternalServerError, null));
    assert!(settings_are_lost(Code::InternalServerError, "because \"channel\" is null"));
    assert!(settings_are_lost(Code::UnrecognizedClientType, "cannot find client settings"));
    assert!(!settings_are_lost(Code::InternalServerError, "subscription group [x] does not exist"));
    assert!(!settings_are_lost(Code::TopicNotFound, "\"settings\" is null"));
    assert!(nothing_was_sent(Code::InternalServerError, "connect to 127.0.0.1:20911 failed"));
    assert!(!nothing_was_sent(Code::InternalServerError, "send request to 127.0.0.1:20911 failed"));
    assert!(!nothing_was_sent(Code::Ok, "connect to 127.0.0.1:20911 failed"));
}

//! What the doctor reports of a RocketMQ 5 proxy.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use mq_gateway::protocol::rocketmq::wire::{Command, PublishingOrSubscription, TelemetryCommand};
use prost::Message as _;

use super::Diagnosis;
use crate::support::Launch;
use crate::support::ons::Credentials;
use crate::support::rocketmq::{FakeProxy, Fault};

const TOPICS: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"GID_a\"]\n";

fn credentials() -> Credentials {
    Credentials { access_key: "zq-user-5d2f".into(), secret_key: "zq-password-0c7a".into() }
}

fn configuration(url: &str, lines: &str, topics: &str) -> String {
    let keys = "[credentials.main]\ndirectory = \"secrets\"\n";
    format!("{keys}[profiles.main]\nprotocol = \"rocketmq\"\nendpoints = [\"{url}\"]\n{lines}\n{topics}")
}

/// With `lines` in the profile and these topics. Nobody's message may be touched, and no key or signature shown.
#[track_caller]
fn diagnosis(proxy: &FakeProxy, lines: &str, topics: &str) -> Diagnosis {
    let text = configuration(&proxy.url(), lines, topics);
    let Credentials { access_key, secret_key } = &credentials();
    let launch = || Launch::bare().secrets(&credentials()).file("gateway.toml", &text);
    let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml"], &[access_key, secret_key]);
    for method in ["ReceiveMessage", "SendMessage", "AckMessage", "ChangeInvisibleDuration"] {
        assert_eq!(proxy.calls(method).len(), 0, "{method}");
    }
    for call in proxy.calls("QueryRoute") {
        let Some((_, signature)) = call.headers.get("authorization").and_then(|it| it.split_once("Signature=")) else {
            continue;
        };
        assert!(!diagnosis.json.output().contains(signature), "{diagnosis:?}");
    }
    diagnosis
}

const SIGNED: &str = "credentials = \"main\"\nnamespace = \"MQ_INST_1\"";

#[test]
fn a_healthy_proxy_passes_every_check_and_no_message_is_taken() {
    let proxy = FakeProxy::start();
    proxy.offer("untouched");
    let diagnosis = diagnosis(&proxy, SIGNED, TOPICS);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_only("credentials_files", "ok", &[]);
    diagnosis.assert_only("connect", "ok", &["answers at"]);
    diagnosis.assert_only("clock_skew", "skipped", &["do not tell their time"]);
    diagnosis.assert_only("credentials", "ok", &["it checks no keys"]);
    diagnosis.assert_only("topic", "ok", &["`orders` takes messages of type NORMAL (without message_group and time)"]);
    diagnosis.assert_only("group", "ok", &["`GID_a` on `orders` gets each message, at most 17 times"]);
    // Once for each of two runs.
    let telemetry = proxy.calls("Telemetry");
    assert_eq!((telemetry.len(), proxy.calls("Heartbeat").len()), (2, 2));
    let ids: Vec<&String> = telemetry.iter().map(|call| &call.headers["x-mq-client-id"]).collect();
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.starts_with("mq-gateway-doctor@")), "{ids:?}");
    let command = TelemetryCommand::decode(telemetry[0].message.as_slice()).unwrap().command;
    let Some(Command::Settings(settings)) = command else { panic!("{command:?}") };
    let Some(PublishingOrSubscription::Subscription(subscription)) = settings.pub_sub else { panic!("{settings:?}") };
    let group = subscription.group.unwrap();
    assert_eq!((group.name.as_str(), group.resource_namespace.as_str()), ("GID_a", "MQ_INST_1"));
    let ended = proxy.calls("NotifyClientTermination");
    let ended: Vec<&String> = ended.iter().map(|call| &call.headers["x-mq-client-id"]).collect();
    assert_eq!(ended, ids, "the server forgets the doctor at once");
    let signed = proxy.calls("QueryRoute").iter().filter(|call| call.headers.contains_key("authorization")).count();
    assert_eq!((signed, proxy.calls("QueryRoute").len()), (2, 4), "each with and without a signature");
}

#[test]
fn a_proxy_that_checks_keys_is_told_from_one_that_does_not() {
    let proxy = FakeProxy::start();
    // Each run asks once signed, once not.
    proxy.refuse_unsigned();
    let checked = diagnosis(&proxy, SIGNED, TOPICS);
    checked.assert_only("credentials", "ok", &["the MQ accepted a signed request"]);
    let unsigned = diagnosis(&proxy, "", TOPICS);
    unsigned.assert_only("credentials_files", "ok", &["requests are not signed"]);
    unsigned.assert_only("credentials", "failed", &["40100 (UNAUTHORIZED): the MQ demands keys", "set `credentials`"]);
    assert_eq!((unsigned.json.code, unsigned.verdicts("group")), (Some(1), vec!["skipped"]), "{unsigned:?}");
}

#[test]
fn what_is_not_there_or_not_as_configured_is_named_with_the_command_that_mends_it() {
    let proxy = FakeProxy::start();
    proxy.does_not_know("GID_missing");
    let topics = "[[topics]]\nname = \"nowhere\"\nprofile = \"main\"\ngroups = [\"GID_missing\"]\n[[topics]]\nname = \
                  \"orders\"\nprofile = \"main\"\nrequires = [\"message_groups\"]\ngroups = [{ name = \"GID_a\", \
                  ordered = true }]\n[[topics]]\nname = \"steps\"\nprofile = \"main\"\nrequires = \
                  [\"message_groups\"]\n";
    let diagnosis = diagnosis(&proxy, "", topics);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("credentials", "ok", &["not signed"]);
    assert_eq!(diagnosis.verdicts("topic"), ["failed", "failed", "ok"]);
    diagnosis.assert_any(
        "topic",
        "failed",
        &["`nowhere` is not known to the MQ: 40402", "-t nowhere -a +message.type=NORMAL"],
    );
    diagnosis.assert_any(
        "topic",
        "failed",
        &["`orders` takes messages of type NORMAL", "-t orders -a +message.type=FIFO"],
    );
    diagnosis.assert_any("topic", "ok", &["`steps` takes messages of type FIFO"]);
    assert_eq!(diagnosis.verdicts("group"), ["failed", "failed"]);
    diagnosis.assert_any(
        "group",
        "failed",
        &["`GID_missing` on `nowhere` is not known", "updateSubGroup -n NAMESRV -c CLUSTER -g GID_missing"],
    );
    diagnosis.assert_any("group", "failed", &["`GID_a` on `orders` is configured as ordered", "-g GID_a -o true"]);
}

#[test]
fn failures_are_told_in_our_words_and_never_in_the_servers() {
    let proxy = FakeProxy::start();
    for (fault, verdict, words) in [
        (Fault::Status(40100, "CANARY"), "failed", "40100 (UNAUTHORIZED); the MQ does not say why"),
        (Fault::Status(50001, "CANARY"), "failed", "the MQ answered 50001 (INTERNAL_SERVER_ERROR)"),
        (Fault::Grpc(12), "failed", "no RocketMQ 5 proxy"),
        (Fault::Grpc(14), "failed", "the MQ is going"),
        (Fault::Garbage, "failed", "no usable answer"),
    ] {
        // Two runs with a question for the topic and one for the group each.
        proxy.script("QueryRoute", [fault, fault]);
        proxy.script("Telemetry", [fault, fault]);
        let diagnosis = diagnosis(&proxy, SIGNED, TOPICS);
        diagnosis.assert_only("credentials", verdict, &[words]);
        assert!(!diagnosis.text.output().contains("CANARY"), "{diagnosis:?}");
        assert_eq!(diagnosis.json.code, Some(1), "{fault:?}");
    }
    diagnosis(&proxy, SIGNED, TOPICS).assert_only("group", "ok", &[]);
}

#[test]
fn an_endpoint_over_http_is_no_proxy() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in server.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let launch = || Launch::bare().file("gateway.toml", &configuration(&url, "", TOPICS));
    let diagnosis = Diagnosis::of(launch, &["--config", "gateway.toml"], &[]);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    diagnosis.assert_only("credentials", "failed", &["no usable answer", "gRPC port of a RocketMQ 5 proxy"]);
}

#[test]
fn a_wildcard_topic_has_a_placeholder() {
    let proxy = FakeProxy::start();
    let diagnosis = diagnosis(&proxy, "", "[[topics]]\nname = \"*\"\nprofile = \"main\"\ngroups = [\"GID_a\"]\n");
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    diagnosis.assert_only("topic", "skipped", &["no topic is named"]);
    diagnosis.assert_only("group", "ok", &["`GID_a` on a placeholder topic"]);
}

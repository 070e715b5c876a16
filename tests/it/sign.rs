//! `mq-gateway sign --explain`: the vendor's vectors are reproduced, and no key is printed.

use serde_json::Value;

use crate::support::app::Finished;
use crate::support::encoding::{base64, md5_hex, unhex};
use crate::support::mq::MqRequest;
use crate::support::ons::{Credentials, sign};
use crate::support::{Launch, Settings, vectors};

fn credentials() -> Credentials {
    Credentials { access_key: "zq-access-key".into(), secret_key: "zq-secret-key-5d2f0c7a".into() }
}

fn launch(credentials: &Credentials) -> Launch {
    let text = Settings::new().topic("default_tag = \"http\"").text("http://mq.example.com");
    Launch::bare().secrets(credentials).file("gateway.toml", &text)
}

/// Explains with the usual configuration.
fn explain(arguments: &[&str]) -> Finished {
    launch(&credentials()).arguments(&["sign", "--explain", "--config", "gateway.toml"]).arguments(arguments).run()
}

const PUBLISH: [&str; 8] = ["--operation", "publish", "--topic", "T", "--body", "x", "--time", "1503907519123"];

#[test]
fn the_published_vectors_are_reproduced() {
    for vector in vectors::ons_http() {
        let text = |name: &str| vector[name].as_str().unwrap_or_default();
        let keys = Credentials { access_key: text("access_key").into(), secret_key: text("secret_key").into() };
        // Two of the bodies are not UTF-8.
        let settings = Settings::new().topic("default_tag = \"http\"").profile("binary_bodies = true");
        let launch = Launch::bare().secrets(&keys).file("gateway.toml", &settings.text("http://mq.example.com"));
        std::fs::write(launch.path("body"), unhex(text("body_hex"))).unwrap();
        let operation = if text("operation") == "delete" { "ack" } else { text("operation") };
        let launch = launch
            .arguments(&["sign", "--explain", "--config", "gateway.toml", "--format", "json", "--show-signature"])
            .arguments(&["--operation", operation, "--topic", text("topic"), "--group", text("group")])
            .arguments(&["--time", text("time")]);
        let query = |name: &str| vector["query"][name].as_str().unwrap_or_default();
        let launch = match operation {
            "publish" => launch.arguments(&["--body-file", "body"]),
            "ack" => launch.arguments(&["--handle", query("msgHandle")]),
            _ => launch,
        };
        let finished = launch.run();
        // Any secret makes a signature; a key that is read from a file is visible ASCII.
        if !keys.secret_key.is_ascii() {
            assert!(finished.code == Some(1) && finished.stderr.contains("visible ASCII"), "{finished:?}");
            continue;
        }
        assert_eq!(finished.code, Some(0), "{}: {finished:?}", text("name"));
        let shown: Value = serde_json::from_str(&finished.stdout).unwrap();
        for name in ["string_to_sign", "signature"] {
            assert_eq!(shown[name], vector[name], "{name} of {}", text("name"));
        }
        assert_eq!(shown["request"]["method"], vector["method"]);
        assert_eq!(shown["body"]["md5"], vector["body_md5"]);
        assert!(!finished.output().contains(&keys.secret_key) && !finished.output().contains(&keys.access_key));
    }
}

#[test]
fn secrets_are_masked_in_both_formats() {
    let string_to_sign = "T\nPID_ours\n9dd4e461268c8034f5c8564e155c67a6\n1503907519123";
    let signature = sign(&credentials().secret_key, string_to_sign);
    for format in ["text", "json"] {
        let hidden = explain(&[&PUBLISH[..], &["--format", format]].concat());
        assert_eq!(hidden.code, Some(0), "{hidden:?}");
        for secret in [&credentials().access_key, &credentials().secret_key, &signature] {
            assert!(!hidden.output().contains(secret.as_str()), "{secret}: {hidden:?}");
        }
        assert!(hidden.stdout.contains("zq[masked]"), "{hidden:?}");
        let shown = explain(&[&PUBLISH[..], &["--format", format, "--show-signature"]].concat());
        assert!(shown.stdout.contains(&signature) && !shown.output().contains(&credentials().secret_key), "{shown:?}");
    }
}

#[test]
fn the_text_output_is_complete() {
    let finished = explain(&PUBLISH);
    let expected = "profile main, http://mq.example.com:80

body: 1 bytes, MD5 9dd4e461268c8034f5c8564e155c67a6

string to sign (57 bytes, 4 lines; \\n is one line feed, none at the end):
    T\\n
    PID_ours\\n
    9dd4e461268c8034f5c8564e155c67a6\\n
    1503907519123

signature = base64(HMAC-SHA1(secret key, string to sign)), 28 characters:
    [masked]

request:
    POST /message/?topic=T&time=1503907519123&tag=http HTTP/1.1
    Host: mq.example.com
    Signature: [masked]
    AccessKey: zq[masked]
    ProducerID: PID_ours
    Content-Type: text/html;charset=UTF-8
    Content-Length: 1
";
    assert_eq!(finished.stdout, expected);
}

#[test]
fn without_explain_nothing_is_signed() {
    let finished = launch(&credentials()).arguments(&["sign", "--config", "gateway.toml"]).arguments(&PUBLISH).run();
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(
        finished.stderr.contains("add --explain") && finished.stderr.contains("Usage: mq-gateway sign "),
        "{finished:?}"
    );
    assert!(finished.stdout.is_empty(), "{finished:?}");
}

#[test]
fn what_cannot_be_explained_is_a_usage_error() {
    let consume = ["--operation", "consume", "--topic", "T"];
    for (arguments, word) in [
        ([&consume[..], &[]].concat(), "--group"),
        ([&consume[..], &["--group", "g", "--body", "x"]].concat(), "--body does not belong"),
        (vec!["--operation", "ack", "--topic", "T", "--group", "g"], "--handle"),
        (vec!["--operation", "publish", "--topic", "a/b"], "--topic"),
        ([&PUBLISH[..], &["--tag", "a|b"]].concat(), "--tag"),
        ([&PUBLISH[..], &["--profile", "mian"]].concat(), "`main`"),
        ([&PUBLISH[..], &["--body-file", "b"]].concat(), "--body"),
        (vec!["--operation", "publish", "--topic", "T", "--body-file", "missing"], "--body-file missing"),
        (vec!["--operation", "resend", "--topic", "T"], "publish"),
    ] {
        let finished = explain(&arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(word) && finished.stdout.is_empty(), "{word}: {finished:?}");
    }
    let unreadable = ["sign", "--explain", "--config", "missing.toml"];
    assert_eq!(Launch::bare().arguments(&unreadable).arguments(&PUBLISH).run().code, Some(2));
    let missing = Launch::bare().arguments(&["sign", "--explain"]).arguments(&PUBLISH).run();
    assert_eq!(missing.code, Some(1), "no data directory, so no keys: {missing:?}");
    assert!(missing.stderr.contains("does not exist"), "{missing:?}");
}

#[test]
fn what_the_gateway_would_not_send_is_not_explained() {
    let publish = ["--operation", "publish", "--topic", "T"];
    let (key, long) = ("k".repeat(100), "x".repeat(65_537));
    let (two_keys, many_keys) = (format!("{key} {key}"), vec![key.as_str(); 163].join(" "));
    let settings = Settings::new().profile("protocol = \"mq-http\"\nmax_message_bytes = \"64KiB\"");
    let of_mq_http = settings.text("http://mq.example.com");
    let of_ons_http = Settings::new().text("http://mq.example.com");
    for (configuration, body, more, word) in [
        (&of_ons_http, long.as_bytes(), &[][..], "--body: has 65537 bytes, the limit of the profile is 65536"),
        (&of_mq_http, long.as_bytes(), &[], "--body: has 65537 bytes, the limit of the profile is 65536"),
        (&of_ons_http, b"\xff", &[], "--body: ons-http carries no bytes that are not UTF-8"),
        (&of_mq_http, b"\xff", &[], "--body: mq-http carries text only"),
        (&of_ons_http, b"x", &["--key", &two_keys], "--key: the keys have 201 characters when joined by blanks"),
        (&of_mq_http, b"x", &["--key", &many_keys], "the limit of mq-http is 16384"),
    ] {
        let launch = Launch::bare().secrets(&credentials()).file("gateway.toml", configuration);
        std::fs::write(launch.path("body"), body).unwrap();
        let launch = launch.arguments(&["sign", "--explain", "--config", "gateway.toml", "--body-file", "body"]);
        let finished = launch.arguments(&publish).arguments(more).run();
        assert_eq!(finished.code, Some(2), "{word}: {finished:?}");
        assert!(finished.stderr.contains(word) && finished.stdout.is_empty(), "{word}: {finished:?}");
    }
}

#[test]
fn the_embedded_endpoints_configured_pair_signs() {
    let text = "[credentials.main]\ndirectory = \"secrets\"\n[embedded]\nenabled = true\ncredentials = \"main\"\n\
                [profiles.main]\nprotocol = \"ons-http\"\nendpoints = [\"embedded\"]\ncredentials = \"embedded\"\n\
                producer_group = \"PID\"\n[[topics]]\nname = \"*\"\nprofile = \"main\"\n";
    let launch = Launch::bare().secrets(&credentials()).file("gateway.toml", text);
    let finished = launch.arguments(&["sign", "--explain", "--config", "gateway.toml"]).arguments(&PUBLISH).run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("zq[masked]"), "{finished:?}");
}

const TOKEN: &str = "zq-security-token-5d2f";
const WHEN: [&str; 2] = ["--time", "1331146198000"];
const DATE: &str = "Wed, 07 Mar 2012 18:49:58 GMT";

/// Explains with a profile of MQ HTTP that has temporary keys.
fn explain_mq(arguments: &[&str]) -> Finished {
    let settings = Settings::new().profile("protocol = \"mq-http\"").topic("default_tag = \"http\"");
    let launch = Launch::bare().secrets(&credentials());
    std::fs::write(launch.path("secrets").join("security_token"), TOKEN).unwrap();
    let launch = launch.file("gateway.toml", &settings.text("http://mq.example.com"));
    let finished = launch.arguments(&["sign", "--explain", "--config", "gateway.toml"]).arguments(arguments).run();
    for secret in [&credentials().access_key, &credentials().secret_key, TOKEN] {
        assert!(!finished.output().contains(secret), "{secret}: {finished:?}");
    }
    finished
}

#[test]
fn requests_of_mq_http_are_signed_as_the_tests_sign_them() {
    let keys = credentials();
    let at = |request: MqRequest| MqRequest {
        date: DATE.to_owned(),
        content_type: Some("text/xml;charset=utf-8".into()),
        ..request
    };
    let consume =
        |more| MqRequest::consume(&keys, "T", "g", 16, "").target(&format!("/topics/T/messages?consumer=g{more}"));
    for (arguments, request) in [
        (vec!["--operation", "consume", "--group", "g"], at(consume("&numOfMessages=16"))),
        (
            vec!["--operation", "consume", "--group", "g", "--tag", "TagA||TagB"],
            at(consume("&tag=TagA%7C%7CTagB&numOfMessages=16")),
        ),
    ] {
        for format in ["text", "json"] {
            let arguments = [&arguments[..], &WHEN, &["--topic", "T", "--format", format]].concat();
            let signature = sign(&keys.secret_key, &request.string_to_sign());
            let hidden = explain_mq(&arguments);
            assert_eq!(hidden.code, Some(0), "{hidden:?}");
            assert!(!hidden.output().contains(&signature), "{hidden:?}");
            let shown = explain_mq(&[&arguments[..], &["--show-signature"]].concat());
            assert!(shown.stdout.contains(&format!("MQ zq[masked]:{signature}")), "{shown:?}");
            if format == "json" {
                let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
                assert_eq!(shown["string_to_sign"], request.string_to_sign());
                assert_eq!(shown["signature"], signature);
                assert_eq!(shown["body"], Value::Null);
                assert_eq!(shown["request"]["target"], request.target);
            }
        }
    }
}

#[test]
fn documents_of_mq_http_are_measured_and_not_shown() {
    let shown = |arguments: &[&str]| {
        let finished =
            explain_mq(&[arguments, &WHEN, &["--topic", "T", "--format", "json", "--show-signature"]].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        serde_json::from_str::<Value>(&finished.stdout).unwrap()
    };
    let head = r#"<?xml version="1.0" encoding="utf-8"?>"#;
    let namespace = r#"xmlns="http://mq.aliyuncs.com/doc/v1""#;
    let published = format!(
        "{head}<Message {namespace}><MessageBody>first\nzq-&lt;2&gt;</MessageBody><MessageTag>http</MessageTag>\
         <Properties>KEYS:k1 k2|</Properties></Message>"
    );
    let acknowledged =
        format!("{head}<ReceiptHandles {namespace}><ReceiptHandle>h/+=</ReceiptHandle></ReceiptHandles>");
    for (arguments, document, first_line) in [
        (
            vec!["--operation", "publish", "--body", "first\nzq-<2>", "--key", "k1 k2"],
            &published,
            published.find('\n').unwrap(),
        ),
        (vec!["--operation", "ack", "--group", "g", "--handle", "h/+="], &acknowledged, acknowledged.len()),
    ] {
        let shown = shown(&arguments);
        let expected = serde_json::json!({
            "bytes": document.len(), "md5": md5_hex(document.as_bytes()), "first_line_bytes": first_line,
        });
        assert_eq!(shown["body"], expected, "{arguments:?} {document}");
        let string_to_sign = shown["string_to_sign"].as_str().unwrap();
        assert_eq!(shown["signature"], sign(&credentials().secret_key, string_to_sign));
        assert!(!shown.to_string().contains("zq-&lt;") && !shown.to_string().contains("h/+="), "{shown}");
    }
}

#[test]
fn the_text_output_of_mq_http_is_complete() {
    let finished =
        explain_mq(&[&["--operation", "ack", "--topic", "T", "--group", "g", "--handle", "h"][..], &WHEN].concat());
    let expected = "profile main, http://mq.example.com:80

body: an XML document of 141 bytes, 141 of them in its first line, MD5 {md5}
(Content-MD5 is the base64 of these 32 characters)

string to sign (158 bytes, 6 lines; \\n is one line feed, none at the end):
    DELETE\\n
    {digest}\\n
    text/xml;charset=utf-8\\n
    Wed, 07 Mar 2012 18:49:58 GMT\\n
    x-mq-version:2015-06-06\\n
    /topics/T/messages?consumer=g

signature = base64(HMAC-SHA1(secret key, string to sign)), 28 characters:
    [masked]

request:
    DELETE /topics/T/messages?consumer=g HTTP/1.1
    Host: mq.example.com
    Content-MD5: {digest}
    Content-Type: text/xml;charset=utf-8
    Date: Wed, 07 Mar 2012 18:49:58 GMT
    x-mq-version: 2015-06-06
    Authorization: MQ zq[masked]:[masked]
    security-token: [masked]
    Content-Length: 141
";
    let document = "<?xml version=\"1.0\" encoding=\"utf-8\"?><ReceiptHandles xmlns=\"http://mq.aliyuncs.com/doc/v1\">\
                    <ReceiptHandle>h</ReceiptHandle></ReceiptHandles>";
    let md5 = md5_hex(document.as_bytes());
    let digest = base64(&md5);
    assert_eq!(finished.stdout, expected.replace("{md5}", &md5).replace("{digest}", &digest));
}

#[test]
fn what_mq_http_does_not_have_is_a_usage_error() {
    let publish = ["--operation", "publish", "--topic", "T"];
    let consume = ["--operation", "consume", "--topic", "T", "--group", "g"];
    for (arguments, word) in [
        ([&publish[..], &["--body", "x", "--group", "PID_a"]].concat(), "mq-http sends no producer group"),
        ([&publish[..], &["--body", "x", "--key", "a:b"]].concat(), "--key"),
        ([&publish[..], &["--body", "x", "--tag", "a||b"]].concat(), "--tag"),
        ([&publish[..], &["--handle", "h"]].concat(), "--handle does not belong"),
        ([&consume[..], &["--tag", "a|b"]].concat(), "--tag"),
        ([&consume[..], &["--key", "k"]].concat(), "--key does not belong"),
        (vec!["--operation", "ack", "--topic", "T", "--group", "g"], "--handle is missing"),
        (consume[..4].to_vec(), "--group is missing"),
    ] {
        let finished = explain_mq(&arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(word) && finished.stdout.is_empty(), "{word}: {finished:?}");
    }
}

#[test]
fn a_name_that_no_request_has_takes_nothing_from_the_topic_for_any_name() {
    let explained = |topic: &str| {
        let finished = explain(&["--operation", "publish", "--topic", topic, "--body", "x"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    };
    // The gateway takes 64 characters; a topic of its own may have more.
    assert!(explained(&"t".repeat(64)).contains("tag=http"));
    assert!(!explained(&"t".repeat(65)).contains("tag=http"));
}

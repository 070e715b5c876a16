//! `mq-gateway sign --explain`: the vendor's vectors word for word, and no key in what is printed.

use serde_json::Value;

use crate::support::app::Finished;
use crate::support::ons::{Credentials, sign};
use crate::support::{Launch, Settings};

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../fixtures/ons-http-vectors.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

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
fn the_published_vectors_come_out_word_for_word() {
    for vector in vectors() {
        let text = |name: &str| vector[name].as_str().unwrap_or_default();
        let keys = Credentials { access_key: text("access_key").into(), secret_key: text("secret_key").into() };
        let launch = launch(&keys);
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
        assert_eq!(finished.code, Some(0), "{}: {finished:?}", text("name"));
        let shown: Value = serde_json::from_str(&finished.stdout).unwrap();
        for name in ["string_to_sign", "signature"] {
            assert_eq!(shown[name], vector[name], "{name} of {}", text("name"));
        }
        assert_eq!(shown["request"]["method"], vector["method"]);
        assert_eq!(shown["body"]["md5"], vector["body_md5"]);
        assert!(!finished.said().contains(&keys.secret_key) && !finished.said().contains(&keys.access_key));
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
            assert!(!hidden.said().contains(secret.as_str()), "{secret}: {hidden:?}");
        }
        assert!(hidden.stdout.contains("zq[masked]"), "{hidden:?}");
        let shown = explain(&[&PUBLISH[..], &["--format", format, "--show-signature"]].concat());
        assert!(shown.stdout.contains(&signature) && !shown.said().contains(&credentials().secret_key), "{shown:?}");
    }
}

#[test]
fn the_text_can_be_laid_beside_a_vendors_sample() {
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

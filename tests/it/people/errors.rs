//! What goes wrong is one line that says what to do; tokens go to the gateway alone.

use super::fake_gateway::{FakeGateway, json};
use super::person::{ask, run};
use crate::support::tls::TlsServer;
use crate::support::trap::{Trap, dead_url};
use crate::support::{Launch, TestApp};

const TAKEN: &str = r#"{"message_id":"ID-1","topic":"t","outcome":"published","attempts":1}"#;

/// Runs a publish that fails, and returns its only line.
#[track_caller]
fn complaint(url: &str) -> String {
    let finished = run(url, &["publish", "t", "x"], b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.is_empty(), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    finished.stderr
}

#[test]
fn usage_and_files_are_exit_2() {
    let app = TestApp::embedded();
    for arguments in [
        &["publish", "t"][..],
        &["publish", "t", "@{directory}/missing"],
        &["publish", "t", "x", "--property", "no-value"],
        &["publish", "t", "x", "--delay", "soon"],
        &["publish", "t", "x", "--ndjson", "-"],
        &["publish", "t", "--ndjson", "{directory}/missing"],
        &["publish", "t", "--ndjson", "{directory}"],
        &["publish", "t", "x", "--url", "127.0.0.1:8080"],
        &["publish", "t", "x", "--url", "http://user:zq-canary@127.0.0.1"],
        &["publish", "t", "x", "--token-file", "{directory}/missing"],
        &["publish", "t", "x", "--ca-file", "{directory}/missing"],
        &["receive", "t"],
        &["receive", "t", "g", "--max", "0"],
        &["receive", "t", "g", "--wait", "31"],
        &["receive", "t", "g", "--visibility-timeout", "1500ms"],
    ] {
        let finished = ask(&app, arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stdout.is_empty(), "{finished:?}");
        assert!(!finished.stderr.contains("zq-canary"), "{finished:?}");
    }
}

#[test]
fn nobody_there_names_the_address_and_the_flag() {
    let url = dead_url();
    let line = complaint(&url);
    assert!(line.contains(&url) && line.contains("--url"), "{line}");
    let finished = run(&url, &["receive", "t", "g", "--follow"], b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains(&url) && finished.stderr.contains("--url"), "{finished:?}");
    let finished = Launch::bare().arguments(&["publish", "t", "x", "--url", "http://name.invalid"]).run();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("name.invalid"), "{finished:?}");
}

#[test]
fn what_a_gateway_cannot_have_said_is_told_as_that() {
    let trap = Trap::start();
    let location: &'static str = format!("Location: {}/\r\n", trap.url()).leak();
    for (reply, words) in [
        (Some((307, location, String::new())), "redirect (307), which is not followed"),
        (Some((502, "", "<html>Bad Gateway</html>".to_owned())), "502 in words that are no gateway's"),
        (Some((201, "", "welcome".to_owned())), "may be done all the same"),
        (Some((201, "Content-Length: 99999999999\r\n", String::new())), "larger than"),
        (None, "may be done all the same"),
    ] {
        let gateway = FakeGateway::start(move |_, _| reply.clone());
        let line = complaint(&gateway.url);
        assert!(line.contains(words), "{words} in {line}");
        assert_eq!(gateway.asked().len(), 1, "nothing is sent twice");
    }
    trap.assert_untouched();
}

#[test]
fn a_problem_is_told_with_its_code_advice_and_request_id() {
    let gateway = FakeGateway::start(|_, _| {
        json(
            503,
            "{\"status\":503,\"code\":\"overloaded\",\"detail\":\"full \\u001b[31mred\",\"request_id\":\"r-77\",\"retryable\":true,\
             \"outcome\":\"not_published\",\"retry_after_seconds\":3}",
        )
    });
    let line = complaint(&gateway.url);
    for part in ["overloaded", "503", "r-77", "not published", "try again in 3 s", "\\u{1b}[31mred"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let gateway = FakeGateway::start(|_, _| {
        json(504, r#"{"status":504,"code":"upstream-timeout","detail":"late","retryable":true,"outcome":"unknown"}"#)
    });
    let line = complaint(&gateway.url);
    assert!(line.contains("not known") && line.contains("twice"), "{line}");
}

#[test]
fn a_token_is_sent_as_bearer_and_shown_nowhere() {
    let gateway = FakeGateway::start(|_, _| json(201, TAKEN));
    let finished = run(&gateway.url, &["publish", "t", "x"], b"");
    assert_eq!(finished.stdout, "ID-1\n", "{finished:?}");
    let launch = || Launch::bare().file("token", "zq-canary\n");
    let publish = ["publish", "t", "x", "--url", &gateway.url];
    // An operator's token, which is no business of the data listener.
    let of_operators = launch().environment("MQ_GATEWAY_TOKEN_FILE", "token").arguments(&publish).run();
    assert_eq!(of_operators.code, Some(0), "{of_operators:?}");
    let with_token = launch().arguments(&publish).arguments(&["--token-file", "token"]).run();
    assert_eq!((with_token.code, with_token.stderr.as_str()), (Some(0), ""), "{with_token:?}");
    let asked = gateway.asked();
    assert!(asked[0].header("Authorization").is_empty() && asked[1].header("Authorization").is_empty(), "{asked:?}");
    assert_eq!(asked[2].header("Authorization"), ["Bearer zq-canary"]);
    let elsewhere = ["publish", "t", "x", "--url", "http://name.invalid", "--token-file", "token"];
    let elsewhere = launch().arguments(&elsewhere).run();
    assert!(elsewhere.stderr.contains("unencrypted"), "{elsewhere:?}");
    let operators = launch().environment("MQ_GATEWAY_TOKEN_FILE", "token");
    operators.arguments(&["subscriptions", "--url", &gateway.url]).run();
    assert_eq!(gateway.asked()[3].header("Authorization"), ["Bearer zq-canary"]);
    let refusing = FakeGateway::start(|_, _| Some((500, "", "no".to_owned())));
    let launch = Launch::bare().file("token", "zq-canary\n");
    let arguments = ["publish", "t", "x", "--token-file", "token", "--url", &refusing.url];
    let refused = launch.arguments(&arguments).run();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(!format!("{}{}", with_token.output(), refused.output()).contains("zq-canary"), "{refused:?}");
}

#[test]
fn https_trusts_the_named_authority_alone() {
    let answer = format!(
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{TAKEN}",
        TAKEN.len()
    );
    let server = TlsServer::start("localhost", &answer, |_| ());
    let url = format!("https://localhost:{}", server.address.port());
    let launch = Launch::bare().file("ca.pem", &server.certificate);
    let trusted = launch.arguments(&["publish", "t", "x", "--url", &url, "--ca-file", "ca.pem"]).run();
    assert_eq!((trusted.code, trusted.stdout.as_str()), (Some(0), "ID-1\n"), "{trusted:?}");
    let line = complaint(&url);
    assert!(line.contains("certificate") || line.contains("UnknownIssuer"), "{line}");
    assert_eq!(server.requests(), 1);
}

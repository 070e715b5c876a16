//! Secrets and signatures are in no log line, metric, answer, file name or argument, whatever goes wrong and whatever
//! the log level is.

use crate::support::client::find;
use crate::support::encoding::{hex, percent_encode};
use crate::support::endpoint::{closed, raw, reset, respond};
use crate::support::messages::handle_of;
use crate::support::ons::Credentials;
use crate::support::secrecy::{shown_by, spellings};
use crate::support::{Connection, Endpoint, Launch, Response, Settings, TestApp};

/// Searches everything that was seen.
#[track_caller]
fn assert_absent(forbidden: &[String], seen: &[(String, Vec<u8>)]) {
    for (place, bytes) in seen {
        for secret in forbidden {
            assert!(find(bytes, secret.as_bytes()).is_none(), "{secret:?} in {place}");
        }
    }
}

#[test]
fn no_secret_is_shown_anywhere() {
    let endpoint = Endpoint::start();
    let credentials = endpoint.credentials().clone();
    let settings = Settings::new().more("[log]\nlevel = \"trace\"\n").topic("deadline = \"500ms\"");
    let app = TestApp::with(&endpoint, settings);
    let echo = format!(
        r#"{{"code":"{0}","info":"AccessKey {1} secret {0} refused"}}"#,
        credentials.secret_key, credentials.access_key
    );
    let mut answers: Vec<Response> = Vec::new();
    let scripts = [
        respond(403, &[], ""),
        respond(403, &["Date: Mon, 01 Jan 2001 00:00:00 GMT"], ""),
        respond(500, &[], &echo),
        respond(400, &[], echo.replace(&credentials.secret_key, "CODE")),
        raw(format!("HTTP/1.1 201 Created\r\nContent-Length: 999\r\n\r\n{echo}")),
        raw(format!("{echo}\r\n\r\n")),
        respond(307, &[&format!("Location: http://127.0.0.1:1/?{}", credentials.secret_key)], ""),
        reset(),
        closed(),
    ];
    for script in scripts {
        // Good requests between the faults keep the breaker closed.
        app.publish("orders", "between");
        let messages = app.receive("orders", "CID_a", "{}");
        let handle = handle_of(&messages[0]);
        let before = endpoint.request_count();
        endpoint.rule(move |_| Some(script.clone()));
        answers.push(app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#));
        answers.push(app.post_json("/v1/topics/orders/groups/CID_a/messages:receive", "{}"));
        answers.push(app.ack("orders", "CID_a", &[handle]));
        assert!(endpoint.request_count() >= before + 3, "each of them was sent");
        endpoint.rule(|_| None);
    }
    for request in ["/v1/nowhere", "/v1/topics/%ff", "/metrics"] {
        answers.push(app.get(request));
    }
    answers.push(app.post_json("/v1/topics/orders/messages", "{"));

    let mut forbidden = spellings(&credentials.secret_key);
    for request in endpoint.requests() {
        for signature in request.headers_named("Signature") {
            forbidden.extend([signature.to_owned(), percent_encode(signature.as_bytes()), hex(signature.as_bytes())]);
        }
    }
    assert!(forbidden.len() > 60, "signatures were seen");
    let mut seen = shown_by(&app);
    seen.extend(answers.into_iter().map(|answer| (format!("{answer:?}"), answer.raw)));
    assert!(app.output().contains("\"DEBUG\"") || app.output().contains("\"TRACE\""), "the log level is low enough");
    assert_absent(&forbidden, &seen);
}

#[test]
fn the_embedded_secret_stays_in_its_file() {
    let app = Launch::embedded().start();
    let credentials: Credentials = app.embedded_credentials();
    app.publish("orders", "x");
    app.receive("orders", "CID_a", "{}");
    let mut connection = Connection::open(app.embedded_address());
    let request = "POST /message/?topic=T&time=1 HTTP/1.1\r\nHost: x\r\nAccessKey: a\r\nSignature: zq-foreign-signature\r\nProducerID: p\r\nContent-Length: 0\r\n\r\n";
    let refused = connection.exchange(request.as_bytes(), "POST");
    let mut seen = shown_by(&app);
    seen.push(("a refusal".into(), refused.raw));
    let mut forbidden = spellings(&credentials.secret_key);
    forbidden.push("zq-foreign-signature".into());
    assert_absent(&forbidden, &seen);
}

#[test]
fn a_broken_configuration_does_not_quote_its_values() {
    let canary = "zq-canary-secret";
    for text in [
        format!("[server]\nlisten = \"{canary}\"\n"),
        format!("[server]\nlisten = {canary}\n"),
        format!("[credentials.main]\nsecret_key = \"{canary}\"\n"),
        format!("[profiles.main]\nprotocol = \"{canary}\"\n"),
        format!("[profiles.main]\nbinary_bodies = \"{canary}\"\n"),
        format!("[embedded]\nvisibility_timeout = \"{canary}\"\n"),
        format!("secret = '{canary}\n"),
        format!("[[topics]]\nname = [\"{canary}\"]\n"),
    ] {
        let launch = Launch::bare().file("gateway.toml", &text);
        let file = launch.path("gateway.toml").display().to_string();
        for arguments in [&["check", &file][..], &["--config", &file], &["check", &file, "--format", "json"]] {
            let finished = Launch::bare().arguments(arguments).run();
            assert_ne!(finished.code, Some(0), "{text}: {finished:?}");
            assert!(!finished.output().contains(canary), "{text}: {finished:?}");
        }
    }
}

//! What the doctor reports of the embedded endpoint's store, by the running gateway's word.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use super::{Diagnosis, orders_only};
use crate::support::client::find;
use crate::support::messages::handle_of;
use crate::support::time::until;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Launch, TestApp};

const MANAGEMENT: &str = "MQ_GATEWAY__MANAGEMENT__LISTEN";
const CHECK: &str = "embedded_store";

/// With the gateway's data directory, towards this management listener.
fn diagnose(app: &TestApp, management: &str) -> Diagnosis {
    let launch = || Launch::bare().in_directory_of(app.directory()).environment(MANAGEMENT, management);
    Diagnosis::of(launch, &["--data-dir", "data"], &[])
}

fn own(app: &TestApp) -> Diagnosis {
    diagnose(app, &app.management().to_string())
}

/// A server of something else, which the doctor asks twice.
fn stranger(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().take(2) {
            let mut connection = connection.unwrap();
            assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn a_failing_disk_is_told_until_it_is_well() {
    let app = Launch::embedded().on_faulty_machine().start();
    let url = format!("http://{}", app.management());
    own(&app).assert_only(CHECK, "ok", &[&url, "nothing wrong"]);
    app.fail_disk(true);
    assert_eq!(app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#).status, 502);
    let diagnosis = own(&app);
    assert_eq!(diagnosis.json.code, Some(1), "{diagnosis:?}");
    let words =
        [&*format!("degraded, says the gateway at {url}"), "the kernel's log", &format!("{url}/readyz?verbose")];
    diagnosis.assert_only(CHECK, "failed", &words);
    app.fail_disk(false);
    until("a publish", || (app.post_json("/v1/topics/orders/messages", r#"{"body":"x"}"#).status == 201).then_some(()));
    let diagnosis = own(&app);
    diagnosis.assert_only(CHECK, "ok", &[]);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
}

#[test]
fn a_full_disk_is_told() {
    if !Launch::can_have_own_mounts() {
        return;
    }
    let app = Launch::embedded().small_disk(48).start();
    let message = serde_json::json!({ "body": "x".repeat(60_000) }).to_string();
    let full = (0..2000).any(|_| app.post_json("/v1/topics/orders/messages", &message).status == 503);
    assert!(full, "the disk did not become full");
    // Its data directory is in mounts of its own, so the rest of the doctor's checks find no keys.
    own(&app).assert_only(CHECK, "failed", &["full: publishes are refused", "make room"]);
}

#[test]
fn messages_that_were_set_aside_are_told_also_after_a_restart() {
    let mut app = TestApp::embedded();
    app.publish("orders", "one-zq-canary");
    app.publish("orders", "two");
    app.terminate();
    assert!(app.wait_for_exit(Duration::from_secs(10)).success());
    let store = app.data_directory().join("embedded.db");
    let mut bytes = std::fs::read(&store).unwrap();
    let place = find(&bytes, b"one-zq-canary").unwrap();
    bytes[place] ^= 1;
    std::fs::write(&store, bytes).unwrap();
    for messages in [1, 0] {
        app = Launch::embedded().in_directory_of(app.directory()).start();
        let got = app.receive("orders", "CID_a", "{}");
        assert_eq!(got.len(), messages);
        got.iter().for_each(|it| assert_eq!(app.ack("orders", "CID_a", &[handle_of(it)]).status, 200));
        let diagnosis = own(&app);
        let found = (diagnosis.json.code, diagnosis.verdicts(CHECK));
        assert_eq!(found, (Some(1), vec!["failed", "failed"]), "{diagnosis:?}");
        diagnosis.assert_any(CHECK, "failed", &["it holds what nobody wrote", "memory and disk"]);
        diagnosis.assert_any(CHECK, "failed", &["1 message is set aside", "publishers"]);
        assert!(!diagnosis.text.output().contains("canary"), "{diagnosis:?}");
        app.terminate();
        assert!(app.wait_for_exit(Duration::from_secs(10)).success());
    }
}

#[test]
fn nobody_there_is_no_fault() {
    let app = TestApp::embedded();
    diagnose(&app, "127.0.0.1:0").assert_only(CHECK, "skipped", &["takes a free port"]);
    let dead = dead_url();
    let diagnosis = diagnose(&app, dead.strip_prefix("http://").unwrap());
    diagnosis.assert_only(CHECK, "skipped", &[&format!("no gateway runs at {dead}"), "start it and ask again"]);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    // A listener on all addresses is asked on this machine's own.
    let everywhere = format!("0.0.0.0:{}", app.management().port());
    diagnose(&app, &everywhere).assert_only(CHECK, "ok", &[&format!("http://{}", app.management())]);
}

#[test]
fn somebody_else_is_told_and_not_repeated() {
    let app = TestApp::embedded();
    // The data listener of the same gateway, a gateway without the endpoint, and servers of other kinds.
    let diagnosis = diagnose(&app, &app.data().to_string());
    diagnosis.assert_only(CHECK, "warning", &["something else than a gateway", "was 404", "`management.listen`"]);
    assert_eq!(diagnosis.json.code, Some(0), "{diagnosis:?}");
    let mq = Endpoint::start();
    let other = TestApp::towards(&mq);
    diagnose(&app, &other.management().to_string()).assert_only(
        CHECK,
        "warning",
        &["no embedded endpoint", "another configuration"],
    );
    for (answer, words) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nzq-canary", "its metrics are not a gateway's"),
        ("HTTP/1.1 302 Found\r\nLocation: http://zq-canary/\r\nContent-Length: 0\r\n\r\n", "was 302"),
        ("SSH-2.0-zq-canary\r\n", "no usable answer"),
        ("", "no usable answer"),
    ] {
        let diagnosis = diagnose(&app, &stranger(answer).to_string());
        diagnosis.assert_only(CHECK, "warning", &[words]);
        assert!(!diagnosis.text.output().contains("canary"), "{diagnosis:?}");
    }
}

#[test]
fn a_silent_listener_is_not_waited_for_long() {
    let app = TestApp::embedded();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let diagnosis = diagnose(&app, &silent.local_addr().unwrap().to_string());
    diagnosis.assert_only(CHECK, "warning", &["no usable answer: no complete answer came in time"]);
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
}

#[test]
fn without_the_embedded_endpoint_nobody_is_asked() {
    let endpoint = Endpoint::start();
    let app = TestApp::embedded();
    let settings = orders_only().more(&format!("[management]\nlisten = \"{}\"\n", app.management()));
    assert!(Diagnosis::about(&endpoint, &settings).verdicts(CHECK).is_empty());
}

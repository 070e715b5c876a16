//! The bytes that requests and connections hold are bounded: large bodies are refused where there is no room, small ones never
//! for them, and nothing is taken from a caller before somebody waits for it.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use crate::support::time::until;
use crate::support::{Connection, Endpoint, Launch, Meaning, Settings, TestApp, assert_problem};

const LARGE: usize = 4 << 20;

fn settings() -> Settings {
    // Three quarters are for large bodies: one of 4 MiB, and no second one.
    Settings::new().profile("max_message_bytes = \"4MiB\"").more("[server.limits]\nmemory = \"8MiB\"")
}

fn head(length: usize) -> String {
    format!(
        "POST /v1/topics/orders/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// An upload that lacks its last byte.
fn stalled_upload(app: &TestApp) -> Connection {
    let mut connection = app.raw(head(LARGE).as_bytes());
    connection.send(&vec![b'x'; LARGE - 1]);
    connection
}

fn held(app: &TestApp, state: &str) -> f64 {
    app.metrics().get("mq_gateway_memory_budget_bytes", &[("state", state)]).expect("a series")
}

#[test]
fn a_large_upload_that_stalls_leaves_room_for_small_publishes() {
    let endpoint = Endpoint::start();
    let app = TestApp::with(&endpoint, settings());
    let mut first = stalled_upload(&app);
    until("it is held", || (held(&app, "large") >= 4.0 * 1024.0 * 1024.0).then_some(()));
    // The second one is refused as soon as there is no room for it, and gives back what it held.
    let mut second = app.raw(head(LARGE).as_bytes());
    // It may be answered before it is sent.
    drop(second.try_send(&vec![b'x'; LARGE - 1]));
    let refused = second.receive("POST");
    let problem = assert_problem(&refused, 503, "overloaded", Meaning::NotPublishedTryAgain);
    assert!(
        refused.header("retry-after").is_some() && problem["detail"].as_str().unwrap().contains("memory"),
        "{problem}"
    );
    until("it gave its room back", || (held(&app, "large") < 7.0 * 1024.0 * 1024.0).then_some(()));
    for _ in 0..20 {
        app.publish("orders", "small");
    }
    // The one that was there first ends well.
    first.send(b"x");
    assert_eq!(first.receive("POST").status, 201);
    until("nothing is held", || (held(&app, "large") + held(&app, "small") == 0.0).then_some(()));
    assert_eq!(held(&app, "limit"), 8.0 * 1024.0 * 1024.0);
}

#[test]
fn a_receive_asks_for_what_there_is_room_for() {
    let app = Launch::on_embedded(
        "max_message_bytes = \"1MiB\"",
        &Settings::new().profile("max_message_bytes = \"1MiB\"").more("[server.limits]\nmemory = \"8MiB\""),
    )
    .start();
    let body = "x".repeat(1 << 20);
    for _ in 0..4 {
        app.publish("orders", &body);
    }
    // 6 MiB for large bodies are two messages of 1 MiB three times over.
    let answer = app.post_json("/v1/topics/orders/groups/billing/messages:receive", "{}").expect_json(200);
    assert_eq!(answer["applied"]["max_messages"], 1, "{}", answer["applied"]);
    let mut received = answer["messages"].as_array().unwrap().len();
    assert_eq!(received, 1);
    while received < 4 {
        let messages = app.receive("orders", "billing", "{}");
        assert!(!messages.is_empty() && messages.iter().all(|message| message["body"] == body));
        received += messages.len();
    }
    until("nothing is held", || (held(&app, "large") + held(&app, "small") == 0.0).then_some(()));
}

/// A line of the process's status, in KiB.
fn status(app: &TestApp, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// What the process has in memory, in KiB.
fn resident(app: &TestApp) -> usize {
    status(app, "VmRSS")
}

/// A body of nearly 4 MiB: so many of `part` as there is room for.
fn full_of(before: &str, part: &str, after: &str) -> String {
    let parts = (LARGE - before.len() - after.len() - 1) / (part.len() + 1);
    format!("{before}{}{after}", vec![part; parts].join(","))
}

#[test]
fn a_body_of_many_small_parts_takes_no_more_than_a_large_one() {
    const MOST_KIB: usize = 40 << 10;
    let app = Launch::on_embedded("", &Settings::new().profile("protocol = \"mq-http\"")).start();
    // What `mq-http` has not.
    let with_nack = Launch::on_embedded("", &Settings::new()).start();
    let group = "/v1/topics/orders/groups/CID_a/messages";
    let publish = "/v1/topics/orders/messages";
    let json = "application/json";
    let event = r#"{"specversion":"1.0","id":"a","source":"s","type":"t","#;
    let keys = " a".repeat(LARGE / 2 - 100);
    for (target, content_type, body) in [
        (format!("{group}:receive"), json, full_of(r#"{"tags":["#, r#""""#, "]}")),
        (format!("{group}:ack"), json, full_of(r#"{"receipt_handles":["#, r#""""#, "]}")),
        (format!("{group}:ack"), json, full_of(r#" {"receipt_handles":[1,"#, r#""""#, "]}")),
        (format!("{group}:nack"), json, full_of(r#"{"receipt_handles":["#, r#""""#, "]}")),
        (
            format!("{group}:extend"),
            json,
            full_of(r#"{"visibility_timeout_seconds":9,"receipt_handles":["#, r#""""#, "]}"),
        ),
        (publish.to_owned(), json, full_of(r#"{"body":"x","keys":["#, r#""a""#, "]}")),
        (publish.to_owned(), json, full_of(r#"{"body":7,"keys":["#, r#""a""#, "]}")),
        (publish.to_owned(), json, full_of(r#"{"body":"x","properties":{"#, r#""a":"""#, "}}")),
        (publish.to_owned(), json, full_of(r#"{"body":7,"properties":{"#, r#""a":"""#, "}}")),
        (format!("{publish}:batch"), json, full_of(r#"{"messages":["#, "{}", "]}")),
        (format!("{publish}:batch"), json, full_of(r#"{"messages":["#, r#"{"body":"x"}"#, "]}")),
        (publish.to_owned(), "application/cloudevents+json", format!(r#"{event}"mqkeys":"{keys}"}}"#)),
        (publish.to_owned(), "application/cloudevents+json", full_of(event, r#""a":"""#, "}")),
        (publish.to_owned(), "application/cloudevents-batch+json", full_of("[", "{}", "]")),
    ] {
        let app = if target.ends_with(":nack") || target.ends_with(":extend") { &with_nack } else { &app };
        std::fs::write(format!("/proc/{}/clear_refs", app.process_id()), "5").unwrap();
        let before = resident(app);
        let answer = app.request("POST", &target).header(format!("Content-Type: {content_type}")).body(&body).send();
        let beginning = &body[..40];
        assert_eq!(answer.status, 422, "{target} {beginning}");
        assert!(answer.body.len() < 10_000, "{target} {beginning}: an answer of {} bytes", answer.body.len());
        let more = status(app, "VmHWM").saturating_sub(before);
        assert!(more < MOST_KIB, "{target} {beginning}: {more} KiB more");
    }
    // As much as may be there is taken.
    let most = |part: &str| vec![part; 128].join(",");
    let full = format!(r#"{{"body":"x","keys":[{}],"properties":{{{}}}}}"#, most(r#""a""#), most(r#""a":"b""#));
    assert_eq!(app.post_json(publish, &full).status, 201);
    for (name, one) in [("keys", r#","a"]"#), ("properties", r#","a":"b"}}"#)] {
        let end = if name == "keys" { r#""a"]"# } else { r#""b"}}"# };
        let over = full.replace(end, &format!("{}{one}", end.trim_end_matches([']', '}'])));
        let problem = assert_problem(&app.post_json(publish, &over), 422, "validation-failed", Meaning::NotPublished);
        let detail = format!("/{name}: must hold at most 128 {name}, has 129: put some of it into the body");
        assert_eq!(problem["detail"], detail, "{problem}");
    }
}

/// Sends until nobody takes more for a while; how many bytes were taken.
fn send_what_is_taken(connection: Connection, bytes: &[u8]) -> (TcpStream, usize) {
    let mut stream = connection.into_stream();
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut sent = 0;
    while let Ok(count) = stream.write(&bytes[sent..])
        && count > 0
    {
        sent += count;
    }
    (stream, sent)
}

#[test]
fn what_is_sent_behind_a_waiting_receive_is_not_taken() {
    const CALLERS: usize = 300;
    let app = Launch::on_embedded("", &Settings::new().more("[server.limits]\nsocket_buffer = \"16KiB\"")).start();
    let waiting = "GET /v1/topics/orders/groups/billing/messages?wait_seconds=20 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let first: Vec<Connection> = (0..CALLERS).map(|_| app.raw(waiting.as_bytes())).collect();
    until("all wait", || {
        let waiting = app.metrics().get("mq_gateway_receive_waiters", &[]);
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        (waiting == Some(CALLERS as f64)).then_some(())
    });
    let before = resident(&app);
    let upload = [head(LARGE).as_bytes(), &vec![b'x'; LARGE]].concat();
    let senders: Vec<_> = first
        .into_iter()
        .map(|connection| {
            let upload = upload.clone();
            std::thread::spawn(move || send_what_is_taken(connection, &upload))
        })
        .collect();
    let held: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
    // It came as far as the gateway, and not whole.
    assert!(held.iter().all(|(_, sent)| (16 << 10..LARGE).contains(sent)), "{:?}", held.iter().map(|it| it.1).max());
    // A request that came behind another one costs what its connection's buffer does, not the 128 KiB that the HTTP library takes.
    let grown = resident(&app).saturating_sub(before);
    assert!(grown < CALLERS * 40, "{grown} KiB for {CALLERS} connections");
}

#[test]
fn a_request_behind_a_waiting_receive_is_answered_after_it() {
    let app =
        Launch::on_embedded("max_message_bytes = \"1MiB\"", &Settings::new().profile("max_message_bytes = \"1MiB\""))
            .start();
    let waiting = "GET /v1/topics/orders/groups/billing/messages?wait_seconds=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut connection = app.raw(waiting.as_bytes());
    let length = 300 << 10;
    for _ in 0..3 {
        connection.send(&[head(length).as_bytes(), &vec![b'x'; length]].concat());
    }
    connection.send(b"GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(connection.receive("GET").json()["messages"].as_array().map(Vec::len), Some(0));
    for _ in 0..3 {
        assert_eq!(connection.receive("POST").status, 201);
    }
    assert_eq!(connection.receive("GET").status, 200);
}

#[test]
fn a_large_page_costs_a_slow_reader_two_pieces() {
    const READERS: usize = 60;
    let app = Launch::on_embedded("", &Settings::new().more("[server.limits]\nsocket_buffer = \"16KiB\"")).start();
    let get = b"GET /docs/swagger-ui/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // The positive control: it is large, and comes whole to who reads it.
    let whole = app.raw(get).receive("GET");
    assert!(whole.status == 200 && whole.body.len() > 1 << 20, "{}", whole.body.len());
    let before = resident(&app);
    let readers: Vec<Connection> = (0..READERS).map(|_| app.raw(get)).collect();
    until("all are answered", || {
        let answered = app.metrics().get("mq_gateway_connections", &[("listener", "data")]);
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        (answered >= Some(READERS as f64)).then_some(())
    });
    // A request that came after them is answered after them.
    assert_eq!(app.get("/v1/topics").status, 200);
    let grown = resident(&app).saturating_sub(before);
    assert!(grown < READERS * 200, "{grown} KiB for {READERS} readers of {} bytes", whole.body.len());
    drop(readers);
}

#[test]
fn the_document_that_is_made_of_a_body_is_charged() {
    let settings = settings().profile("protocol = \"mq-http\"");
    let app = Launch::on_embedded("max_message_bytes = \"4MiB\"", &settings).start();
    let publish = |body: String| {
        app.request("POST", "/v1/topics/orders/messages").header("Content-Type: text/plain").body(body).send()
    };
    // 6 MiB for large bodies: the body and its document, where every byte becomes four.
    let length = 1536 << 10;
    assert_eq!(publish("x".repeat(length)).status, 201);
    let refused = publish("<".repeat(length));
    let problem = assert_problem(&refused, 503, "overloaded", Meaning::NotPublishedTryAgain);
    assert!(problem["detail"].as_str().unwrap().contains("memory"), "{problem}");
    // What is made of a small body is never refused for large ones.
    let _stalled = stalled_upload(&app);
    until("it is held", || (held(&app, "large") >= 4.0 * 1024.0 * 1024.0).then_some(()));
    for _ in 0..5 {
        assert_eq!(publish("<".repeat(64 << 10)).status, 201);
    }
}

#[test]
fn the_embedded_endpoint_and_its_reader_do_not_wait_for_each_other() {
    const MESSAGES: usize = 8;
    let settings = Settings::new().profile("max_message_bytes = \"1MiB\"");
    let limits = "[server.limits]\nmemory = \"16MiB\"\nsocket_buffer = \"64KiB\"";
    let app = Launch::on_embedded("max_message_bytes = \"1MiB\"", &settings.more(limits)).start();
    let body = "x".repeat(1 << 20);
    for _ in 0..MESSAGES {
        app.publish("orders", &body);
    }
    // More callers than there is memory for at once; each takes what it gets, and none waits in vain.
    let received: usize = std::thread::scope(|scope| {
        let receive = || {
            let (target, mut received) = ("/v1/topics/orders/groups/billing/messages:receive", 0);
            loop {
                let answer = app.post_json(target, r#"{"wait_seconds":4}"#).expect_json(200);
                match answer["messages"].as_array().map_or(0, Vec::len) {
                    0 => return received,
                    count => received += count,
                }
            }
        };
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(receive)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    assert_eq!(received, MESSAGES);
    until("nothing is held", || (held(&app, "large") + held(&app, "small") == 0.0).then_some(()));
}

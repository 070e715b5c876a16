//! Every byte of a request counts against a limit, also those that are no part of its head or body.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::ons::OnsRequest;
use crate::support::time::until;
use crate::support::{Connection, Endpoint, Meaning, Response, TestApp, assert_problem};

const MIB: usize = 1 << 20;
/// What a flood sends at most.
const ENOUGH: usize = 128 * MIB;
/// Of what nobody reads, four times a body's limit (4 MiB) is thrown away; the rest fits into the kernel's buffers of both
/// sides.
const BOUND: usize = 32 * MIB;
const FAR: Duration = Duration::from_secs(20);

const EXTENSION: &str = "5;abcdefgh=\"0123456789012345678901234567890123456789\";abcdefgh=0123456789";

/// What came of a flood.
#[derive(Debug)]
struct Flood {
    /// Bytes that the kernel took.
    taken: usize,
    answer: Option<Response>,
}

/// Sends `start`, then `piece` for ever, until the connection is closed.
fn flood(address: SocketAddr, method: &str, start: &str, piece: &str) -> Flood {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut connection = Connection::over(stream.try_clone().unwrap());
    connection.send(start.as_bytes());
    let many = piece.repeat(1 + 65_536 / piece.len());
    let writer = std::thread::spawn(move || {
        let mut taken = 0;
        while taken < ENOUGH {
            // Where the last write ended, as a write may be short.
            match stream.write(&many.as_bytes()[taken % many.len()..]) {
                Ok(count) => taken += count,
                Err(_) => break,
            }
        }
        taken
    });
    let answer = connection.try_receive(method, FAR).ok();
    let closed = connection.closed_within(FAR);
    let taken = writer.join().unwrap();
    assert!(closed, "{taken} bytes and never closed");
    Flood { taken, answer }
}

/// The flood was answered so, and ended.
#[track_caller]
fn check(what: &str, flood: &Flood, status: Option<u16>) {
    assert!(flood.taken <= BOUND, "{what}: {} MiB were taken", flood.taken / MIB);
    assert_eq!(flood.answer.as_ref().map(|answer| answer.status), status, "{what}: {:?}", flood.answer);
}

#[track_caller]
fn oversized(app: &TestApp, listener: &str) -> f64 {
    let labels = [("listener", listener), ("reason", "oversized")];
    app.metrics().get("mq_gateway_connections_closed_total", &labels).expect("the count")
}

fn chunked(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}Transfer-Encoding: chunked\r\n\r\n")
}

const PUBLISH: &str = "POST /v1/topics/orders/messages";
const PLAIN: &str = "Content-Type: text/plain\r\n";

#[test]
fn framing_is_bounded_by_its_body() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let head = chunked(PUBLISH, PLAIN);
    for (what, start, piece) in [
        ("extensions of one chunk", format!("{head}5;"), EXTENSION),
        ("extensions of many chunks", head.clone(), "1;0123456789abcdef0123456789abcdef\r\nx\r\n"),
        ("a chunk size of zeros", head.clone(), "0"),
        ("blanks after a chunk size", format!("{head}5"), " "),
        ("trailers", format!("{head}5\r\nhello\r\n0\r\n"), "X-Trailer: 0123456789\r\n"),
        ("one trailer", format!("{head}5\r\nhello\r\n0\r\nX-Trailer: "), "0123456789"),
    ] {
        let flood = flood(app.data(), "POST", &start, piece);
        check(what, &flood, Some(413));
        let answer = flood.answer.unwrap();
        let problem = assert_problem(&answer, 413, "message-too-large", Meaning::NotPublished);
        assert!(problem["actual"].as_u64() > problem["limit"].as_u64(), "{what}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("larger chunks"), "{what}: {problem}");
        assert_eq!(answer.header("connection"), Some("close"), "{what}: {answer:?}");
    }
    assert_eq!(endpoint.request_count(), 0);
    until("the count", || (oversized(&app, "data") >= 6.0).then_some(()));
}

#[test]
fn chunked_bodies_are_published_all_the_same() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let head = chunked(PUBLISH, PLAIN);
    let kibibyte = "x".repeat(1024);
    for (what, chunks, length) in [
        ("chunks of a byte", "1\r\nx\r\n".repeat(60_000), 60_000),
        ("sizes with zeros before", "0001\r\nx\r\n".repeat(20_000), 20_000),
        ("a few extensions", "5;name=value;other=\"a b\"\r\nhello\r\n".repeat(100), 500),
        ("signed chunks", format!("400;chunk-signature={}\r\n{kibibyte}\r\n", "a".repeat(64)).repeat(60), 61_440),
    ] {
        let raw = format!("{head}{chunks}0;last\r\nX-Trailer: y\r\n\r\n");
        let mut connection = app.raw(raw.as_bytes());
        assert_eq!(connection.receive("POST").status, 201, "{what}");
        assert_eq!(endpoint.last_request().body.len(), length, "{what}");
        // Its end was seen: the connection is good for another.
        connection.send(raw.as_bytes());
        assert_eq!(connection.receive("POST").status, 201, "{what}");
    }
}

#[test]
fn what_nobody_reads_is_bounded() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let length = |line: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n");
    let data = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    for (line, status) in [("GET /v1/topics", 200), ("POST /nowhere", 404), ("DELETE /v1/topics", 405)] {
        check("extensions", &flood(app.data(), "GET", &format!("{}5;", chunked(line, "")), EXTENSION), Some(status));
        check("chunks", &flood(app.data(), "GET", &chunked(line, ""), &data), Some(status));
        check("a length", &flood(app.data(), "GET", &length(line), "x"), Some(status));
    }
    // Refused by its announced length, before a byte of it.
    let announced = format!("{PUBLISH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n");
    check("an announced length", &flood(app.data(), "POST", &announced, "x"), Some(413));
    // Refused while it comes.
    check("a body too large", &flood(app.data(), "POST", &chunked(PUBLISH, PLAIN), &data), Some(413));
    assert_eq!(endpoint.request_count(), 0);
    // A small one keeps its connection.
    let small = format!("{}5\r\nhello\r\n0\r\n\r\n", chunked("GET /v1/topics", ""));
    let mut connection = app.raw(small.as_bytes());
    assert_eq!(connection.receive("GET").status, 200);
    assert_eq!(connection.exchange(small.as_bytes(), "GET").status, 200);
}

/// A body that comes along while the request before it is being answered.
#[test]
fn framing_counts_before_its_turn_comes() {
    let endpoint = Endpoint::start();
    let app = TestApp::towards(&endpoint);
    let receive = r#"{"wait_seconds":3}"#;
    let first = format!(
        "POST /v1/topics/orders/groups/CID_a/messages:receive HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{receive}",
        receive.len()
    );
    let flood = flood(app.data(), "POST", &format!("{first}{}5;", chunked(PUBLISH, PLAIN)), EXTENSION);
    // The first one waits its time, and has its answer.
    check("pipelined extensions", &flood, Some(200));
    let published = endpoint.requests().into_iter().filter(|request| request.method == "POST").count();
    assert_eq!(published, 0);
}

#[test]
fn the_other_listeners_count_as_well() {
    let app = TestApp::embedded();
    let start = format!("{}5;", chunked("GET /livez", ""));
    check("management", &flood(app.management(), "GET", &start, EXTENSION), Some(200));
    let start = chunked("GET /livez", "");
    check("management", &flood(app.management(), "GET", &start, "5\r\nhello\r\n"), Some(200));
    until("the count", || (oversized(&app, "management") >= 2.0).then_some(()));

    // Who is not known is refused before the body.
    let start = format!("{}5;", chunked("POST /message/", ""));
    check("embedded, a stranger", &flood(app.embedded_address(), "POST", &start, EXTENSION), Some(400));
    let publish = OnsRequest::publish(&app.embedded_credentials(), "a", "PID_a", "hello");
    let bytes = String::from_utf8(publish.bytes()).unwrap();
    let head = bytes.replace("Content-Length: 5", "Transfer-Encoding: chunked");
    let head = head.strip_suffix("hello").unwrap();
    assert!(head.contains("chunked"), "{head}");
    check("embedded", &flood(app.embedded_address(), "POST", &format!("{head}5;"), EXTENSION), Some(400));
    // The same with little of it is good.
    let mut connection = Connection::open(app.embedded_address());
    connection.send(format!("{head}5;{EXTENSION}\r\nhello\r\n0\r\n\r\n").as_bytes());
    assert_eq!(connection.receive("POST").status, 201);
}

/// The HTTP library would keep 128 KiB of it, on every connection.
#[test]
fn a_head_is_not_kept_beyond_its_limits() {
    let app = TestApp::embedded();
    let list = "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n";
    // 8 KiB of URI, 32 KiB of headers, and 16 KiB in which our own words are the answer.
    let mut connection = Connection::open(app.data());
    connection.send(format!("{list}X: {}\r\n\r\n", "y".repeat(55 << 10)).as_bytes());
    assert_problem(&connection.receive("GET"), 431, "headers-too-large", Meaning::NotDone);
    for address in [app.data(), app.embedded_address(), app.management()] {
        let mut connection = Connection::open(address);
        connection.send(list.as_bytes());
        for index in 0..57 {
            connection.send(format!("X-{index}: {}\r\n", "y".repeat(1017)).as_bytes());
        }
        let answer = connection.receive("GET");
        assert!(answer.status == 431 && answer.body.is_empty(), "before it is whole at {address}: {answer:?}");
        assert!(connection.closed_within(FAR));
    }
}

/// The HTTP library would panic, once per request.
#[test]
fn a_header_name_of_64_kib_is_refused_on_every_listener() {
    let app = TestApp::embedded();
    let list = "GET /v1/topics HTTP/1.1\r\nHost: localhost\r\n";
    for address in [app.data(), app.embedded_address(), app.management()] {
        for length in [65_536, 65_537, 120_000, 200_000] {
            let mut connection = Connection::open(address);
            connection.send(format!("{list}{}: x\r\n\r\n", "n".repeat(length)).as_bytes());
            let answer = connection.receive("GET");
            assert_eq!(answer.status, 431, "{length} at {address}: {answer:?}");
            assert!(connection.closed_within(FAR));
        }
        // As long as it may be for the library, and in small parts.
        let mut connection = Connection::open(address);
        connection.send(list.as_bytes());
        for _ in 0..70 {
            connection.send("n".repeat(1000).as_bytes());
        }
        assert_eq!(connection.receive("GET").status, 431, "in parts at {address}");
    }
    // Behind another request, which has its own answer first.
    let mut connection = Connection::open(app.data());
    connection.send(format!("{list}\r\n{list}{}: x\r\n\r\n", "n".repeat(65_536)).as_bytes());
    assert_eq!(connection.receive("GET").status, 200);
    assert_eq!(connection.receive("GET").status, 431);
    assert!(connection.closed_within(FAR));
    assert!(!app.output().contains("panicked"), "{}", app.output());
}

//! No framing ambiguity: whatever bytes come, no request gets two answers, nothing becomes a 5xx, and the process goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::client::NoResponse;
use crate::support::{Connection, Endpoint, TestApp};

/// What the first answer has to be.
#[derive(Clone, Copy, Debug)]
enum Expect {
    /// 4xx, or the end of the connection.
    Refused,
    /// One of these.
    Is(&'static [u16]),
    /// An answer, 2xx or 4xx.
    Answered,
    /// Lenient or not: 2xx, 4xx or none.
    Either,
}
use Expect::{Answered, Either, Is, Refused};

struct Case {
    name: String,
    raw: Vec<u8>,
    /// The most requests that a reader may see in `raw`; more answers than these are answers to nothing.
    requests: usize,
    expect: Expect,
}

fn case(name: impl Into<String>, raw: impl AsRef<[u8]>, requests: usize, expect: Expect) -> Case {
    Case { name: name.into(), raw: raw.as_ref().to_vec(), requests, expect }
}

/// A publish with these header lines and this body.
fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /v1/topics/{{topic}}/messages HTTP/1.1\r\nHost: {{host}}\r\nContent-Type: text/plain\r\n{headers}\r\n\r\n{body}"
    )
}

/// A request without a body, with further header lines.
fn get(line: &str, headers: &str) -> String {
    format!("{line}\r\nHost: {{host}}\r\n{headers}\r\n")
}

const LIST: &str = "GET /v1/topics HTTP/1.1";

fn content_lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    let refused = [
        "+5",
        "-5",
        "5 5",
        "5, 6",
        "5,6",
        "0x5",
        "5a",
        "",
        " ",
        "5.0",
        "\"5\"",
        "５",
        "5;",
        "1e1",
        "5\t5",
        "five",
        "5\u{b}",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999999",
        "-0",
        "--5",
    ];
    for value in refused {
        cases.push(case(
            format!("Content-Length: {value:?}"),
            post(&format!("Content-Length: {value}"), "hello"),
            1,
            Refused,
        ));
    }
    for value in ["05", "5, 5", "\t5", "5 ", "  5  "] {
        cases.push(case(
            format!("Content-Length: {value:?}"),
            post(&format!("Content-Length: {value}"), "hello"),
            1,
            Either,
        ));
    }
    for (headers, expect) in [
        ("Content-Length: 5\r\nContent-Length: 5", Either),
        ("Content-Length: 5\r\nContent-Length: 6", Refused),
        ("Content-Length: 6\r\nContent-Length: 5", Refused),
        ("Content-Length: 0\r\nContent-Length: 5", Refused),
        ("Content-Length : 5", Refused),
        ("Content-Length\t: 5", Refused),
        (" Content-Length: 5", Refused),
        ("Content_Length: 5", Either),
        ("content-length:5", Is(&[201])),
    ] {
        // A server that does not know the header sees no body, and in "hello" a second request.
        let requests = if headers.starts_with("Content_Length") { 2 } else { 1 };
        cases.push(case(format!("{headers:?}"), post(headers, "hello"), requests, expect));
    }
    cases.push(case(
        "a body longer than announced",
        post("Content-Length: 5", "helloGET /nowhere HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        2,
        Is(&[201]),
    ));
    cases.push(case("no length at all", post("X-A: b", ""), 1, Answered));
    cases
}

fn transfer_encodings() -> Vec<Case> {
    let mut cases = Vec::new();
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    for (headers, expect) in [
        ("Transfer-Encoding: chunked", Is(&[201])),
        ("transfer-encoding:chunked", Is(&[201])),
        ("Transfer-Encoding: CHUNKED", Is(&[201])),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", Refused),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", Refused),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", Refused),
        ("Transfer-Encoding: chunked, chunked", Refused),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Refused),
        ("Transfer-Encoding: identity", Either),
        ("Transfer-Encoding: identity\r\nContent-Length: 5", Either),
        ("Transfer-Encoding: gzip", Refused),
        ("Transfer-Encoding: gzip, chunked", Either),
        ("Transfer-Encoding: chunked, gzip", Refused),
        ("Transfer-Encoding: chunked, identity", Refused),
        ("Transfer-Encoding: xchunked", Refused),
        ("Transfer-Encoding: chunkedx", Refused),
        ("Transfer-Encoding: \"chunked\"", Refused),
        ("Transfer-Encoding: chunked;q=1", Refused),
        ("Transfer-Encoding: \u{b}chunked", Refused),
        ("Transfer-Encoding: chunked\u{b}", Refused),
        ("Transfer-Encoding:\tchunked", Either),
        ("Transfer-Encoding: ,chunked", Either),
        ("Transfer-Encoding:", Either),
        ("Transfer-Encoding : chunked", Refused),
        (" Transfer-Encoding: chunked", Refused),
        ("X: y\r\n Transfer-Encoding: chunked", Refused),
        ("Transfer-Encoding:\r\n chunked", Refused),
        ("Transfer_Encoding: chunked", Either),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", Refused),
        ("Content-Length: 5\r\nTransfer-Encoding: xchunked", Refused),
        ("Content-Length: 5\r\nTransfer-Encoding : chunked", Refused),
    ] {
        // A server that ignores the header sees no body, and in the chunks a second request.
        let ignored = ["Transfer_Encoding: chunked", "Transfer-Encoding: identity", "Transfer-Encoding:"];
        let requests = if ignored.contains(&headers) { 2 } else { 1 };
        cases.push(case(format!("{headers:?}"), post(headers, chunked), requests, expect));
    }
    let old = post("Transfer-Encoding: chunked", chunked).replace("HTTP/1.1\r\n", "HTTP/1.0\r\n");
    cases.push(case("chunked in HTTP/1.0", old, 1, Refused));
    cases
}

fn chunks() -> Vec<Case> {
    let mut cases = Vec::new();
    for (body, expect) in [
        ("g\r\nhello\r\n0\r\n\r\n", Refused),
        ("0x5\r\nhello\r\n0\r\n\r\n", Refused),
        ("-5\r\nhello\r\n0\r\n\r\n", Refused),
        ("+5\r\nhello\r\n0\r\n\r\n", Refused),
        (" 5\r\nhello\r\n0\r\n\r\n", Either),
        ("5 \r\nhello\r\n0\r\n\r\n", Either),
        ("5\t\r\nhello\r\n0\r\n\r\n", Either),
        ("05\r\nhello\r\n0\r\n\r\n", Either),
        ("\r\nhello\r\n0\r\n\r\n", Refused),
        ("5;\r\nhello\r\n0\r\n\r\n", Either),
        ("5;a=b\r\nhello\r\n0\r\n\r\n", Is(&[201])),
        ("5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", Either),
        ("5;a=\"b\r\nhello\r\n0\r\n\r\n", Either),
        ("5;\u{b}=b\r\nhello\r\n0\r\n\r\n", Either),
        ("5;a\nb\r\nhello\r\n0\r\n\r\n", Refused),
        ("5;a\rb\r\nhello\r\n0\r\n\r\n", Refused),
        ("5,5\r\nhello\r\n0\r\n\r\n", Refused),
        ("5 5\r\nhello\r\n0\r\n\r\n", Refused),
        ("ffffffffffffffff\r\nhello\r\n0\r\n\r\n", Refused),
        ("10000000000000005\r\nhello\r\n0\r\n\r\n", Refused),
        ("00000000000000000000000000000005\r\nhello\r\n0\r\n\r\n", Either),
        ("5\nhello\r\n0\r\n\r\n", Refused),
        ("5\rhello\r\n0\r\n\r\n", Refused),
        ("5\r\r\nhello\r\n0\r\n\r\n", Refused),
        ("5\r\nhello0\r\n\r\n", Refused),
        ("5\r\nhello\n0\n\n", Refused),
        ("5\r\nhello!\r\n0\r\n\r\n", Refused),
        ("5\r\nhell\r\n0\r\n\r\n", Refused),
        ("5\r\nhello\r\n0\r\n", Either),
        ("5\r\nhello\r\n", Either),
        ("5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n", Either),
        ("5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", Either),
        ("5\r\nhello\r\n0\r\nHost: evil.example\r\n\r\n", Either),
        ("5\r\nhello\r\n0\r\nbroken trailer\r\n\r\n", Either),
        ("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", Is(&[201])),
    ] {
        cases.push(case(format!("chunks {body:?}"), post("Transfer-Encoding: chunked", body), 1, expect));
    }
    cases
}

fn request_lines() -> Vec<Case> {
    let mut cases = Vec::new();
    for (line, expect) in [
        (LIST, Is(&[200])),
        ("get /v1/topics HTTP/1.1", Refused),
        ("GET  /v1/topics HTTP/1.1", Refused),
        ("GET /v1/topics  HTTP/1.1", Refused),
        ("GET\t/v1/topics\tHTTP/1.1", Refused),
        (" GET /v1/topics HTTP/1.1", Refused),
        ("GET /v1/topics HTTP/1.1 ", Refused),
        ("GET /v1/topics", Refused),
        ("GET", Refused),
        ("", Refused),
        ("GET /v1/topics HTTP/1.2", Either),
        ("GET /v1/topics HTTP/2.0", Refused),
        ("GET /v1/topics HTTP/3", Refused),
        ("GET /v1/topics HTTP/0.9", Refused),
        ("GET /v1/topics HTTP/11", Refused),
        ("GET /v1/topics http/1.1", Refused),
        ("GET /v1/topics HTTP/1.1\u{b}", Refused),
        ("GET /v1/topics HTTP /1.1", Refused),
        ("GET /v1/topics\0 HTTP/1.1", Refused),
        ("GET /v1/\rtopics HTTP/1.1", Refused),
        ("GET /v1/topics/订单 HTTP/1.1", Refused),
        ("GET /v1/topics?a=\"b\" HTTP/1.1", Either),
        ("GET /v1/topics?a=<b> HTTP/1.1", Either),
        ("GET /v1/topics#fragment HTTP/1.1", Either),
        ("GET v1/topics HTTP/1.1", Refused),
        ("GET * HTTP/1.1", Refused),
        ("OPTIONS * HTTP/1.1", Either),
        ("CONNECT example.com:80 HTTP/1.1", Refused),
        ("TRACE /v1/topics HTTP/1.1", Refused),
        ("GET http://{host}/v1/topics HTTP/1.1", Is(&[200])),
        ("GET HTTP://{host}/v1/topics HTTP/1.1", Either),
        ("GET http://evil.example/v1/topics HTTP/1.1", Either),
        ("GET http://user:pass@{host}/v1/topics HTTP/1.1", Either),
        ("GET http:///v1/topics HTTP/1.1", Either),
        ("GET file:///etc/passwd HTTP/1.1", Refused),
        ("GET //v1/topics HTTP/1.1", Either),
        ("GET /v1/../metrics HTTP/1.1", Refused),
        ("GET /v1/%2e%2e/metrics HTTP/1.1", Refused),
        ("GET /v1/topics/..%2f..%2fmetrics HTTP/1.1", Refused),
        ("GET /v1/topics/..%5c..%5cmetrics HTTP/1.1", Refused),
        ("GET /v1/topics/%00 HTTP/1.1", Refused),
        ("GET /v1/topics/%zz HTTP/1.1", Either),
        ("GET /v1/topics/% HTTP/1.1", Either),
        ("GET /v1/topics/%c0%ae HTTP/1.1", Refused),
        ("GET /v1/topics/%ff HTTP/1.1", Refused),
        ("BREW /v1/topics HTTP/1.1", Is(&[405, 501])),
        ("G(T /v1/topics HTTP/1.1", Refused),
        ("G\u{e9}T /v1/topics HTTP/1.1", Refused),
        ("HEAD /v1/topics HTTP/1.1", Answered),
        ("HEAD /nowhere HTTP/1.1", Is(&[404, 405])),
    ] {
        cases.push(case(format!("line {line:?}"), get(line, ""), 1, expect));
    }
    let long_method = format!("{} /v1/topics HTTP/1.1", "M".repeat(5000));
    cases.push(case("a long method", get(&long_method, ""), 1, Refused));
    cases.push(case("the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1, Refused));
    cases.push(case("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 1, Refused));
    cases.push(case("line feeds only", format!("{LIST}\nHost: {{host}}\n\n"), 1, Either));
    cases.push(case("a leading line end", format!("\r\n{}", get(LIST, "")), 1, Either));
    cases.push(case("nothing but line ends", "\r\n".repeat(100), 1, Refused));
    cases.push(case("HTTP/1.0", get("GET /v1/topics HTTP/1.0", ""), 1, Answered));
    cases.push(case("HTTP/1.0 without Host", "GET /v1/topics HTTP/1.0\r\n\r\n", 1, Either));
    cases.push(case("HTTP/0.9", "GET /v1/topics\r\n", 1, Refused));
    cases
}

fn header_lines() -> Vec<Case> {
    let mut cases = Vec::new();
    let many = (0..60).map(|index| format!("X-{index}: y\r\n")).collect::<String>();
    for (headers, expect) in [
        ("X-A: b\r\n", Is(&[200])),
        ("X-A:\r\n", Is(&[200])),
        ("X A: b\r\n", Refused),
        ("X-A : b\r\n", Refused),
        (": b\r\n", Refused),
        ("no colon\r\n", Refused),
        ("X(A): b\r\n", Refused),
        ("X\u{e9}: b\r\n", Refused),
        ("X\0: b\r\n", Refused),
        ("X-A: b\0c\r\n", Refused),
        ("X-A: b\rc\r\n", Refused),
        ("X-A: b\nc\r\n", Refused),
        ("X-A: b\r\n c\r\n", Refused),
        ("X-A: b\r\n\tc\r\n", Refused),
        ("X-A: b\u{7f}\r\n", Either),
        ("X-A: b\u{b}c\r\n", Either),
        ("X-A: é\r\n", Either),
        ("Host: {host}\r\n", Refused),
        ("Host: evil.example\r\n", Refused),
        ("host: {host}\r\n", Refused),
        ("Connection: close\r\n", Is(&[200])),
        ("Connection: Host\r\n", Either),
        ("Connection: Content-Length, Transfer-Encoding\r\n", Either),
        ("Content-Length: 0\r\n", Is(&[200])),
        (
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
            Answered,
        ),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", Answered),
        ("Expect: 100-continue\r\n", Answered),
        ("Expect: the-unexpected\r\n", Either),
        (many.as_str(), Is(&[200])),
    ] {
        cases.push(case(format!("headers {headers:?}"), get(LIST, headers), 1, expect));
    }
    for (host, expect) in [
        ("Host: evil.example\r\n", Is(&[403])),
        ("Host: a, b\r\n", Refused),
        ("Host: user@{host}\r\n", Refused),
        ("Host: {host}/path\r\n", Refused),
        ("Host: {host}#x\r\n", Refused),
        ("Host: {host}:1\r\n", Refused),
        ("Host: [::1\r\n", Refused),
        ("Host:\r\n", Either),
        ("", Refused),
        ("Host : {host}\r\n", Refused),
        (" Host: {host}\r\n", Refused),
    ] {
        cases.push(case(format!("only {host:?}"), format!("{LIST}\r\n{host}\r\n"), 1, expect));
    }
    cases.push(case("an endless value", get(LIST, &format!("X-A: {}\r\n", "y".repeat(200_000))), 1, Refused));
    let too_many = (0..97).map(|index| format!("Y-{index}: y\r\n")).collect::<String>();
    cases.push(case("ninety-seven headers", get(LIST, &too_many), 1, Refused));
    cases.push(case(
        "invalid UTF-8 in a value",
        [get(LIST, "X-A: ").trim_end().as_bytes(), b"\xff\xfe\r\n\r\n"].concat(),
        1,
        Either,
    ));
    cases
}

fn connections() -> Vec<Case> {
    let list = get(LIST, "");
    let publish = post("Content-Length: 5", "hello");
    let upgraded = post("Content-Length: 5\r\nConnection: Upgrade\r\nUpgrade: websocket", "hello");
    vec![
        case("two requests at once", format!("{list}{list}"), 2, Is(&[200])),
        case("a publish and a list", format!("{publish}{list}"), 2, Is(&[201])),
        case("five requests at once", list.repeat(5), 5, Is(&[200])),
        case("a request and garbage", format!("{list}\0\x01\x02 garbage\r\n\r\n"), 2, Is(&[200])),
        case("garbage and a request", format!("garbage\r\n\r\n{list}"), 2, Refused),
        case("a refused request and another", format!("{}{list}", post("Content-Length: x", "")), 1, Refused),
        case("a GET with a body", format!("{}hello", get(LIST, "Content-Length: 5\r\n")), 1, Either),
        case(
            "a GET with chunks",
            format!("{}5\r\nhello\r\n0\r\n\r\n", get(LIST, "Transfer-Encoding: chunked\r\n")),
            1,
            Either,
        ),
        case(
            "a HEAD with a body",
            format!("{}hello", get("HEAD /v1/topics HTTP/1.1", "Content-Length: 5\r\n")),
            1,
            Either,
        ),
        case("a wrong path with a body", publish.replace("/messages", "/nowhere"), 1, Is(&[404])),
        case("an Upgrade with a body", upgraded, 1, Answered),
        case("an expected body", post("Content-Length: 5\r\nExpect: 100-continue", "hello"), 1, Is(&[201])),
        case(
            "a request hidden in a body",
            post(
                &format!("Content-Length: {}", "GET /v1/topics HTTP/1.1\r\nHost: x\r\n\r\n".len()),
                "GET /v1/topics HTTP/1.1\r\nHost: x\r\n\r\n",
            ),
            1,
            Is(&[201]),
        ),
        case(
            "a request hidden behind a length and chunks",
            post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\nGET /v1/topics HTTP/1.1\r\nX: y\r\n\r\n"),
            1,
            Refused,
        ),
        // The HTTP library answers what was pipelined behind a close: an answer for each request, none too many.
        case("a close and another request", format!("{}{list}", get(LIST, "Connection: close\r\n")), 2, Is(&[200])),
        case("half a head", "POST /v1/topics/{topic}/messages HTTP/1.1\r\nHost: {ho", 0, Either),
        case("half a body", post("Content-Length: 10", "hello"), 0, Either),
    ]
}

/// Sends one case and reads whatever comes.
fn play(case: &Case, address: std::net::SocketAddr, topic: &str) -> Result<(), String> {
    let mut raw = case.raw.clone();
    for (placeholder, value) in [("{host}", address.to_string()), ("{topic}", topic.to_owned())] {
        raw = replace(&raw, placeholder.as_bytes(), value.as_bytes());
    }
    let method = if raw.starts_with(b"HEAD ") { "HEAD" } else { "GET" };
    let must_answer = matches!(case.expect, Is(_) | Answered);
    let mut connection = Connection::try_open(address).map_err(|error| format!("no connection: {error}"))?;
    connection.send(&raw);
    let mut statuses = Vec::new();
    let mut limit = if must_answer { Duration::from_secs(10) } else { Duration::from_millis(1500) };
    loop {
        match connection.try_receive(method, limit) {
            Ok(response) => statuses.push(response.status),
            Err(NoResponse::Broken(what)) if !what.contains("os error") => return Err(format!("no HTTP: {what}")),
            Err(_) => break,
        }
        // Further answers follow at once or never.
        limit = Duration::from_millis(300);
    }
    let fits = |status: u16| (200..300).contains(&status) || (400..500).contains(&status);
    if statuses.len() > case.requests.max(1) {
        return Err(format!("{} requests, answers {statuses:?}", case.requests));
    }
    if let Some(&bad) = statuses.iter().find(|&&status| !fits(status)) {
        // 501 is right for an unknown method.
        if !matches!(case.expect, Is(list) if list.contains(&bad)) {
            return Err(format!("answers {statuses:?}"));
        }
    }
    let first = statuses.first().copied();
    let good = match case.expect {
        Refused => first.is_none_or(|status| status >= 400),
        Is(list) => first.is_some_and(|status| list.contains(&status)),
        Answered => first.is_some(),
        Either => true,
    };
    if good { Ok(()) } else { Err(format!("expected {:?}, answers {statuses:?}", case.expect)) }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = text;
    while let Some(at) = crate::support::client::find(rest, from) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    result.extend_from_slice(rest);
    result
}

#[test]
fn no_request_gets_two_answers() {
    let endpoint = Endpoint::start();
    let mut app = TestApp::towards(&endpoint);
    let cases: Vec<Case> =
        [content_lengths(), transfer_encodings(), chunks(), request_lines(), header_lines(), connections()]
            .into_iter()
            .flatten()
            .collect();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    let next = AtomicUsize::new(0);
    let address = app.data();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::SeqCst);
                let Some(case) = cases.get(index) else {
                    return failures;
                };
                if let Err(what) = play(case, address, &format!("framing-{index}")) {
                    failures.push(format!("{}: {what}", case.name));
                }
            }
        };
        let workers: Vec<_> = (0..16).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(app.is_running());
    for (index, case) in cases.iter().enumerate() {
        let stored = endpoint.stored(&format!("framing-{index}")).len();
        assert!(stored <= case.requests.max(1), "{}: {stored} messages", case.name);
        assert!(case.requests > 0 || stored == 0, "{}: half a request was published", case.name);
    }
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

//! The client whose answer is the status.

use super::*;
use crate::outbound::http::{NoStatus, StatusCall, StatusClient};

/// What a call for a status gives: status, body, and whether that is all of it.
async fn call_for_status(
    address: SocketAddr,
    memory: usize,
    patience: Duration,
) -> Result<(u16, Bytes, bool), NoStatus> {
    let client = StatusClient::new(tls(), limits(), MemoryBudget::new(memory));
    let (origin, request) = (origin(address), publish(b"hello"));
    let call =
        Call { request, origin: &origin, address, deadline: Instant::now() + LONG, max_answer_bytes: 100, copies: 1 };
    let answer = client.call(StatusCall { call, more_headers: &[], body_patience: patience }).await?;
    Ok((answer.status, answer.body, answer.is_whole))
}

#[test]
fn a_status_is_the_answer_which_says_whether_its_body_is_whole() {
    let (length, ok) = (STORED.len(), |headers: &str, body: &str| answer("200 OK", headers, body));
    let with_length = |body: &str| ok(&format!("Content-Length: {}", body.len()), body);
    let longer = ok(&format!("Content-Length: {}", length + 1), STORED);
    let chunked = ok("Transfer-Encoding: chunked", &format!("{length:x}\r\n{STORED}\r\n"));
    let whole = |script| (script, 1 << 20, LONG, STORED, true);
    let nothing = |script, is_whole| (script, 1 << 20, LONG, "", is_whole);
    let rows = [
        ("whole", whole(send(with_length(STORED)))),
        ("in chunks", whole(send(format!("{chunked}0\r\n\r\n")))),
        ("HTTP/1.0, ended by the connection", whole(fin(format!("HTTP/1.0 200 OK\r\nX: y\r\n\r\n{STORED}")))),
        ("HTTP/1.1, ended by the connection", whole(fin(ok("Connection: close", STORED)))),
        ("as long as the limit", (send(with_length(&"x".repeat(100))), 1 << 20, LONG, &*"x".repeat(100), true)),
        ("empty", nothing(send(with_length("")), true)),
        ("empty, ended by the connection", nothing(fin(ok("Connection: close", "")), true)),
        ("204", nothing(send(answer("204 No Content", "X: y", "")), true)),
        ("longer than the limit", nothing(send(with_length(&"x".repeat(101))), false)),
        ("longer than the limit, without an end", nothing(fin(ok("Connection: close", &"x".repeat(101))), false)),
        ("cut short", nothing(fin(&longer), false)),
        ("cut short in chunks", nothing(fin(&chunked), false)),
        ("reset", nothing(vec![Step::Send(ok("Connection: close", "").into_bytes()), Step::Reset], false)),
        ("no chunk", nothing(fin(ok("Transfer-Encoding: chunked", "zz\r\n")), false)),
        ("slow", (then(send(&longer), Step::Hang), 1 << 20, SHORT, "", false)),
        ("without an end", (then(send(ok("X: y", STORED)), Step::Hang), 1 << 20, SHORT, "", false)),
        ("no memory", (send(with_length(STORED)), 10, LONG, "", false)),
    ];
    for (name, (script, memory, patience, body, is_whole)) in rows {
        let server = Server::start(vec![script]);
        let (status, got, got_whole) = block_on(call_for_status(server.address, memory, patience)).unwrap();
        let expected = if status == 204 { 204 } else { 200 };
        assert_eq!((status, &*String::from_utf8_lossy(&got), got_whole), (expected, body, is_whole), "{name}");
        assert_eq!(status == 204, name == "204");
    }
}

#[test]
fn without_a_status_there_is_no_answer() {
    for (name, script, error) in [
        ("closed", vec![Step::Fin], Verdict::NoAnswer),
        ("reset", vec![Step::Reset], Verdict::NoAnswer),
        ("not HTTP", send("SSH-2.0-OpenSSH\r\n\r\n"), Verdict::Broken),
        ("half a head", fin("HTTP/1.1 200 OK\r\nContent-"), Verdict::NoAnswer),
        ("another protocol", send(answer("101 Switching Protocols", "X: y", "")), Verdict::Broken),
    ] {
        let server = Server::start(vec![script]);
        let NoStatus { error: got, in_handshake } =
            block_on(call_for_status(server.address, 1 << 20, LONG)).unwrap_err();
        assert_eq!((Verdict::of(Err(got)), in_handshake), (error, false), "{name}");
    }
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let nobody = block_on(call_for_status(free, 1 << 20, LONG)).unwrap_err();
    assert_eq!(Verdict::of(Err(nobody.error)), Verdict::NotConnected);
}

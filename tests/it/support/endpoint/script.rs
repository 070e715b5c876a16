//! How a request is answered, step by step.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The steps of one answer; after the last one the connection is read again.
pub type Script = Vec<Step>;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Does what the request asks, without an answer.
    Apply,
    /// Does what the request asks, with the good answer.
    Answer,
    /// These bytes.
    Send(Vec<u8>),
    /// These bytes, one at a time.
    Drip(Vec<u8>, Duration),
    /// Nothing for a while.
    Pause(Duration),
    /// Nothing until the gate is opened.
    Await(Gate),
    /// Nothing until the peer goes away.
    Hold,
    /// The end of the connection: FIN.
    Finish,
    /// The end of the connection: RST.
    Reset,
}

/// Opened by the test; clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    pub fn open(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The good answer.
pub fn good() -> Script {
    vec![Step::Answer]
}

/// The good answer, once `gate` is open.
pub fn held(gate: &Gate) -> Script {
    vec![Step::Await(gate.clone()), Step::Answer]
}

/// A whole answer with the right Content-Length.
pub fn respond(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Script {
    vec![Step::Send(response(status, headers, body.as_ref()))]
}

/// These bytes and nothing else, then FIN.
pub fn raw(bytes: impl AsRef<[u8]>) -> Script {
    vec![Step::Send(bytes.as_ref().to_vec()), Step::Finish]
}

/// No answer, FIN.
pub fn closed() -> Script {
    vec![Step::Finish]
}

/// No answer, RST.
pub fn reset() -> Script {
    vec![Step::Reset]
}

/// The request is applied, then `rest` follows.
pub fn applied_then(rest: Script) -> Script {
    [vec![Step::Apply], rest].concat()
}

/// No answer, ever.
pub fn never() -> Script {
    vec![Step::Hold]
}

/// A whole head at once, its body byte by byte.
pub fn drip(status: u16, body: &str, every: Duration) -> Script {
    let head = format!("HTTP/1.1 {status} Slow\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![Step::Send(head.into_bytes()), Step::Drip(body.as_bytes().to_vec(), every)]
}

/// The good answer on a connection that is then closed unannounced.
pub fn answer_then_close() -> Script {
    vec![Step::Answer, Step::Finish]
}

/// An answer as it is sent.
pub fn response(status: u16, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if status != 204 {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// Ends the connection with RST: data that the peer has not read yet is lost to it.
pub fn reset_connection(stream: &TcpStream) {
    // The standard library cannot set SO_LINGER yet; the clone is the same socket.
    if let Ok(clone) = stream.try_clone() {
        let _ = tokio::net::TcpSocket::from_std_stream(clone).set_zero_linger();
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        _ => "Whatever",
    }
}

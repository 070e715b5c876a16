//! Reads requests off a socket: strict framing, percent-decoding of its own.

use std::fmt;
use std::io::{self, Read as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::client::find;
use crate::support::encoding::form_decode;

/// One request as it arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The number of its connection, from 0.
    pub connection: usize,
    pub raw: Vec<u8>,
    pub method: String,
    pub target: String,
    pub version: String,
    /// In order, names in the case they came in, values without surrounding blanks.
    pub headers: Vec<(String, String)>,
    /// In order, decoded.
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Recorded {
    /// The values of all headers of this name.
    pub fn headers_named(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(present, _)| present.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).first().copied()
    }

    /// The decoded value of the first parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    /// The names of all parameters, in order.
    pub fn parameter_names(&self) -> Vec<&str> {
        self.query.iter().map(|(name, _)| name.as_str()).collect()
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.raw.get(..1500).unwrap_or(&self.raw);
        write!(f, "connection {}: {:?}", self.connection, String::from_utf8_lossy(shown))
    }
}

/// What came next on a connection.
#[derive(Debug)]
pub enum Incoming {
    Request(Box<Recorded>),
    /// No request at all; what is wrong with it.
    Invalid(String),
    /// The connection ended, in the middle of a request perhaps.
    End,
}

/// The reading half of a connection.
#[derive(Debug)]
pub struct Reader {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Reader {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The next request; `stopped` ends the wait.
    pub fn next(&mut self, connection: usize, stopped: impl Fn() -> bool) -> Incoming {
        let head_end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            if !self.fill(&stopped) {
                return Incoming::End;
            }
        };
        let mut recorded = match parse_head(&self.received[..head_end], connection) {
            Ok(recorded) => recorded,
            Err(what) => return Incoming::Invalid(format!("{what}: {}", self.shown())),
        };
        let length = match content_length(&recorded) {
            Ok(length) => length,
            Err(what) => return Incoming::Invalid(format!("{what}: {}", self.shown())),
        };
        while self.received.len() < head_end + length {
            if !self.fill(&stopped) {
                return Incoming::End;
            }
        }
        recorded.raw = self.received.drain(..head_end + length).collect();
        recorded.body = recorded.raw[head_end..].to_vec();
        Incoming::Request(Box::new(recorded))
    }

    fn shown(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.received))
    }

    fn fill(&mut self, stopped: &impl Fn() -> bool) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout can be set");
        let mut buffer = [0; 64 * 1024];
        while !stopped() {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    return true;
                }
                Err(error) if is_pause(&error) => {}
                Err(_) => return false,
            }
        }
        false
    }
}

/// Whether a read came back without news: its timeout, or a signal (a child's end interrupts reads with a timeout).
pub fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn parse_head(head: &[u8], connection: usize) -> Result<Recorded, String> {
    let text = std::str::from_utf8(head).map_err(|_| "a head that is no UTF-8")?;
    let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());
    let request_line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let &[method, target, version] = request_line.as_slice() else {
        return Err("a request line that has not three parts".into());
    };
    if version != "HTTP/1.1" || !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a request line out of shape".into());
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a header line without a colon")?;
        let token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !token || line.contains(['\r', '\n', '\0']) {
            return Err("a header line out of shape".into());
        }
        headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
    let query = parse_query(target)?;
    let (method, target, version) = (method.to_owned(), target.to_owned(), version.to_owned());
    Ok(Recorded { connection, raw: Vec::new(), method, target, version, headers, query, body: Vec::new() })
}

fn parse_query(target: &str) -> Result<Vec<(String, String)>, String> {
    let Some((_, query)) = target.split_once('?') else {
        return Ok(Vec::new());
    };
    let decode = |text: &str| {
        String::from_utf8(form_decode(text.as_bytes())?).map_err(|_| "a query that is no UTF-8".to_owned())
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn content_length(request: &Recorded) -> Result<usize, String> {
    if request.header("transfer-encoding").is_some() {
        return Err("a request with Transfer-Encoding".into());
    }
    match request.headers_named("content-length").as_slice() {
        [] if request.method == "POST" => Err("a POST without Content-Length".into()),
        [] => Ok(0),
        [length] => length.parse().map_err(|_| format!("Content-Length {length:?}")),
        _ => Err("several Content-Length".into()),
    }
}

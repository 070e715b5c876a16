//! A small blocking HTTP/1.1 client: what it sends is what the test wrote, what it returns is what came.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No answer of the gateway takes longer (its own whole-request limit is 30 s).
const READ_LIMIT: Duration = Duration::from_secs(40);

/// One answer, as it came.
#[derive(Clone)]
pub struct Response {
    pub status: u16,
    /// In order, names in the case they came in.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Everything before the body, and the body's coding on the wire: for searches.
    pub raw: Vec<u8>,
}

impl Response {
    /// The value of the only header of this name.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(present, _)| present.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "header {name} comes twice: {self:?}");
        first
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap_or_else(|_| panic!("the body is no UTF-8: {self:?}"))
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("the body is no JSON ({error}): {self:?}"))
    }

    /// Checks the status and returns the JSON body.
    #[track_caller]
    pub fn expect_json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let kind = self.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/json"), "content type {kind:?}: {self:?}");
        self.json()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.body.get(..2000).unwrap_or(&self.body);
        write!(f, "HTTP {} {:?} {:?}", self.status, self.headers, String::from_utf8_lossy(shown))
    }
}

/// Why no answer came.
#[derive(Debug)]
pub enum NoResponse {
    /// The peer ended the connection before the first byte of an answer.
    Closed,
    /// Nothing within the limit.
    TimedOut,
    /// Something that is no HTTP answer, or a broken connection.
    Broken(String),
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).unwrap_or_else(|error| panic!("could not connect to {address}: {error}"))
    }

    pub fn try_open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(READ_LIMIT))?;
        Ok(Self::over(stream))
    }

    pub fn over(stream: TcpStream) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Sends bytes; a peer that has hung up already shows when the answer is read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Waits until an answer begins; nothing of it is read.
    #[track_caller]
    pub fn wait_for_the_first_byte(&mut self) {
        self.stream.set_read_timeout(Some(READ_LIMIT)).expect("a timeout can be set");
        assert_eq!(self.stream.peek(&mut [0]).expect("an answer"), 1);
    }

    /// Closes a side; what comes can still be read.
    pub fn shut_down(&self, how: Shutdown) {
        self.stream.shutdown(how).expect("the connection is open");
    }

    /// Whether all bytes could be handed over.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// One request, one answer.
    #[track_caller]
    pub fn exchange(&mut self, request: &[u8], method: &str) -> Response {
        self.send(request);
        self.receive(method)
    }

    /// The answer to a request of `method`; interim answers are left out.
    #[track_caller]
    pub fn receive(&mut self, method: &str) -> Response {
        match self.try_receive(method, READ_LIMIT) {
            Ok(response) => response,
            Err(error) => panic!("no answer: {error:?}"),
        }
    }

    /// The next answer, an interim one too.
    #[track_caller]
    pub fn receive_interim(&mut self, method: &str) -> Response {
        match self.read_one(method, Instant::now() + READ_LIMIT) {
            Ok(response) => response,
            Err(error) => panic!("no answer: {error:?}"),
        }
    }

    pub fn try_receive(&mut self, method: &str, limit: Duration) -> Result<Response, NoResponse> {
        let deadline = Instant::now() + limit;
        loop {
            let response = self.read_one(method, deadline)?;
            if response.status >= 200 || response.status == 101 {
                return Ok(response);
            }
        }
    }

    /// Whether the peer ends the connection within `limit`, everything else it sends being thrown away.
    pub fn closed_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            match self.fill(deadline) {
                Ok(()) => self.received.clear(),
                Err(NoResponse::TimedOut) => return false,
                Err(NoResponse::Closed | NoResponse::Broken(_)) => return true,
            }
        }
    }

    fn read_one(&mut self, method: &str, deadline: Instant) -> Result<Response, NoResponse> {
        let head_end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end;
            }
            match self.fill(deadline) {
                Err(NoResponse::Closed) if !self.received.is_empty() => return Err(self.broken("a head cut short")),
                other => other?,
            }
        };
        let head: Vec<u8> = self.received.drain(..head_end + 4).collect();
        let (status, headers) = parse_head(&head)?;
        let mut response = Response { status, headers, body: Vec::new(), raw: head };
        let length = response.header("content-length").map(|value| value.parse::<usize>());
        let chunked = response.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Ok(response);
        }
        if chunked {
            self.read_chunks(&mut response, deadline)?;
        } else if let Some(length) = length {
            let length = length.map_err(|error| NoResponse::Broken(format!("Content-Length: {error}")))?;
            response.body = self.take(length, deadline)?;
            response.raw.extend_from_slice(&response.body);
        } else {
            response.body = self.read_to_end(deadline)?;
            response.raw.extend_from_slice(&response.body);
        }
        Ok(response)
    }

    fn read_chunks(&mut self, response: &mut Response, deadline: Instant) -> Result<(), NoResponse> {
        loop {
            let line = self.take_line(deadline)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16);
            let size = size.map_err(|error| NoResponse::Broken(format!("chunk size {line:?}: {error}")))?;
            let chunk = self.take(size, deadline)?;
            response.body.extend_from_slice(&chunk);
            response.raw.extend_from_slice(&chunk);
            if size > 0 {
                self.take_line(deadline)?;
            } else if self.take_line(deadline)?.is_empty() {
                return Ok(());
            }
        }
    }

    fn take_line(&mut self, deadline: Instant) -> Result<String, NoResponse> {
        loop {
            if let Some(end) = find(&self.received, b"\r\n") {
                let line: Vec<u8> = self.received.drain(..end + 2).take(end).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.fill_inside(deadline)?;
        }
    }

    fn take(&mut self, length: usize, deadline: Instant) -> Result<Vec<u8>, NoResponse> {
        while self.received.len() < length {
            self.fill_inside(deadline)?;
        }
        Ok(self.received.drain(..length).collect())
    }

    fn read_to_end(&mut self, deadline: Instant) -> Result<Vec<u8>, NoResponse> {
        loop {
            match self.fill(deadline) {
                Ok(()) => {}
                Err(NoResponse::Closed) => return Ok(std::mem::take(&mut self.received)),
                Err(other) => return Err(other),
            }
        }
    }

    fn fill_inside(&mut self, deadline: Instant) -> Result<(), NoResponse> {
        match self.fill(deadline) {
            Err(NoResponse::Closed) => Err(self.broken("a body cut short")),
            other => other,
        }
    }

    fn broken(&self, what: &str) -> NoResponse {
        NoResponse::Broken(format!("{what}: {:?}", String::from_utf8_lossy(&self.received)))
    }

    fn fill(&mut self, deadline: Instant) -> Result<(), NoResponse> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NoResponse::TimedOut);
        }
        self.stream.set_read_timeout(Some(left)).expect("a timeout can be set");
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(NoResponse::Closed),
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Err(NoResponse::TimedOut)
            }
            // A child's end may interrupt a read that has a timeout.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && self.received.is_empty() => {
                Err(NoResponse::Closed)
            }
            Err(error) => Err(NoResponse::Broken(error.to_string())),
        }
    }
}

fn parse_head(head: &[u8]) -> Result<(u16, Vec<(String, String)>), NoResponse> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n").take_while(|line| !line.is_empty());
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.strip_prefix("HTTP/1.1 ").or_else(|| status_line.strip_prefix("HTTP/1.0 "));
    let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| NoResponse::Broken(format!("status line {status_line:?}")))?;
    let headers = lines.map(|line| match line.split_once(':') {
        Some((name, value)) => Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned())),
        None => Err(NoResponse::Broken(format!("header line {line:?}"))),
    });
    Ok((status, headers.collect::<Result<_, _>>()?))
}

/// Where `needle` begins.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A request under construction: `app.request("POST", "/path").header("A: b").body("x").send()`.
#[derive(Debug)]
pub struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<Vec<u8>>,
    host: Option<String>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { address, method, target, headers: Vec::new(), host: None, body: None }
    }

    /// Adds a whole header line.
    pub fn header(mut self, line: impl AsRef<[u8]>) -> Self {
        self.headers.push(line.as_ref().to_vec());
        self
    }

    /// Another Host than the listener's address.
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// A body of type application/json, as it stands.
    pub fn json(self, text: impl AsRef<[u8]>) -> Self {
        self.header("Content-Type: application/json").body(text)
    }

    /// The request as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let host = self.host.clone().unwrap_or_else(|| self.address.to_string());
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.target).into_bytes();
        for line in &self.headers {
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\r\n");
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Sends it on a connection of its own.
    #[track_caller]
    pub fn send(&self) -> Response {
        Connection::open(self.address).exchange(&self.bytes(), &self.method)
    }

    /// Sends it and hands over the connection, the answer still to come.
    #[track_caller]
    pub fn start(&self) -> Connection {
        let mut connection = Connection::open(self.address);
        connection.send(&self.bytes());
        connection
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn served(answer: &'static [u8]) -> Result<Response, NoResponse> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).unwrap();
            for byte in answer {
                stream.write_all(&[*byte]).unwrap();
            }
            request[..count].to_vec()
        });
        let mut connection = Request::new(address, "GET", "/").start();
        let response = connection.try_receive("GET", Duration::from_secs(5));
        server.join().unwrap();
        response
    }

    #[test]
    fn answers_are_read_in_every_framing() {
        let response =
            served(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        assert_eq!((response.status, response.text().as_str(), response.header("x-a")), (200, "hi", Some("1")));
        let response =
            served(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!(response.text(), "hi!");
        assert_eq!(served(b"HTTP/1.1 200 OK\r\n\r\nto the end").unwrap().text(), "to the end");
        assert!(served(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().body.is_empty());
    }

    #[test]
    fn broken_answers_are_distinguished() {
        assert!(matches!(served(b""), Err(NoResponse::Closed)));
        assert!(matches!(served(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"), Err(NoResponse::Broken(_))));
        assert!(matches!(served(b"nonsense\r\n\r\n"), Err(NoResponse::Broken(_))));
    }
}

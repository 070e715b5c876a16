//! A stream of messages as its reader has it, byte by byte and event by event.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::find;
use super::event_source::{Event, EventSource};
use super::time::CONDITION_LIMIT;

/// One stream under way.
pub struct EventStream {
    stream: TcpStream,
    /// The head as it came.
    pub head: String,
    /// Bytes that came and were not read.
    wire: Vec<u8>,
    is_chunked: bool,
    /// The body so far.
    pub body: Vec<u8>,
    source: EventSource,
    has_ended: bool,
    was_whole: bool,
}

impl EventStream {
    /// Opens a stream as an `EventSource` does; its head has to come, and to say 200.
    #[track_caller]
    pub fn open(address: SocketAddr, target: &str) -> Self {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
        let stream = Self::send(address, &request);
        assert!(stream.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", stream.head);
        stream
    }

    /// Sends a request and reads the answer's head.
    #[track_caller]
    pub fn send(address: SocketAddr, request: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(request.as_bytes()).expect("a request is taken");
        Self::over(stream)
    }

    /// The same of a connection on which a request was sent.
    #[track_caller]
    pub fn over(stream: TcpStream) -> Self {
        let mut it = Self {
            stream,
            head: String::new(),
            wire: Vec::new(),
            is_chunked: false,
            body: Vec::new(),
            source: EventSource::default(),
            has_ended: false,
            was_whole: false,
        };
        let deadline = Instant::now() + CONDITION_LIMIT;
        let end = loop {
            if let Some(end) = find(&it.wire, b"\r\n\r\n") {
                break end + 4;
            }
            assert!(it.fill(deadline), "no head: {:?}", String::from_utf8_lossy(&it.wire));
        };
        it.head = String::from_utf8(it.wire.drain(..end).collect()).expect("a head is text");
        it.is_chunked = it.head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n");
        it
    }

    /// The next event, if one comes within `limit`.
    pub fn next_within(&mut self, limit: Duration) -> Option<Event> {
        let deadline = Instant::now() + limit;
        loop {
            self.read_what_came();
            if !self.source.events.is_empty() {
                return Some(self.source.events.remove(0));
            }
            if self.has_ended || !self.fill(deadline) {
                return None;
            }
        }
    }

    /// The next message, which has to come.
    #[track_caller]
    pub fn message(&mut self) -> Value {
        let event = self.next_within(CONDITION_LIMIT);
        let event = event.unwrap_or_else(|| {
            let end = String::from_utf8_lossy(&self.body[self.body.len().saturating_sub(300)..]);
            panic!("no message after {} bytes, ended: {}: …{end:?}", self.body.len(), self.has_ended)
        });
        assert_eq!(event.kind, "message", "{event:?}");
        serde_json::from_str(&event.data).expect("data is JSON")
    }

    /// Nothing comes for so long; what came until then is no event.
    #[track_caller]
    pub fn assert_silent(&mut self, time: Duration) {
        let event = self.next_within(time);
        assert_eq!(event, None);
        assert!(!self.has_ended, "it ended");
    }

    /// How long its client waits before it comes back.
    pub fn retry(&mut self) -> Option<u64> {
        let deadline = Instant::now() + CONDITION_LIMIT;
        self.read_what_came();
        while self.source.retry.is_none() && self.fill(deadline) {
            self.read_what_came();
        }
        self.source.retry
    }

    /// Comments so far, after `limit` or with the first.
    pub fn comments_within(&mut self, limit: Duration) -> usize {
        let deadline = Instant::now() + limit;
        self.read_what_came();
        while self.source.comments == 0 && self.fill(deadline) {
            self.read_what_came();
        }
        self.source.comments
    }

    /// Whether it ends within `limit`, in the way that its framing has for it.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        self.read_what_came();
        while self.fill(deadline) {
            self.read_what_came();
        }
        self.has_ended && (!self.is_chunked || self.was_whole)
    }

    /// Reads once, if anything comes before `deadline`.
    fn fill(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || self.has_ended {
            return false;
        }
        self.stream.set_read_timeout(Some(left)).expect("a timeout can be set");
        let mut buffer = vec![0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => {
                self.has_ended = true;
                false
            }
            Ok(count) => {
                self.wire.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                false
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => true,
            Err(_) => {
                self.has_ended = true;
                false
            }
        }
    }

    /// Takes the chunks off.
    fn read_what_came(&mut self) {
        if !self.is_chunked {
            let piece = std::mem::take(&mut self.wire);
            self.source.read(&piece);
            self.body.extend_from_slice(&piece);
            return;
        }
        while let Some(end) = find(&self.wire, b"\r\n") {
            let line = String::from_utf8_lossy(&self.wire[..end]).into_owned();
            let size = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("a chunk's size: {line:?}"));
            let whole = end + 2 + size + 2;
            if self.wire.len() < whole {
                return;
            }
            let chunk: Vec<u8> = self.wire.drain(..whole).collect();
            assert_eq!(&chunk[whole - 2..], b"\r\n", "the end of a chunk");
            if size == 0 {
                self.was_whole = true;
                return;
            }
            let piece = &chunk[end + 2..whole - 2];
            self.source.read(piece);
            self.body.extend_from_slice(piece);
        }
    }

    /// Hangs up.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

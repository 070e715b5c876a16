//! The client on awc, with every limit and timeout set on purpose, and four guards.
//!
//! awc alone would follow redirects with our keys, take a truncated body for a whole one, time only the head, and hand
//! out `100 Continue` as the final answer. Here redirects are off, the caller's deadline covers the whole call, lengths
//! are compared, and an interim answer ends the call *and* its connection pool, since the final answer that follows
//! would be read as the next request's.
//!
//! awc writes header names in lower case; HTTP compares them without case.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, MessageBody, None as NoBody};
use actix_web::dev::fn_service;
use actix_web::error::ParseError;
use actix_web::http::Method as LibraryMethod;
use actix_web::http::header::{HOST, HeaderName, HeaderValue};
use awc::error::{ConnectError, SendRequestError};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::poll_fn;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::answer::{Answer, AnswerHead, no_head};
use super::answer_body::read_body;
use super::awc_connection::{EndSeen, GivingUp, connect};
use super::call::{Call, CallError, Limits, broke_off};
use super::progress::Progress;
use super::room::Room;
use crate::http_message::{Method, Request};
use crate::memory::MemoryBudget;
use crate::outbound::tls_fault::connect_fault;

/// The longest part of a body that is handed to awc at once.
const PIECE_BYTES: usize = 32 << 10;

/// One thread's client with its connection pool.
pub(super) struct AwcClient {
    client: RefCell<awc::Client>,
    tls: Arc<ClientConfig>,
    limits: Limits,
    header_names: HeaderNames,
    end_seen: EndSeen,
    giving_up: GivingUp,
    memory: MemoryBudget,
}

/// The header names that were sent, in the library's type: they are the protocols' own, so there are few, and making one
/// of a text anew costs more than finding it.
#[derive(Default)]
struct HeaderNames(RefCell<Vec<(&'static str, HeaderName)>>);

impl HeaderNames {
    fn get(&self, name: &'static str) -> Option<HeaderName> {
        let mut known = self.0.borrow_mut();
        if let Some((_, known)) = known.iter().find(|(known, _)| *known == name) {
            return Some(known.clone());
        }
        let made = HeaderName::from_bytes(name.as_bytes()).ok()?;
        known.push((name, made.clone()));
        Some(made)
    }
}

impl AwcClient {
    pub(super) fn new(tls: Arc<ClientConfig>, limits: Limits, memory: MemoryBudget) -> Self {
        let end_seen = EndSeen::default();
        let giving_up = GivingUp::default();
        let client = RefCell::new(build(&tls, limits, &end_seen, &giving_up));
        Self { client, tls, limits, header_names: HeaderNames::default(), end_seen, giving_up, memory }
    }

    /// Sends one request and reads the whole answer. `progress` tells meanwhile how far that is.
    pub(super) async fn call(&self, call: Call<'_>, progress: &Rc<Cell<Progress>>) -> Result<Answer, CallError> {
        let (room, max_answer_bytes) = (Room::new(&self.memory, &call), call.max_answer_bytes);
        let Request { method, target, headers, body } = call.request;
        let origin = &call.origin.library;
        let uri = origin.uri(target).ok_or(CallError::Unwritable("the target is not a URI"))?;
        let mut request = self.client.borrow().request(library_method(method), uri).address(call.address);
        let map = request.headers_mut();
        map.insert(HOST, origin.host().clone());
        for (name, value) in headers {
            // Names are the protocols' own, and values were checked for control characters when they were read.
            let header = self.header_names.get(name).zip(HeaderValue::from_maybe_shared(Bytes::from(value)).ok());
            let (name, value) = header.ok_or(CallError::Unwritable("a header cannot be written"))?;
            map.insert(name, value);
        }
        let sending = match body {
            Some(bytes) => {
                let sending = request.send_body(WatchedBody { bytes, progress: Rc::clone(progress) });
                // Boxing the body read its size; the reading that counts comes once there is a connection.
                progress.set(Progress::Unsent);
                sending
            }
            None => {
                // Nothing shows when a request without a body leaves.
                progress.set(Progress::Sent(Instant::now()));
                request.send_body(NoBody::new())
            }
        };
        let mut unread =
            Unread { response: sending.await.map_err(failed)?, giving_up: &self.giving_up, is_read: false };
        let response = &mut unread.response;
        progress.set(Progress::Answering);
        if response.status().is_informational() {
            self.start_afresh();
            return Err(CallError::Broken("the answer was an interim one (1xx)"));
        }
        let head = AnswerHead::read(response.status(), response.headers());
        let next = async || self.next_piece(response, head.chunked).await;
        let body = read_body(&head, max_answer_bytes, room, next).await?;
        unread.is_read = true;
        Ok(head.with_body(body))
    }

    /// The next piece of a body, or `None` at its end.
    ///
    /// The last chunk ends the body before the connection is read again; where TLS was closed properly that cannot be seen, and
    /// the answer's own grammar is what is left to show a cut.
    async fn next_piece(
        &self,
        response: &mut awc::ClientResponse,
        is_chunked: bool,
    ) -> Result<Option<Bytes>, CallError> {
        let next = poll_fn(|context| {
            self.end_seen.set(false);
            response.poll_next_unpin(context)
        });
        match next.await {
            Some(Ok(piece)) => Ok(Some(piece)),
            Some(Err(_)) => Err(CallError::Broken("the connection broke off in the answer's body")),
            None if is_chunked && self.end_seen.get() => Err(CallError::Broken("the answer was cut short")),
            None => Ok(None),
        }
    }

    /// Forgets every pooled connection. Runs before any other task of this thread can take the tainted one.
    fn start_afresh(&self) {
        self.client.replace(build(&self.tls, self.limits, &self.end_seen, &self.giving_up));
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds a client")]
fn build(tls: &Arc<ClientConfig>, limits: Limits, end_seen: &EndSeen, giving_up: &GivingUp) -> awc::Client {
    let (end_seen, giving_up) = (Rc::clone(end_seen), Rc::clone(giving_up));
    let connector = awc::Connector::new()
        .connector(fn_service(move |info| connect(info, Rc::clone(&end_seen), Rc::clone(&giving_up))))
        .rustls_0_23(Arc::clone(tls))
        .timeout(limits.connect_timeout)
        .handshake_timeout(limits.connect_timeout)
        .conn_keep_alive(limits.keep_alive)
        // An address that left DNS is used for ten minutes at most.
        .conn_lifetime(Duration::from_secs(600))
        // Never reached: the limit on calls at once refuses first, where awc would queue in silence.
        .limit(limits.in_flight.saturating_add(1));
    awc::Client::builder().connector(connector).no_default_headers().disable_redirects().disable_timeout().finish()
}

fn library_method(method: Method) -> LibraryMethod {
    match method {
        Method::Post => LibraryMethod::POST,
        Method::Get => LibraryMethod::GET,
        Method::Delete => LibraryMethod::DELETE,
        Method::Put => LibraryMethod::PUT,
    }
}

/// Sorts awc's errors by the two questions that matter: was anything sent, and did an answer begin?
fn failed(error: SendRequestError) -> CallError {
    match error {
        // awc says "disconnected" when the peer closed *instead of answering*: the request was sent.
        SendRequestError::Connect(ConnectError::Disconnected) => {
            CallError::NoAnswer("the connection was closed without an answer")
        }
        SendRequestError::Connect(ConnectError::Timeout) => CallError::NotConnected("connecting timed out".into()),
        SendRequestError::Connect(ConnectError::Io(error)) => CallError::NotConnected(connect_fault(&error)),
        SendRequestError::Connect(error) => CallError::NotConnected(error.to_string()),
        SendRequestError::Url(_) => CallError::Unwritable("the target cannot be called"),
        SendRequestError::Send(error) => broke_off(&error, "the connection broke off while sending"),
        SendRequestError::Response(ParseError::Io(error)) => {
            broke_off(&error, "the connection broke off before the answer")
        }
        SendRequestError::Response(error) => no_head(&error),
        // HTTP/2, tunnels and awc's own timer are never used here.
        SendRequestError::Http(_)
        | SendRequestError::H2(_)
        | SendRequestError::Timeout
        | SendRequestError::TunnelNotSupported
        | SendRequestError::Body(_)
        | SendRequestError::Custom(..)
        | _ => CallError::NoAnswer("the call failed"),
    }
}

/// An answer of which not all was read yet: dropped before, its connection is reset.
struct Unread<'a> {
    response: awc::ClientResponse,
    giving_up: &'a GivingUp,
    is_read: bool,
}

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        if !self.is_read {
            self.giving_up.set(true);
            // With it the connection, unless awc has it back already.
            drop(self.response.take_payload());
            self.giving_up.set(false);
        }
    }
}

/// A body that notes when it is read: from then on something was sent. An empty body is never read, so its request
/// counts as sent from the start.
struct WatchedBody {
    bytes: Bytes,
    progress: Rc<Cell<Progress>>,
}

impl WatchedBody {
    fn note_sent(&self) {
        if matches!(self.progress.get(), Progress::Unsent) {
            self.progress.set(Progress::Sent(Instant::now()));
        }
    }
}

impl MessageBody for WatchedBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        if self.bytes.is_empty() {
            self.note_sent();
        }
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, Self::Error>>> {
        self.note_sent();
        // In pieces: awc copies each into its own buffer, and asks for the next when that is sent.
        let length = self.bytes.len().min(PIECE_BYTES);
        let bytes = self.bytes.split_to(length);
        std::task::Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(bytes)) })
    }
}

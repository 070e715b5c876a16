//! The HTTP client towards the MQ: awc with every limit and timeout set on purpose, and four guards.
//!
//! awc alone would follow redirects with our keys, take a truncated body for a whole one, time only the head, and hand
//! out `100 Continue` as the final answer (reliability notes 2.2). Here redirects are off, one deadline covers the
//! whole exchange, lengths are compared, and an interim answer ends the exchange *and* its connection pool, since the
//! final answer that follows would be read as the next request's.
//!
//! awc writes header names in lower case; HTTP compares them without case.

mod connector;
mod self_test;
mod tls;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::body::{BodySize, MessageBody, None as NoBody};
use actix_web::dev::fn_service;
use actix_web::error::ParseError;
use actix_web::http::header::{
    CONTENT_LENGTH, DATE, HOST, HeaderName, HeaderValue, HttpDate, RETRY_AFTER, TRANSFER_ENCODING,
};
use actix_web::http::uri::{Authority, InvalidUri, PathAndQuery, Scheme, Uri};
use actix_web::http::{Method as HttpMethod, StatusCode};
use awc::error::{ConnectError, SendRequestError};
use bytes::{Bytes, BytesMut};
use connector::{EndSeen, connect};
use futures_util::StreamExt as _;
use futures_util::future::poll_fn;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::http_message::{Method, Request};

pub use self_test::{SelfTestError, self_test};
pub use tls::{TlsError, TlsRoots, client_config};

/// What one client may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time for one TCP connect, and again for one TLS handshake.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept: below the MQ's own idle timeout.
    pub keep_alive: Duration,
    /// Most exchanges at once; one more is refused, never queued.
    pub in_flight: usize,
}

/// One thread's client: pooled connections, not `Send`.
pub struct HttpClient {
    awc: RefCell<awc::Client>,
    tls: Arc<ClientConfig>,
    limits: Limits,
    in_flight: Cell<usize>,
    end_seen: EndSeen,
}

/// Scheme, host and port: where requests are addressed to, and the name that TLS verifies.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// `host:port`.
    pub authority: Authority,
    /// The `Host` header: the authority, without the scheme's own port.
    pub host: HeaderValue,
}

impl Origin {
    /// The origin of an endpoint; IPv6 addresses in brackets.
    ///
    /// # Errors
    /// A host that is no host.
    pub fn new(scheme: Scheme, host: &str, port: u16) -> Result<Self, InvalidUri> {
        let authority = Authority::try_from(format!("{host}:{port}"))?;
        let own = (scheme == Scheme::HTTP && port == 80) || (scheme == Scheme::HTTPS && port == 443);
        let text = if own { host } else { authority.as_str() };
        // An authority is ASCII: it always is a header's value too.
        let host = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        Ok(Self { scheme, authority, host })
    }
}

/// One request and where it goes. Its headers may be signed: it has no `Debug`.
#[expect(missing_debug_implementations, reason = "a signature in a log can be replayed")]
pub struct Call<'a> {
    /// What is sent.
    pub request: Request,
    /// Where to.
    pub origin: &'a Origin,
    /// The address to connect to when no connection is idle.
    pub address: SocketAddr,
    /// The end of the whole exchange.
    pub deadline: Instant,
    /// Most bytes of the answer's body.
    pub max_answer_bytes: usize,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status: never 1xx.
    pub status: StatusCode,
    /// Its `Date`.
    pub date: Option<SystemTime>,
    /// Its `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Its body, of the length it announced.
    pub body: Bytes,
}

/// Why there is no answer that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Too many exchanges at once: nothing was sent.
    #[error("{0} exchanges with the MQ are under way, the limit")]
    Full(usize),
    /// No connection: nothing was sent.
    #[error("{0}")]
    NotConnected(String),
    /// The deadline passed before sending began: nothing was sent.
    #[error("the deadline passed before the request could be sent")]
    TimedOutUnsent,
    /// The deadline passed after sending began.
    #[error("no complete answer came in time")]
    TimedOut,
    /// The answer broke off or is no HTTP.
    #[error("{0}")]
    Broken(&'static str),
    /// The answer is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client with its own connection pool.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, limits: Limits) -> Self {
        let end_seen = EndSeen::default();
        let awc = RefCell::new(build(&tls, limits, &end_seen));
        Self { awc, tls, limits, in_flight: Cell::new(0), end_seen }
    }

    /// Sends one request and reads the whole answer.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`CallError`] tells whether anything was sent.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let _slot = Slot::take(&self.in_flight, self.limits.in_flight)?;
        // A pooled connection would be written to before the timer is looked at.
        if Instant::now() >= call.deadline {
            return Err(CallError::TimedOutUnsent);
        }
        let sending = Rc::new(Cell::new(call.request.body.is_none()));
        let deadline = call.deadline;
        match timeout_at(deadline, self.exchange(call, &sending)).await {
            Ok(result) => result,
            Err(_) if sending.get() => Err(CallError::TimedOut),
            Err(_) => Err(CallError::TimedOutUnsent),
        }
    }

    async fn exchange(&self, call: Call<'_>, sending: &Rc<Cell<bool>>) -> Result<Answer, CallError> {
        let Request { method, target, headers, body } = call.request;
        let uri = uri(call.origin, &target)?;
        let mut request = self.awc.borrow().request(library_method(method), uri).address(call.address);
        let map = request.headers_mut();
        map.insert(HOST, call.origin.host.clone());
        for (name, value) in headers {
            let (name, value) = library_header(name, value)?;
            map.insert(name, value);
        }
        let sent = match body {
            Some(bytes) => {
                let sent = request.send_body(WatchedBody { bytes, sending: Rc::clone(sending) });
                // Boxing the body asked for its size; the question that counts comes once there is a connection.
                sending.set(false);
                sent
            }
            None => request.send_body(NoBody::new()),
        };
        let mut response = sent.await.map_err(failed)?;
        if response.status().is_informational() {
            self.start_afresh();
            return Err(CallError::Broken("the answer was an interim one (1xx)"));
        }
        let status = response.status();
        let text = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let date = text(DATE).and_then(|date| date.parse::<HttpDate>().ok()).map(SystemTime::from);
        let retry_after = text(RETRY_AFTER).and_then(|value| retry_after(value.trim(), date));
        // These have no body whatever they announce.
        let body = if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            Bytes::new()
        } else {
            self.read_body(&mut response, call.max_answer_bytes).await?
        };
        Ok(Answer { status, date, retry_after, body })
    }

    async fn read_body(&self, response: &mut awc::ClientResponse, limit: usize) -> Result<Bytes, CallError> {
        let chunked = response.headers().contains_key(TRANSFER_ENCODING);
        let length = response.headers().get(CONTENT_LENGTH);
        let announced = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_none() && !chunked && response.status().is_success() {
            // awc takes a body that the connection's end delimits for no body.
            return Err(CallError::Broken("the answer has neither a length nor chunks"));
        }
        let mut body = Bytes::new();
        let mut rest = BytesMut::new();
        loop {
            let next = poll_fn(|context| {
                self.end_seen.set(false);
                response.poll_next_unpin(context)
            });
            let Some(chunk) = next.await else { break };
            let chunk = chunk.map_err(|_| CallError::Broken("the connection broke off in the answer's body"))?;
            if body.len() + rest.len() + chunk.len() > limit {
                return Err(CallError::TooLarge(limit));
            }
            if body.is_empty() {
                body = chunk; // nearly every answer is one chunk: no copy
            } else {
                rest.extend_from_slice(&chunk);
            }
        }
        let body = if rest.is_empty() { body } else { [&*body, &*rest].concat().into() };
        // The last chunk ends the body before the connection is read again; where TLS was closed properly that cannot
        // be seen, and the answer's own grammar is what is left to show a cut.
        if announced.is_some_and(|length| length != body.len()) || (chunked && self.end_seen.get()) {
            return Err(CallError::Broken("the answer was cut short"));
        }
        Ok(body)
    }

    /// Forgets every pooled connection. Runs before any other task of this thread can take the tainted one.
    fn start_afresh(&self) {
        self.awc.replace(build(&self.tls, self.limits, &self.end_seen));
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds a client")]
fn build(tls: &Arc<ClientConfig>, limits: Limits, end_seen: &EndSeen) -> awc::Client {
    let end_seen = Rc::clone(end_seen);
    let connector = awc::Connector::new()
        .connector(fn_service(move |info| connect(info, Rc::clone(&end_seen))))
        .rustls_0_23(Arc::clone(tls))
        .timeout(limits.connect_timeout)
        .handshake_timeout(limits.connect_timeout)
        .conn_keep_alive(limits.keep_alive)
        // An address that left DNS is used for ten minutes at most.
        .conn_lifetime(Duration::from_secs(600))
        // Never reached: `Slot` refuses first, where awc would queue in silence.
        .limit(limits.in_flight.saturating_add(1));
    awc::Client::builder().connector(connector).no_default_headers().disable_redirects().disable_timeout().finish()
}

fn library_method(method: Method) -> HttpMethod {
    match method {
        Method::Post => HttpMethod::POST,
        Method::Get => HttpMethod::GET,
        Method::Delete => HttpMethod::DELETE,
    }
}

fn library_header(name: &'static str, value: String) -> Result<(HeaderName, HeaderValue), CallError> {
    // Names are the protocols' own, and values were checked for control characters when they were read.
    let name = HeaderName::from_bytes(name.as_bytes());
    let value = HeaderValue::from_maybe_shared(Bytes::from(value));
    name.ok().zip(value.ok()).ok_or_else(|| CallError::NotConnected("a header cannot be written".into()))
}

fn uri(origin: &Origin, target: &str) -> Result<Uri, CallError> {
    // The target is percent-encoded ASCII from a codec: it always parses.
    let target = PathAndQuery::try_from(target).map_err(|_| CallError::NotConnected("the target is no URI".into()))?;
    let mut parts = actix_web::http::uri::Parts::default();
    parts.scheme = Some(origin.scheme.clone());
    parts.authority = Some(origin.authority.clone());
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|_| CallError::NotConnected("the target is no URI".into()))
}

/// A day: nobody waits longer, and a number without bounds could not be added to a time.
const LONGEST_RETRY_AFTER: u64 = 24 * 3600;

/// Seconds, or a date, which is compared with the answer's own.
fn retry_after(value: &str, date: Option<SystemTime>) -> Option<Duration> {
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)));
    }
    let until = SystemTime::from(value.parse::<HttpDate>().ok()?);
    let wait = date.and_then(|date| until.duration_since(date).ok()).unwrap_or_default();
    Some(wait.clamp(Duration::from_secs(1), Duration::from_secs(LONGEST_RETRY_AFTER)))
}

/// Sorts awc's errors by the one question that matters: was anything sent?
fn failed(error: SendRequestError) -> CallError {
    match error {
        // awc says "disconnected" when the peer closed *instead of answering*: the request was sent.
        SendRequestError::Connect(ConnectError::Disconnected) => {
            CallError::Broken("the connection was closed without an answer")
        }
        SendRequestError::Connect(ConnectError::Timeout) => CallError::NotConnected("connecting timed out".into()),
        SendRequestError::Connect(ConnectError::Io(error)) => CallError::NotConnected(error.to_string()),
        SendRequestError::Connect(error) => CallError::NotConnected(error.to_string()),
        SendRequestError::Url(error) => CallError::NotConnected(error.to_string()),
        SendRequestError::Send(_) => CallError::Broken("the connection broke off while sending"),
        SendRequestError::Response(ParseError::Io(_)) => {
            CallError::Broken("the connection broke off before the answer")
        }
        SendRequestError::Response(_) => CallError::Broken("the answer is not HTTP"),
        // HTTP/2, tunnels and awc's own timer are never used here.
        SendRequestError::Http(_)
        | SendRequestError::H2(_)
        | SendRequestError::Timeout
        | SendRequestError::TunnelNotSupported
        | SendRequestError::Body(_)
        | SendRequestError::Custom(..)
        | _ => CallError::Broken("the exchange failed"),
    }
}

/// One exchange under way.
struct Slot<'a>(&'a Cell<usize>);

impl<'a> Slot<'a> {
    fn take(in_flight: &'a Cell<usize>, limit: usize) -> Result<Self, CallError> {
        if in_flight.get() >= limit {
            return Err(CallError::Full(limit));
        }
        in_flight.set(in_flight.get() + 1);
        Ok(Self(in_flight))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A body that notes when it is asked for: from then on something was sent. An empty body is never asked for, so its
/// request counts as sent from the start.
struct WatchedBody {
    bytes: Bytes,
    sending: Rc<Cell<bool>>,
}

impl MessageBody for WatchedBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        if self.bytes.is_empty() {
            self.sending.set(true);
        }
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, Self::Error>>> {
        self.sending.set(true);
        let bytes = std::mem::take(&mut self.bytes);
        std::task::Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(bytes)) })
    }
}

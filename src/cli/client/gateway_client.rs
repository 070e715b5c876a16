//! One gateway, and how it is asked.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;
use tokio::time::Instant;

use super::error::ClientError;
use super::problem::Problem;
use super::reply::Reply;
use crate::cli::profile_access;
use crate::http_message::{Method, Request};
use crate::memory::MemoryBudget;
use crate::outbound::{Call, CallError, HttpClient, Limits, Origin, look_up};
use crate::signature::Secret;

/// Longest connect to one address, and again one TLS handshake.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Below what the gateway, and most proxies, let a connection idle.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Most requests of one command under way.
const AT_ONCE: usize = 64;
/// Most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 3;
/// A receive's answer may hold 32 messages of the largest kind that MQs take.
const MAX_ANSWER_BYTES: usize = 192 << 20;
const MEMORY: usize = 256 << 20;

/// All but what RFC 3986 leaves alone.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as one segment of a path, or as a value of a query.
pub(in crate::cli) fn segment(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

/// What a gateway is asked.
pub(in crate::cli) struct Asked {
    pub(in crate::cli) method: Method,
    /// Path and query, percent-encoded.
    pub(in crate::cli) target: String,
    /// The body and its type.
    pub(in crate::cli) body: Option<(String, Bytes)>,
    /// From now to the end of the answer.
    pub(in crate::cli) limit: Duration,
}

/// A running gateway. One thread's: it keeps its connections.
pub(in crate::cli) struct GatewayClient {
    origin: Origin,
    client: HttpClient,
    token: Option<Secret>,
    /// What its name stood for when that was last asked and right.
    addresses: RefCell<Vec<SocketAddr>>,
}

impl GatewayClient {
    pub(super) fn new(origin: Origin, tls: Arc<ClientConfig>, token: Option<Secret>) -> Self {
        let limits = Limits { connect_timeout: CONNECT_LIMIT, keep_alive: KEEP_ALIVE, in_flight: AT_ONCE };
        let client = HttpClient::new(tls, limits, MemoryBudget::new(MEMORY));
        Self { origin, client, token, addresses: RefCell::default() }
    }

    /// Where it is, for people.
    pub(in crate::cli) fn url(&self) -> String {
        profile_access::url(&self.origin.address)
    }

    /// GET, for a success.
    pub(in crate::cli) async fn get(&self, target: String, limit: Duration) -> Result<Reply, ClientError> {
        self.ask(Asked { method: Method::Get, target, body: None, limit }).await
    }

    /// POST of JSON, for a success.
    pub(in crate::cli) async fn post(
        &self,
        target: String,
        json: Bytes,
        limit: Duration,
    ) -> Result<Reply, ClientError> {
        let body = Some(("application/json".to_owned(), json));
        self.ask(Asked { method: Method::Post, target, body, limit }).await
    }

    /// Any request, for a success: 2xx.
    pub(in crate::cli) async fn ask(&self, asked: Asked) -> Result<Reply, ClientError> {
        let deadline = Instant::now() + asked.limit;
        let request = self.request(asked);
        let answer = self.send(request, deadline).await?;
        match answer {
            (status @ 200..=299, body) => Ok(Reply { status, body, url: self.url() }),
            (status, body) => Err(match Problem::read(&body) {
                Some(problem) if status >= 400 => ClientError::Refused(Box::new(problem)),
                Some(_) | None => ClientError::Foreign { url: self.url(), status },
            }),
        }
    }

    fn request(&self, asked: Asked) -> Request {
        let mut headers = Vec::with_capacity(4);
        headers.push(("User-Agent", concat!("mq-gateway/", env!("CARGO_PKG_VERSION")).to_owned()));
        headers.push(("Accept", "application/json".to_owned()));
        if let Some(token) = &self.token {
            headers.push(("Authorization", format!("Bearer {}", token.expose())));
        }
        let body = asked.body.map(|(content_type, body)| {
            if !content_type.is_empty() {
                headers.push(("Content-Type", content_type));
            }
            body
        });
        Request { method: asked.method, target: asked.target, headers, body }
    }

    /// To the first address that takes it: another is asked only while nothing was sent.
    async fn send(&self, request: Request, deadline: Instant) -> Result<(u16, Bytes), ClientError> {
        let mut reasons = Vec::new();
        for address in self.addresses().await?.into_iter().take(MOST_ADDRESSES) {
            let call = Call {
                request: request.clone(),
                origin: &self.origin,
                address,
                deadline,
                max_answer_bytes: MAX_ANSWER_BYTES,
                copies: 1,
            };
            match self.client.call(call).await {
                Ok(answer) => return Ok((answer.status, answer.body)),
                Err(CallError::NotConnected(reason)) => reasons.push(reason),
                Err(error @ (CallError::TimedOutUnsent | CallError::Full(_) | CallError::Unwritable(_))) => {
                    reasons.push(error.to_string());
                    break;
                }
                Err(
                    error @ (CallError::TimedOut { .. }
                    | CallError::TimedOutInAnswer
                    | CallError::NoAnswer(_)
                    | CallError::Broken(_)
                    | CallError::TooLarge(_)
                    | CallError::NoMemory(_)),
                ) => return Err(ClientError::NoAnswer { url: self.url(), reason: error.to_string() }),
            }
        }
        // The name may stand for another by now.
        self.addresses.borrow_mut().clear();
        reasons.dedup();
        Err(self.nobody_there(&reasons.join(", ")))
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, ClientError> {
        let known = self.addresses.borrow().clone();
        if !known.is_empty() {
            return Ok(known);
        }
        let host = &self.origin.address.host;
        let found = look_up(host, self.origin.address.port, || ()).await;
        let found = found.map_err(|reason| self.nobody_there(&format!("{host}: {reason}")))?;
        self.addresses.borrow_mut().clone_from(&found);
        Ok(found)
    }

    /// The words on TLS are written for a profile's endpoints.
    fn nobody_there(&self, reason: &str) -> ClientError {
        ClientError::NobodyThere { url: self.url(), reason: reason.replace("in `endpoints`", "in --url") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(segment("orders"), "orders");
        assert_eq!(segment("%DLQ%GID a/b:c"), "%25DLQ%25GID%20a%2Fb%3Ac");
        assert_eq!(segment("订单"), "%E8%AE%A2%E5%8D%95");
    }
}

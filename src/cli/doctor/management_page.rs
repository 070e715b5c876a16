//! Pages of a running gateway's management listener.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::reachable;
use crate::cli::profile_access;
use crate::http_message::{Method, Request};
use crate::memory::MemoryBudget;
use crate::outbound::{Call, CallError, EndpointAddress, HttpClient, Limits, TlsRoots, client_config};

/// The whole of one request.
const LIMIT: Duration = Duration::from_secs(5);
/// A page of metrics has a bound, which many topics move.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// How people write where it is.
pub(super) fn url(listen: SocketAddr) -> String {
    profile_access::url(&endpoint(listen))
}

fn endpoint(listen: SocketAddr) -> EndpointAddress {
    let address = reachable(listen);
    EndpointAddress { tls: false, host: address.ip().to_string(), port: address.port() }
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum PageFailure {
    /// Nothing was sent.
    NobodyThere(String),
    /// What was sent was not answered, or not so that it can be used.
    NoAnswer(String),
}

/// Asks the gateway whose management listener is at `listen` for one page: its status and its body.
pub(super) async fn get(listen: SocketAddr, target: &str) -> Result<(u16, Vec<u8>), PageFailure> {
    let (endpoint, address) = (endpoint(listen), reachable(listen));
    let unusable = |reason: String| PageFailure::NoAnswer(reason);
    let tls = client_config(&TlsRoots::Public).map_err(|error| unusable(error.to_string()))?;
    let origin = endpoint.origin().map_err(|error| unusable(error.to_string()))?;
    let limits = Limits { connect_timeout: LIMIT, keep_alive: LIMIT, in_flight: 1 };
    let client = HttpClient::new(tls, limits, MemoryBudget::new(MAX_ANSWER_BYTES));
    let request = Request { method: Method::Get, target: target.to_owned(), headers: Vec::new(), body: None };
    let (deadline, max_answer_bytes) = (Instant::now() + LIMIT, MAX_ANSWER_BYTES);
    let call = Call { request, origin: &origin, address, deadline, max_answer_bytes, copies: 1 };
    match client.call(call).await {
        Ok(answer) => Ok((answer.status, answer.body.to_vec())),
        Err(CallError::NotConnected(reason)) => Err(PageFailure::NobodyThere(reason)),
        Err(CallError::TimedOutUnsent) => {
            Err(PageFailure::NobodyThere(format!("no answer within {} s", LIMIT.as_secs())))
        }
        Err(
            error @ (CallError::Full(_)
            | CallError::Unwritable(_)
            | CallError::TimedOut { .. }
            | CallError::TimedOutInAnswer
            | CallError::NoAnswer(_)
            | CallError::Broken(_)
            | CallError::TooLarge(_)
            | CallError::NoMemory(_)),
        ) => Err(unusable(error.to_string())),
    }
}

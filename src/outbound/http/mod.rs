//! One HTTP call: a request in, a whole answer out, or the reason why there is none.
//!
//! [`HttpClient`] keeps the limits that hold whatever library sends; the library's types stay in its own file.

mod answer;
mod awc_client;
mod awc_connection;
mod origin;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::http_message::Request;

pub use answer::Answer;
use awc_client::AwcClient;
pub use origin::{EndpointAddress, InvalidHost, Origin};

/// What one client may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time for one TCP connect, and again for one TLS handshake.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept: below the server's own idle timeout.
    pub keep_alive: Duration,
    /// Most calls at once; one more is refused, never queued.
    pub in_flight: usize,
}

/// One thread's client: pooled connections, not `Send`.
pub struct HttpClient {
    library: AwcClient,
    limits: Limits,
    in_flight: Cell<usize>,
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
    /// The end of the whole call.
    pub deadline: Instant,
    /// Most bytes of the answer's body.
    pub max_answer_bytes: usize,
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Too many calls at once: nothing was sent.
    #[error("{0} calls are under way, the limit")]
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
    /// The answer broke off or is not HTTP.
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
        Self { library: AwcClient::new(tls, limits), limits, in_flight: Cell::new(0) }
    }

    /// Sends one request and reads the whole answer.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`CallError`] says whether anything was sent.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let _slot = Slot::take(&self.in_flight, self.limits.in_flight)?;
        let deadline = call.deadline;
        // A pooled connection would be written to before the timer is looked at.
        if Instant::now() >= deadline {
            return Err(CallError::TimedOutUnsent);
        }
        let sent = Rc::new(Cell::new(false));
        match timeout_at(deadline, self.library.call(call, &sent)).await {
            Ok(result) => result,
            Err(_) if sent.get() => Err(CallError::TimedOut),
            Err(_) => Err(CallError::TimedOutUnsent),
        }
    }
}

/// One call under way.
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

//! What is called, within which limits, and why there may be no answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::origin::Origin;
use crate::http_message::Request;
use crate::memory::MemoryFull;
use crate::outbound::tls_fault::proof_of_refusal;
use crate::signature::Secret;

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
    /// How many times the answer's body is held at once until the caller is done with it: 1 for the body itself. Room for
    /// all of them is waited for before the body is read, so that nobody holds one part and waits for the other.
    pub copies: usize,
}

/// One request, and how much its answer's body is worth.
#[expect(missing_debug_implementations, reason = "a signature in a log can be replayed")]
pub struct StatusCall<'a> {
    /// The request, and where it goes; its limit on the answer is one on the body that is kept.
    pub call: Call<'a>,
    /// Headers whose names come from the configuration.
    pub more_headers: &'a [(String, Secret)],
    /// How long the body is waited for once the status is there.
    pub body_patience: Duration,
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Too many calls at once: nothing was sent.
    #[error("{0} calls are under way, which is the limit")]
    Full(usize),
    /// The request cannot be written down: nothing was sent.
    #[error("{0}")]
    Unwritable(&'static str),
    /// No connection, or a server that proves to have taken nothing: see `tls_fault`.
    #[error("{0}")]
    NotConnected(String),
    /// The deadline passed before sending began: nothing was sent.
    #[error("the deadline passed before the request could be sent")]
    TimedOutUnsent,
    /// The deadline passed after sending began, and no answer had begun.
    #[error("no complete answer came in time")]
    TimedOut {
        /// Since sending began; with awc, of a request without a body, since the call began.
        on_the_wire: Duration,
    },
    /// The deadline passed while the answer was coming.
    #[error("no complete answer came in time")]
    TimedOutInAnswer,
    /// The connection ended before an answer began.
    #[error("{0}")]
    NoAnswer(&'static str),
    /// The answer broke off or is not HTTP.
    #[error("{0}")]
    Broken(&'static str),
    /// The answer is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// There was no room for the answer in time: it was not read.
    #[error(transparent)]
    NoMemory(#[from] MemoryFull),
}

/// The request was sent, and nobody answers it: unless the server proves that it took nothing of it.
pub(super) fn broke_off(error: &io::Error, otherwise: &'static str) -> CallError {
    proof_of_refusal(error).map_or(CallError::NoAnswer(otherwise), CallError::NotConnected)
}

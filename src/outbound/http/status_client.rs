//! Calls to servers that are not an MQ: the services that messages are delivered to.
//!
//! The status is the answer: it came, and what is wrong with the body behind it, one without an end, one that is too long or cut
//! short, changes nothing about it: the answer says whether its body is whole. Redirects are not followed and no proxy is taken from
//! the environment, as there is nothing here that would. Every connection goes to the address that the caller chose.

use std::cell::Cell;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::call::{CallError, Limits, StatusCall};
use super::pooled::PooledClient;
use super::progress::Progress;
use super::slot::Slot;
use crate::memory::MemoryBudget;

/// One thread's client for the servers of others: pooled connections, not `Send`.
pub struct StatusClient {
    client: PooledClient,
    limits: Limits,
    in_flight: Cell<usize>,
}

/// Why there is no status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoStatus {
    /// What happened.
    pub error: CallError,
    /// It happened in the TLS handshake.
    pub in_handshake: bool,
}

impl std::fmt::Debug for StatusClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusClient").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl StatusClient {
    /// A client with its own connection pool. What it keeps of bodies is charged to `memory`.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, limits: Limits, memory: MemoryBudget) -> Self {
        Self { client: PooledClient::new(tls, limits, memory), limits, in_flight: Cell::new(0) }
    }

    /// Sends one request. The answer has its body only where that came whole, within the call's limit and in time, and says whether
    /// it did. Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`NoStatus`].
    pub async fn call(&self, call: StatusCall<'_>) -> Result<Answer, NoStatus> {
        let unsent = |error| NoStatus { error, in_handshake: false };
        let _slot = Slot::take(&self.in_flight, self.limits.in_flight).map_err(unsent)?;
        let (now, deadline) = (Instant::now(), call.call.deadline);
        if now >= deadline {
            return Err(unsent(CallError::TimedOutUnsent));
        }
        let progress = Cell::new(Progress::Unsent);
        let result = timeout_at(deadline, self.client.call_for_status(call, now, &progress)).await;
        let in_handshake = matches!(progress.get(), Progress::ShakingHands);
        result.unwrap_or_else(|_| Err(progress.get().timed_out())).map_err(|error| NoStatus { error, in_handshake })
    }
}

//! One HTTP call: a request in, a whole answer out, or the reason why there is none.
//!
//! [`HttpClient`] keeps the limits that hold whoever sends. There are two: awc, and a client of our own for short calls, which
//! are most of the gateway's work. The HTTP libraries' types stay in their files.

mod answer;
mod answer_body;
mod awc_client;
mod awc_connection;
mod call;
mod library_origin;
mod origin;
mod pooled;
mod progress;
mod room;
mod slot;
mod status_client;
mod tcp;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::memory::MemoryBudget;

pub use answer::Answer;
use awc_client::AwcClient;
pub use call::{Call, CallError, Limits, StatusCall};
pub use origin::{EndpointAddress, InvalidHost, Origin};
use pooled::PooledClient;
use progress::Progress;
use slot::Slot;
pub use status_client::{NoStatus, StatusClient};

/// One thread's client: pooled connections, not `Send`.
pub struct HttpClient {
    sender: Sender,
    limits: Limits,
    in_flight: Cell<usize>,
}

/// Who sends.
enum Sender {
    Awc(Box<AwcClient>),
    Pooled(Box<PooledClient>),
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client on awc with its own connection pool: for calls that wait, and those of which there are few. What it reads is
    /// charged to `memory`.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, limits: Limits, memory: MemoryBudget) -> Self {
        Self::of(Sender::Awc(Box::new(AwcClient::new(tls, limits, memory))), limits)
    }

    /// A client for short calls, of which there are many, with its own connection pool. What it reads is charged to `memory`.
    #[must_use]
    pub fn for_short_calls(tls: Arc<ClientConfig>, limits: Limits, memory: MemoryBudget) -> Self {
        Self::of(Sender::Pooled(Box::new(PooledClient::new(tls, limits, memory))), limits)
    }

    fn of(sender: Sender, limits: Limits) -> Self {
        Self { sender, limits, in_flight: Cell::new(0) }
    }

    /// Sends one request and reads the whole answer.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`CallError`] says whether anything was sent, and whether an answer began.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let _slot = Slot::take(&self.in_flight, self.limits.in_flight)?;
        let deadline = call.deadline;
        // A pooled connection would be written to before the timer is looked at.
        let now = Instant::now();
        if now >= deadline {
            return Err(CallError::TimedOutUnsent);
        }
        match &self.sender {
            Sender::Awc(client) => {
                let progress = Rc::new(Cell::new(Progress::Unsent));
                let result = timeout_at(deadline, client.call(call, &progress)).await;
                result.unwrap_or_else(|_| Err(progress.get().timed_out()))
            }
            Sender::Pooled(client) => {
                let progress = Cell::new(Progress::Unsent);
                let result = timeout_at(deadline, client.call(call, now, &progress)).await;
                result.unwrap_or_else(|_| Err(progress.get().timed_out()))
            }
        }
    }
}

//! One HTTP call: a request in, a whole answer out, or the reason why there is none.
//!
//! [`HttpClient`] keeps the limits that hold whatever library sends; the library's types stay in its own file.

mod answer;
mod awc_client;
mod awc_connection;
mod call;
mod library_origin;
mod origin;
mod progress;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::memory::MemoryBudget;

pub use answer::Answer;
use awc_client::AwcClient;
pub use call::{Call, CallError, Limits};
pub use origin::{EndpointAddress, InvalidHost, Origin};
use progress::Progress;

/// One thread's client: pooled connections, not `Send`.
pub struct HttpClient {
    library: AwcClient,
    limits: Limits,
    in_flight: Cell<usize>,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client with its own connection pool; what it reads is charged to `memory`.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, limits: Limits, memory: MemoryBudget) -> Self {
        Self { library: AwcClient::new(tls, limits, memory), limits, in_flight: Cell::new(0) }
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
        if Instant::now() >= deadline {
            return Err(CallError::TimedOutUnsent);
        }
        let progress = Rc::new(Cell::new(Progress::Unsent));
        match timeout_at(deadline, self.library.call(call, &progress)).await {
            Ok(result) => result,
            Err(_) => Err(match progress.get() {
                Progress::Unsent => CallError::TimedOutUnsent,
                Progress::Sent(at) => CallError::TimedOut { on_the_wire: at.elapsed() },
                Progress::Answering => CallError::TimedOutInAnswer,
            }),
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

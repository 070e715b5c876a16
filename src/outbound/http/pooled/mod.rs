//! The client for short calls: publishes and acknowledgements, whose cost is the gateway's cost.
//!
//! A request leaves in one write, its head and its body, on the connection that was used last; an answer is decoded by the HTTP
//! library's codec. One that died while it was idle is noticed before a request is written to it. What the answer means to the
//! limits of a call is as with the other client: both read bodies by the same rules, and the tests hold them to the same verdicts.

mod connection;
mod pool;
mod request_head;
mod stream;

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::Duration;

use actix_http::ServiceConfig;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::answer::Answer;
use super::call::{Call, CallError, Limits, StatusCall};
use super::progress::Progress;
use super::room::Room;
use crate::memory::MemoryBudget;
use connection::Connection;
use pool::Pool;
use stream::Stream;

/// The body of an answer whose status is there is read until so long before the call's deadline.
const STATUS_MARGIN: Duration = Duration::from_millis(10);

/// One thread's client with its connection pool.
pub(super) struct PooledClient {
    tls: Arc<ClientConfig>,
    limits: Limits,
    memory: MemoryBudget,
    pool: Pool,
    /// What the library's codecs share. Made with the first connection, since it comes with a timer.
    config: OnceCell<ServiceConfig>,
}

impl PooledClient {
    pub(super) fn new(tls: Arc<ClientConfig>, limits: Limits, memory: MemoryBudget) -> Self {
        Self { tls, limits, memory, pool: Pool::new(limits.keep_alive), config: OnceCell::new() }
    }

    /// Sends one request at the time `now` and reads the whole answer. `progress` tells meanwhile how far that is.
    /// Dropped before its end, the call closes its connection.
    pub(super) async fn call(
        &self,
        call: Call<'_>,
        now: Instant,
        progress: &Cell<Progress>,
    ) -> Result<Answer, CallError> {
        let endpoint = &call.origin.address;
        let mut connection = self.connect(&call, now, progress).await?;
        connection.send((&call.request, &[]), &call.origin.host_header, progress).await?;
        let room = Room::new(&self.memory, &call);
        let received = connection.receive(call.max_answer_bytes, room, progress).await?;
        if received.is_reusable {
            self.pool.put(endpoint, connection, Instant::now());
        }
        Ok(received.answer)
    }

    /// Sends one request with more headers to a server whose status is the whole answer: of the body, what comes in time and fits
    /// is kept, and nothing that is wrong with it is an error.
    pub(super) async fn call_for_status(
        &self,
        StatusCall { call, more_headers, body_patience }: StatusCall<'_>,
        now: Instant,
        progress: &Cell<Progress>,
    ) -> Result<Answer, CallError> {
        let endpoint = &call.origin.address;
        let mut connection = self.connect(&call, now, progress).await?;
        connection.send((&call.request, more_headers), &call.origin.host_header, progress).await?;
        // Before the caller's own look at the deadline, which would forget the status.
        let deadline = call.deadline.checked_sub(STATUS_MARGIN).unwrap_or(call.deadline);
        let times = (body_patience, deadline);
        let memory = self.memory.charge();
        let received = connection.receive_status(call.max_answer_bytes, times, memory, progress).await?;
        if received.is_reusable {
            self.pool.put(endpoint, connection, Instant::now());
        }
        Ok(received.answer)
    }

    async fn connect(
        &self,
        call: &Call<'_>,
        now: Instant,
        progress: &Cell<Progress>,
    ) -> Result<Box<Connection>, CallError> {
        match self.pool.take(&call.origin.address, now) {
            Some(connection) => Ok(connection),
            // In a box: it is seldom needed, and larger than all else that a call keeps.
            None => Box::pin(self.open(call, progress)).await,
        }
    }

    async fn open(&self, call: &Call<'_>, progress: &Cell<Progress>) -> Result<Box<Connection>, CallError> {
        let limit = self.limits.connect_timeout;
        let stream = Stream::open(&call.origin.address, call.address, &self.tls, limit, progress).await?;
        let config = self.config.get_or_init(ServiceConfig::default).clone();
        Ok(Box::new(Connection::new(stream, Instant::now(), config)))
    }
}

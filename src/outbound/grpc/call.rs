//! What is called, and how far a call has come.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::time::Instant;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};

use super::error::GrpcError;
use crate::signature::Secret;

/// One call. Its metadata may be signed: it has no `Debug`.
#[expect(missing_debug_implementations, reason = "a signature in a log can be replayed")]
pub struct GrpcCall<'a> {
    /// Where in the server, `/package.Service/Method`.
    pub path: &'static str,
    /// Names and values that go with it.
    pub metadata: &'a [(&'static str, String)],
    /// More of them, whose names only the configuration knows, and whose values are secrets.
    pub headers: &'a [(String, Secret)],
    /// Until when there must be an answer.
    pub deadline: Instant,
    /// Tell the server the deadline.
    pub tell_deadline: bool,
    /// Most bytes of one message of the answer.
    pub max_answer_bytes: usize,
}

impl GrpcCall<'_> {
    pub(super) fn request<T>(&self, messages: T) -> Result<Request<T>, GrpcError> {
        let mut request = Request::new(messages);
        let metadata: &mut MetadataMap = request.metadata_mut();
        for (name, value) in self.metadata {
            let value = MetadataValue::try_from(value).map_err(|_| GrpcError::Unwritable(name))?;
            metadata.insert(*name, value);
        }
        for (name, value) in self.headers {
            let unwritable = GrpcError::Unwritable("of the headers that are configured");
            let Ok(name) = MetadataKey::<Ascii>::from_bytes(name.as_bytes()) else { return Err(unwritable) };
            let Ok(mut value) = MetadataValue::try_from(value.expose()) else { return Err(unwritable) };
            value.set_sensitive(true);
            metadata.insert(name, value);
        }
        if self.tell_deadline {
            request.set_timeout(self.deadline.saturating_duration_since(Instant::now()));
        }
        Ok(request)
    }
}

/// When the first message was handed to a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<OnceLock<Instant>>);

impl Progress {
    pub(super) fn was_sent(&self) -> bool {
        self.0.get().is_some()
    }

    pub(super) fn timed_out(&self) -> GrpcError {
        match self.0.get() {
            Some(sent) => GrpcError::TimedOut { on_the_wire: sent.elapsed() },
            None => GrpcError::TimedOutUnsent,
        }
    }
}

/// Messages that are noted when they are taken: the library asks for the first one when a connection has taken the call.
pub(super) struct Outgoing<S> {
    messages: S,
    progress: Progress,
}

impl<S> Outgoing<S> {
    pub(super) fn new(messages: S) -> Self {
        Self { messages, progress: Progress::default() }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl<S: Stream + Unpin> Stream for Outgoing<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.progress.0.get_or_init(Instant::now);
        Pin::new(&mut self.messages).poll_next(context)
    }
}

//! Answers with messages in them, which others get if the caller does not take them.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use crate::gateway::Recall;
use crate::listener::{Connection, Untaken, connection_of};

/// An answer that hands something over: given back when it is dropped before all of it was taken to be written; from then
/// on its connection knows what comes of it (protocol notes ONS 7, item 10).
pub(super) struct Handover<B> {
    body: B,
    /// Bytes that were not taken yet.
    left: u64,
    untaken: Option<Untaken>,
    /// None in tests without one.
    connection: Option<Rc<Connection>>,
}

impl<B: MessageBody> Handover<B> {
    /// `untaken` is what `body`, whose length is known, hands over; `None` where nobody could take it back.
    pub(super) fn new(body: B, untaken: Option<Untaken>, request: &HttpRequest) -> Self {
        let left = match body.size() {
            BodySize::Sized(length) => length,
            BodySize::None | BodySize::Stream => 0,
        };
        Self { body, left, untaken, connection: connection_of(request).cloned() }
    }

    /// As [`new`](Self::new), of what a receive has brought.
    pub(super) fn recalled(body: B, recall: Option<Recall>, request: &HttpRequest) -> Self {
        Self::new(body, recall.map(|recall| Untaken::new(move || recall.give_back())), request)
    }

    /// The HTTP library has the last byte.
    fn hand_over(&mut self) {
        match (self.untaken.take(), &self.connection) {
            (Some(untaken), Some(connection)) => connection.hand_over(untaken),
            (Some(untaken), None) => untaken.taken(),
            (None, _) => {}
        }
    }
}

impl<B: MessageBody + Unpin> MessageBody for Handover<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        if let Some(Ok(piece)) = &next {
            self.left = self.left.saturating_sub(piece.len() as u64);
        }
        if self.left == 0 {
            self.hand_over();
        }
        Poll::Ready(next)
    }
}

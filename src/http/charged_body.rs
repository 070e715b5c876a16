//! Large answers: written in pieces, and charged to the memory budget until the connection has taken them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::pieces::next_piece;
use crate::memory::Charge;

/// An answer that is there as a whole.
pub(super) struct ChargedBody {
    rest: Bytes,
    memory: Charge,
    /// Held as long as `memory`.
    share: Option<Charge>,
}

impl ChargedBody {
    /// `memory` is what was charged for what the text was made of.
    pub(super) fn new(text: impl Into<Bytes>, mut memory: Charge) -> Self {
        let rest = text.into();
        memory.shrink_to(rest.len());
        // Escapes may make it longer than what it was made of.
        memory.cover(rest.len());
        Self { rest, memory, share: None }
    }

    /// Holds this too until all was taken.
    pub(super) fn holding(mut self, share: Charge) -> Self {
        self.share = Some(share);
        self
    }

    /// The length of what is left, in bytes.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    /// The next piece.
    pub(super) fn next_piece(&mut self) -> Option<Bytes> {
        let piece = next_piece(&mut self.rest)?;
        // The pieces share one buffer, which lives until the last of them was taken.
        if self.rest.is_empty() {
            self.memory.shrink_to(0);
            self.share = None;
        }
        Some(piece)
    }
}

impl MessageBody for ChargedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.next_piece().map(Ok))
    }
}

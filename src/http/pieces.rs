//! Answers in pieces.
//!
//! The connection copies what it gets into its own buffer, and takes more once that is written: a slow reader holds two
//! pieces, not the whole answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

/// The length of a piece.
pub(super) const PIECE_BYTES: usize = 16 << 10;

/// Takes the next piece of what is left of a text; `None` at its end.
pub(super) fn next_piece(rest: &mut Bytes) -> Option<Bytes> {
    (!rest.is_empty()).then(|| rest.split_to(PIECE_BYTES.min(rest.len())))
}

/// A large text that is part of the program, or small enough to be held by every caller who asks for it.
pub(super) struct Pieces(Bytes);

impl Pieces {
    pub(super) fn of(text: impl Into<Bytes>) -> Self {
        Self(text.into())
    }
}

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(next_piece(&mut self.0).map(Ok))
    }
}

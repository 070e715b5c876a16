//! The answer that a stream is: an event for each message, for as long as its caller reads.
//!
//! The connection says how much of it the kernel has taken. An event of which that has every byte is its reader's; what is left when the
//! reader is gone was not written, and is given back. While bytes wait, nothing is added to them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::received_body::Format;
use crate::gateway::{GatewayError, MessageStream, StreamEvent, StreamedMessage, Ticket};
use crate::http::event_stream::{PING, event};
use crate::http::pieces::next_piece;
use crate::http::problem::Problem;
use crate::listener::Connection;
use crate::memory::Charge;
use crate::telemetry::{CloseReason, StreamEnd};

/// What an event takes besides its message's body, about.
const ENVELOPE_BYTES: usize = 704;

/// A stream's body.
pub(super) struct StreamBody {
    // Dropped before the stream: what was not written is given back while the stream is still known.
    unwritten: VecDeque<(u64, Ticket)>,
    current: Option<Current>,
    stream: MessageStream,
    options: StreamOptions,
    /// None in tests without one.
    connection: Option<Rc<Connection>>,
    /// What it begins with, until that was given.
    first: Bytes,
    /// What the connection had written when all that was given before was.
    written_before: Option<u64>,
    /// Bytes given since, as they are on the wire.
    given: u64,
    /// Something was given, and nobody has said yet that it was written.
    awaits: bool,
    has_ended: bool,
}

/// How it is written.
#[derive(Debug)]
pub(super) struct StreamOptions {
    pub(super) format: Format,
    /// In chunks, as HTTP/1.1 has it; HTTP/1.0 reads until the end of the connection.
    pub(super) is_chunked: bool,
    pub(super) request_id: Box<str>,
}

/// An event that is given piece by piece.
struct Current {
    rest: Bytes,
    ticket: Option<Ticket>,
    _memory: Option<Charge>,
}

impl StreamBody {
    /// `first` is what it begins with.
    pub(super) fn new(
        stream: MessageStream,
        first: String,
        options: StreamOptions,
        connection: Option<Rc<Connection>>,
    ) -> Self {
        Self {
            unwritten: VecDeque::new(),
            current: None,
            stream,
            options,
            connection,
            first: first.into(),
            written_before: None,
            given: 0,
            awaits: false,
            has_ended: false,
        }
    }

    /// Looks how much was written. Whether more may be given.
    fn look(&mut self) -> bool {
        let Some(connection) = &self.connection else {
            self.unwritten.drain(..).for_each(|(_, ticket)| ticket.written());
            return true;
        };
        let account = connection.stream();
        if account.is_written() {
            self.written_before = Some(account.written());
            self.given = 0;
            self.unwritten.drain(..).for_each(|(_, ticket)| ticket.written());
            if std::mem::take(&mut self.awaits) {
                self.stream.was_read();
            }
            return true;
        }
        // With the first bytes goes the head, whose length nobody says.
        let Some(before) = self.written_before else { return false };
        let written = account.written().saturating_sub(before);
        let whole = self.unwritten.iter().take_while(|(end, _)| *end <= written).count();
        self.unwritten.drain(..whole).for_each(|(_, ticket)| ticket.written());
        !connection.is_blocked()
    }

    /// Gives a part to the HTTP library.
    fn give(&mut self, piece: Bytes) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.given += if self.options.is_chunked { on_the_wire(piece.len()) } else { piece.len() as u64 };
        self.awaits = true;
        if let Some(connection) = &self.connection {
            connection.stream().gave();
        }
        Poll::Ready(Some(Ok(piece)))
    }

    /// The next event; `None` where nothing follows.
    fn next_event(&self, context: &Context<'_>) -> Poll<Option<Current>> {
        Poll::Ready(match ready!(self.stream.poll_next(context)) {
            StreamEvent::Message(message) => Some(self.message(*message)),
            StreamEvent::Failing(error) => Some(self.failing(*error)),
            StreamEvent::Ping => Some(Current { rest: Bytes::from_static(PING), ticket: None, _memory: None }),
            StreamEvent::End(_) => None,
        })
    }

    fn message(&self, message: StreamedMessage) -> Current {
        let StreamedMessage { delivery, handle, mut memory, ticket, .. } = message;
        let mut text = Vec::with_capacity(delivery.body.len() + ENVELOPE_BYTES);
        event(&mut text, None, Some(delivery.message_id.as_str()), |text| {
            self.options.format.write(&delivery, &handle, text);
        });
        memory.shrink_to(text.len());
        // Escapes may make it longer than what it was made of.
        memory.cover(text.len());
        Current { rest: text.into(), ticket: Some(ticket), _memory: Some(memory) }
    }

    /// Receiving fails: whoever wants to know listens for it.
    fn failing(&self, error: GatewayError) -> Current {
        let mut text = Vec::new();
        if let Some(problem) = Problem::from(error).embedded(&self.options.request_id) {
            event(&mut text, Some("problem"), None, |text| text.extend_from_slice(problem.get().as_bytes()));
        } else {
            text.extend_from_slice(PING);
        }
        Current { rest: text.into(), ticket: None, _memory: None }
    }
}

/// The length of a chunk of so many bytes, with what HTTP/1.1 puts around it.
fn on_the_wire(bytes: usize) -> u64 {
    let digits = (usize::BITS - bytes.leading_zeros()).div_ceil(4).max(1);
    u64::from(digits) + 4 + bytes as u64
}

impl MessageBody for StreamBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = &mut *self;
        if !this.first.is_empty() {
            let first = std::mem::take(&mut this.first);
            return this.give(first);
        }
        let may_give = this.look();
        if !may_give && this.current.is_some() {
            return Poll::Pending;
        }
        if this.current.is_none() {
            // Also where nothing may be given: it is to be woken when it shall end.
            if !may_give && !this.stream.stops_now() {
                this.stream.wake_by(context);
                return Poll::Pending;
            }
            let Some(next) = ready!(this.next_event(context)) else {
                if !may_give || this.connection.as_ref().is_none_or(|it| it.stream().is_written()) {
                    this.has_ended = true;
                    return Poll::Ready(None);
                }
                return Poll::Pending;
            };
            this.current = Some(next);
        }
        let Some(current) = &mut this.current else { return Poll::Pending };
        let piece = next_piece(&mut current.rest);
        let ended = if current.rest.is_empty() { this.current.take() } else { None };
        let Some(piece) = piece else { return Poll::Pending };
        let given = this.give(piece);
        if let Some(ticket) = ended.and_then(|current| current.ticket) {
            this.unwritten.push_back((this.given, ticket));
        }
        given
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.look();
        let Some(connection) = &self.connection else { return };
        if !self.has_ended && connection.close_reason() == CloseReason::WriteTimeout {
            self.stream.ends_by(StreamEnd::SlowReader);
        }
        connection.end_stream();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_their_length_before_them() {
        for bytes in [1, 15, 16, 255, 256, 4095, 4096, 16 << 10] {
            let chunk = format!("{bytes:X}\r\n{}\r\n", "x".repeat(bytes));
            assert_eq!(on_the_wire(bytes), chunk.len() as u64);
        }
    }
}

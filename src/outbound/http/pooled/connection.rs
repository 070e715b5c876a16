//! One connection: a request out, its answer in.

use std::cell::Cell;
use std::task::Context;
use std::time::Duration;

use actix_http::ServiceConfig;
use actix_http::h1::{ClientCodec, ClientPayloadCodec, MessageType};
use actix_web::http::StatusCode;
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::Decoder as _;

use super::request_head::write_head;
use super::stream::Stream;
use crate::http_message::Request;
use crate::memory::Charge;
use crate::outbound::http::answer::{Answer, AnswerHead, no_head};
use crate::outbound::http::answer_body::read_body;
use crate::outbound::http::call::{CallError, broke_off};
use crate::outbound::http::progress::Progress;
use crate::outbound::http::room::Room;
use crate::outbound::tls_fault::{ALERT, SpeaksTls};
use crate::signature::Secret;

/// What is read at once, in bytes: nearly every answer is smaller. Of a body, so much may be read before there is room for it.
const READ_BYTES: usize = 4 << 10;

/// Most interim answers before the final one: a server may say that it goes on, and not for ever.
const MAX_INTERIM_ANSWERS: usize = 16;

/// One connection to a server.
pub(super) struct Connection {
    stream: Stream,
    opened: Instant,
    /// What was read and not yet taken.
    unread: BytesMut,
    /// The head of the request under way.
    head: Vec<u8>,
    codec: Codec,
    /// No answer was read yet, and no TLS is spoken.
    may_speak_tls: bool,
}

/// What is read next. The library turns one codec into the other.
enum Codec {
    Head(ClientCodec),
    Body(ClientPayloadCodec),
    /// Only while one is turned into the other.
    Turning,
}

/// An answer, and whether its connection may serve another call.
pub(super) struct Received {
    pub(super) answer: Answer,
    pub(super) is_reusable: bool,
}

impl Connection {
    pub(super) fn new(stream: Stream, opened: Instant, config: ServiceConfig) -> Self {
        let may_speak_tls = matches!(stream, Stream::Plain(_));
        let codec = Codec::Head(ClientCodec::new(config));
        Self { stream, opened, unread: BytesMut::new(), head: Vec::new(), codec, may_speak_tls }
    }

    /// When it was opened.
    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// Whether a request can be written to it: the other side has neither ended it nor said anything unasked.
    pub(super) fn is_alive(&mut self, context: &mut Context<'_>) -> bool {
        !self.stream.has_news(context)
    }

    /// Sends a request, with `more` headers. `progress` tells when something may have left.
    pub(super) async fn send(
        &mut self,
        (request, more): (&Request, &[(String, Secret)]),
        host: &str,
        progress: &Cell<Progress>,
    ) -> Result<(), CallError> {
        self.head.clear();
        write_head(&mut self.head, request, more, host)?;
        progress.set(Progress::Sent(Instant::now()));
        let body = request.body.as_deref().unwrap_or_default();
        let written = self.stream.write(&self.head, body).await;
        written.map_err(|error| broke_off(&error, "the connection broke off while sending"))
    }

    /// Reads the answer to what was sent. Where it is not read to its end, the connection ends with a reset.
    pub(super) async fn receive(
        &mut self,
        limit: usize,
        room: Room,
        progress: &Cell<Progress>,
    ) -> Result<Received, CallError> {
        let (head, keeps_alive) = self.read_head().await?;
        progress.set(Progress::Answering);
        let mut answering = Answering { connection: self, is_read: false };
        let connection = &mut *answering.connection;
        // HTTP/1.0 may end a body with the connection.
        let ends_with_connection = !head.has_an_end();
        let body = read_body(&head, limit, room, async || connection.next_piece(ends_with_connection).await).await?;
        let at_rest = matches!(connection.codec, Codec::Head(_)) && connection.unread.is_empty();
        answering.is_read = true;
        let is_reusable = keeps_alive && at_rest && head.has_an_end();
        Ok(Received { answer: head.with_body(body), is_reusable })
    }

    /// Reads the answer's head, and of its body what comes within `patience`, before `deadline`, and fits into `limit`: the status is
    /// the answer, and a body without an end changes nothing about it. Where the body is not read to its end, none is given, the
    /// answer says so, and the connection ends with a reset.
    pub(super) async fn receive_status(
        &mut self,
        limit: usize,
        (patience, deadline): (Duration, Instant),
        mut memory: Charge,
        progress: &Cell<Progress>,
    ) -> Result<Received, CallError> {
        let (head, keeps_alive) = self.read_head().await?;
        progress.set(Progress::Answering);
        let deadline = deadline.min(Instant::now() + patience);
        let mut answering = Answering { connection: self, is_read: false };
        let connection = &mut *answering.connection;
        let ends_with_connection = !head.has_an_end();
        let mut body = BytesMut::new();
        let is_whole = head.is_bodiless()
            || timeout_at(deadline, connection.read_at_most(limit, ends_with_connection, &mut body, &mut memory))
                .await
                .unwrap_or(false);
        let at_rest = matches!(connection.codec, Codec::Head(_)) && connection.unread.is_empty();
        answering.is_read = is_whole;
        if !is_whole {
            body.clear();
        }
        let is_reusable = keeps_alive && at_rest && is_whole && head.has_an_end();
        let mut answer = head.with_body((body.freeze(), memory));
        answer.is_whole = is_whole;
        Ok(Received { answer, is_reusable })
    }

    /// Reads a body of at most `limit` bytes, for which there is memory; whether that was all of it.
    async fn read_at_most(
        &mut self,
        limit: usize,
        ends_with_connection: bool,
        body: &mut BytesMut,
        memory: &mut Charge,
    ) -> bool {
        // Behind HTTP/1.1 the library reads no body that announces no end, as there may be one.
        let is_unseen = ends_with_connection && matches!(self.codec, Codec::Head(_));
        loop {
            let piece = if is_unseen { self.rest().await } else { self.next_piece(ends_with_connection).await };
            match piece {
                Ok(Some(piece)) => {
                    if body.len() + piece.len() > limit || memory.grow(piece.len()).is_err() {
                        return false;
                    }
                    body.extend_from_slice(&piece);
                }
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// The final answer's head, and whether the server keeps the connection. Interim answers are passed over (RFC 9110, section
    /// 15.2).
    async fn read_head(&mut self) -> Result<(AnswerHead, bool), CallError> {
        for _ in 0..=MAX_INTERIM_ANSWERS {
            let head = loop {
                if let Codec::Head(codec) = &mut self.codec
                    && !self.unread.is_empty()
                    && let Some(head) = codec.decode(&mut self.unread).map_err(|error| no_head(&error))?
                {
                    break head;
                }
                self.read_before_the_answer().await?;
            };
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(CallError::Broken("the server switched to another protocol, which it was not asked for"));
            }
            self.turn_to_body();
            if !head.status.is_informational() {
                return Ok((AnswerHead::read(head.status, head.headers()), head.keep_alive()));
            }
            if matches!(self.codec, Codec::Body(_)) {
                return Err(CallError::Broken("an interim answer (1xx) has a body"));
            }
        }
        Err(CallError::Broken("the server sent interim answers (1xx) only"))
    }

    async fn read_before_the_answer(&mut self) -> Result<(), CallError> {
        let read = self.read().await;
        let read = read.map_err(|error| broke_off(&error, "the connection broke off before the answer"))?;
        if read == 0 {
            return Err(CallError::NoAnswer("the connection was closed without an answer"));
        }
        // A server that speaks TLS where it was not spoken to in TLS answers with an alert.
        if std::mem::take(&mut self.may_speak_tls) && self.unread.starts_with(&ALERT) {
            return Err(CallError::NotConnected(SpeaksTls.to_string()));
        }
        Ok(())
    }

    /// The next piece of the body, or `None` at its end.
    async fn next_piece(&mut self, ends_with_connection: bool) -> Result<Option<Bytes>, CallError> {
        const BROKE_OFF: CallError = CallError::Broken("the connection broke off in the answer's body");
        loop {
            let Codec::Body(codec) = &mut self.codec else { return Ok(None) };
            match codec.decode(&mut self.unread).map_err(|_| BROKE_OFF)? {
                Some(Some(piece)) => return Ok(Some(piece)),
                Some(None) => {
                    self.turn_to_head();
                    return Ok(None);
                }
                None => {}
            }
            if self.read().await.map_err(|_| BROKE_OFF)? == 0 {
                let cut_short = CallError::Broken("the answer was cut short");
                return if ends_with_connection { Ok(None) } else { Err(cut_short) };
            }
        }
    }

    /// The next piece of whatever comes until the connection ends, or `None` at its end.
    async fn rest(&mut self) -> Result<Option<Bytes>, CallError> {
        let broke_off = |_| CallError::Broken("the connection broke off in the answer's body");
        if self.unread.is_empty() && self.read().await.map_err(broke_off)? == 0 {
            return Ok(None);
        }
        Ok(Some(self.unread.split().freeze()))
    }

    async fn read(&mut self) -> std::io::Result<usize> {
        self.unread.reserve(READ_BYTES);
        self.stream.read(&mut self.unread).await
    }

    /// A head was read: its body is next, where it has one.
    fn turn_to_body(&mut self) {
        let has_body = |codec: &ClientCodec| codec.message_type() != MessageType::None;
        if matches!(&self.codec, Codec::Head(codec) if has_body(codec))
            && let Codec::Head(codec) = std::mem::replace(&mut self.codec, Codec::Turning)
        {
            self.codec = Codec::Body(codec.into_payload_codec());
        }
    }

    /// A body was read to its end: a head is next.
    fn turn_to_head(&mut self) {
        if matches!(self.codec, Codec::Body(_))
            && let Codec::Body(codec) = std::mem::replace(&mut self.codec, Codec::Turning)
        {
            self.codec = Codec::Head(codec.into_message_codec());
        }
    }
}

/// A connection whose answer has begun: dropped before that was read, it is reset.
struct Answering<'a> {
    connection: &'a mut Connection,
    is_read: bool,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        if !self.is_read {
            self.connection.stream.reset_when_dropped();
        }
    }
}

//! Reads a request's body: at most so many bytes, in so much time, and not too slowly. Every listener reads here.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use crate::config::LimitsConfig;
use crate::listener::connection_of;
use crate::memory::{Charge, MemoryFull, SMALL_BYTES};
use crate::telemetry::CloseReason;

/// How long a body may take before its rate counts; half of `body_timeout` where that is less.
const GRACE: Duration = Duration::from_secs(5);

/// What is read of a body that nobody wants, so that its connection can be kept.
const DISCARDED_BYTES: usize = 64 << 10;
/// How long the rest of such a body may take.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// It is encoded, where bodies are taken as they are only.
    #[error("Content-Encoding is not supported: send the body as it is, without this header")]
    EncodingNotSupported,
    /// It is longer than allowed; `actual` is what `Content-Length` announces, where it does.
    #[error("the request body is larger than {limit} bytes (server.limits.body_bytes): send less")]
    TooLarge { limit: usize, actual: Option<usize> },
    /// It is cut into chunks so small, or with so much beside them, that its framing is out of proportion.
    #[error(
        "the chunks of the request body have {actual} bytes of sizes, extensions and trailers, the limit for this body is \
         {limit}: send larger chunks, or Content-Length"
    )]
    TooMuchFraming { limit: usize, actual: usize },
    /// It did not come in this time.
    #[error("the request body did not arrive within {} s: send it faster", .0.as_secs_f64())]
    Late(Duration),
    /// It came slower than so many bytes a second.
    #[error("the request body came slower than {0} bytes a second: send it without pauses")]
    Slow(usize),
    /// There is no room for it in the memory budget.
    #[error("{0}: send it again after Retry-After")]
    NoMemory(#[from] MemoryFull),
    /// The caller went away or sent broken framing; perhaps nobody reads the answer.
    #[error("the body broke off or is framed wrongly")]
    Broken,
}

/// How fast bodies have to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    total: Duration,
    grace: Duration,
    /// Bytes a second; 0 for any.
    rate: usize,
}

impl Pace {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        let total = limits.body_timeout;
        Self { total, grace: GRACE.min(total / 2), rate: limits.min_body_rate }
    }

    /// How long after its start the next bytes have to be there, when so many have come.
    fn time_allowed(self, received: usize) -> (Duration, CloseReason) {
        let rated = (self.rate > 0).then(|| {
            let nanos = u128::try_from(received).unwrap_or(u128::MAX).saturating_mul(1_000_000_000);
            let nanos = nanos / u128::try_from(self.rate).unwrap_or(1);
            self.grace.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
        });
        match rated {
            Some(rated) if rated < self.total => (rated, CloseReason::BodyRate),
            Some(_) | None => (self.total, CloseReason::BodyTimeout),
        }
    }
}

/// Refuses a body that is not sent as it is.
pub(super) fn check_encoding(request: &HttpRequest) -> Result<(), BodyError> {
    if request.headers().contains_key(CONTENT_ENCODING) { Err(BodyError::EncodingNotSupported) } else { Ok(()) }
}

/// The whole body, charged to `memory` as it is read.
///
/// # Errors
/// [`BodyError::TooLarge`] before reading when the length is announced, or as soon as it is passed; [`BodyError::Late`]
/// and [`BodyError::Slow`] when it does not keep `pace`; [`BodyError::NoMemory`] when the budget is used up: what was read
/// of it is given back then.
pub(super) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
    pace: Pace,
    memory: &mut Charge,
) -> Result<Bytes, BodyError> {
    let length = request.headers().get(CONTENT_LENGTH);
    let announced = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLarge { limit, actual: announced });
    }
    let mut pieces = Pieces { request, payload, pace, started: None, received: 0 };
    // Nearly every body is one piece, which is passed on without a copy.
    let Some(first) = pieces.next().await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(BodyError::TooLarge { limit, actual: announced });
    }
    memory.grow(first.len())?;
    let Some(second) = pieces.next().await? else { return Ok(first) };
    // Room for what has come, not for what was announced: a promise costs its caller nothing.
    let room = (first.len() + second.len()).max(2048) * 2;
    let mut body = BytesMut::with_capacity(announced.map_or(room, |announced| announced.min(room)));
    memory.grow(body.capacity().saturating_sub(memory.bytes()))?;
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if body.len() + piece.len() > limit {
            return Err(BodyError::TooLarge { limit, actual: announced });
        }
        let wanted = body.len() + piece.len();
        if wanted > body.capacity() {
            // The room doubles as the body grows, up to the announced length; it is charged before it is taken.
            let doubled = body.capacity() * 2;
            let room = announced.map_or(doubled, |announced| announced.min(doubled)).max(wanted);
            // What is small does not become large by the room that it may need.
            let room = if wanted <= SMALL_BYTES { room.min(SMALL_BYTES) } else { room };
            memory.grow(room.saturating_sub(memory.bytes()))?;
            let mut larger = BytesMut::with_capacity(room);
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&piece);
        next = pieces.next().await?;
    }
    Ok(body.freeze())
}

/// Reads the rest of a small body that nobody wants. `false` where it is larger, slower, or broke off: its connection
/// cannot be kept then. A refusal that comes after the whole request, on a connection that stays, is the one that every
/// client understands: some take an early one for a broken connection.
pub(super) async fn discard(request: &HttpRequest, payload: &mut Payload) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > DISCARDED_BYTES) {
        return false;
    }
    let pace = Pace { total: DISCARD_TIME, grace: DISCARD_TIME, rate: 0 };
    let mut pieces = Pieces { request, payload, pace, started: None, received: 0 };
    loop {
        match pieces.next().await {
            Ok(None) => return true,
            Ok(Some(_)) if pieces.received <= DISCARDED_BYTES => {}
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

/// One body as it comes.
struct Pieces<'a> {
    request: &'a HttpRequest,
    payload: &'a mut Payload,
    pace: Pace,
    /// Since when it is waited for; not at all while everything is there.
    started: Option<Instant>,
    received: usize,
}

impl Pieces<'_> {
    /// The next piece; a timer is made only when it is not there already.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let next = match self.payload.next().now_or_never() {
            Some(next) => next,
            None => {
                if let Some(connection) = connection_of(self.request) {
                    connection.body_is_awaited();
                }
                let started = *self.started.get_or_insert_with(Instant::now);
                let (time, reason) = self.pace.time_allowed(self.received);
                match tokio::time::timeout_at(started + time, self.payload.next()).await {
                    Ok(next) => next,
                    Err(_) => return Err(self.too_slow(reason)),
                }
            }
        };
        match next {
            Some(Ok(piece)) => {
                self.received += piece.len();
                Ok(Some(piece))
            }
            Some(Err(_)) => {
                let excess = connection_of(self.request).and_then(|connection| connection.excessive_framing());
                Err(excess.map_or(BodyError::Broken, |(limit, actual)| BodyError::TooMuchFraming {
                    limit: usize::try_from(limit).unwrap_or(usize::MAX),
                    actual: usize::try_from(actual).unwrap_or(usize::MAX),
                }))
            }
            None => {
                if let Some(connection) = connection_of(self.request) {
                    connection.body_was_read();
                }
                Ok(None)
            }
        }
    }

    fn too_slow(&self, reason: CloseReason) -> BodyError {
        if let Some(connection) = connection_of(self.request) {
            connection.will_close_for(reason);
        }
        if reason == CloseReason::BodyRate { BodyError::Slow(self.pace.rate) } else { BodyError::Late(self.pace.total) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_allowed_grows_with_what_has_come() {
        let seconds = Duration::from_secs;
        let pace = Pace { total: seconds(10), grace: seconds(5), rate: 1024 };
        assert_eq!(pace.time_allowed(0), (seconds(5), CloseReason::BodyRate));
        assert_eq!(pace.time_allowed(2048), (seconds(7), CloseReason::BodyRate));
        assert_eq!(pace.time_allowed(5 * 1024), (seconds(10), CloseReason::BodyTimeout));
        assert_eq!(pace.time_allowed(usize::MAX), (seconds(10), CloseReason::BodyTimeout));
        assert_eq!(Pace { rate: 0, ..pace }.time_allowed(0), (seconds(10), CloseReason::BodyTimeout));
    }
}

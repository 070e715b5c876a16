//! Reads a request's body: at most so many bytes, in so much time, and not too slowly. Every listener reads here.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use crate::config::LimitsConfig;
use crate::listener::connection_of;
use crate::memory::{Charge, MemoryFull, SMALL_BYTES};
use crate::telemetry::CloseReason;

/// How long a body may take before its rate counts; half of `body_timeout` where that is less.
const GRACE: Duration = Duration::from_secs(5);

/// A large body is collected in blocks of this size; what fits into one counts as small.
const BLOCK_BYTES: usize = SMALL_BYTES;
/// The room that a body has at first, where its length is not known.
const FIRST_ROOM: usize = 4096;

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
    /// It came more slowly than so many bytes a second.
    #[error("the request body came more slowly than {0} bytes a second: send it without pauses")]
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

/// Refuses a body that is not sent as it is; `identity` says that it is.
pub(super) fn check_encoding(request: &HttpRequest) -> Result<(), BodyError> {
    let is_identity = |value: &HeaderValue| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
    };
    if request.headers().get_all(CONTENT_ENCODING).all(is_identity) {
        Ok(())
    } else {
        Err(BodyError::EncodingNotSupported)
    }
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
    let mut body = Collected::new(announced, memory);
    body.append(&first)?;
    drop(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if body.length + piece.len() > limit {
            return Err(BodyError::TooLarge { limit, actual: announced });
        }
        body.append(&piece)?;
        drop(piece);
        next = pieces.next().await?;
    }
    Ok(body.finish())
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

/// What has come of a body, in blocks of one size: bodies that grow side by side and end at any length leave no holes behind that
/// only others of the same length fit into. There is room for what has come, not for what was announced: a promise costs its
/// caller nothing.
struct Collected<'a> {
    /// Full but for the last one.
    blocks: Vec<BytesMut>,
    length: usize,
    announced: Option<usize>,
    /// Holds the blocks' sizes.
    memory: &'a mut Charge,
}

impl<'a> Collected<'a> {
    /// `memory` may hold something of it already.
    fn new(announced: Option<usize>, memory: &'a mut Charge) -> Self {
        Self { blocks: Vec::new(), length: 0, announced, memory }
    }

    /// Copies the next bytes.
    fn append(&mut self, bytes: &[u8]) -> Result<(), MemoryFull> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.blocks.last().is_none_or(|last| last.len() == last.capacity()) {
                self.make_room(rest.len())?;
            }
            let Some(last) = self.blocks.last_mut() else { break };
            let (now, later) = rest.split_at(rest.len().min(last.capacity() - last.len()));
            last.extend_from_slice(now);
            self.length += now.len();
            rest = later;
        }
        Ok(())
    }

    /// Room for some of `wanted` bytes, charged before it is taken. The first block doubles as the body grows.
    fn make_room(&mut self, wanted: usize) -> Result<(), MemoryFull> {
        let to_come = self.announced.map_or(usize::MAX, |announced| announced.saturating_sub(self.length).max(wanted));
        let first = match self.blocks.as_mut_slice() {
            [] => Some(BytesMut::new()),
            [first] if first.len() < BLOCK_BYTES => Some(std::mem::take(first)),
            _ => None,
        };
        let Some(first) = first else {
            let room = BLOCK_BYTES.min(to_come);
            self.memory.grow(room)?;
            self.blocks.push(BytesMut::with_capacity(room));
            return Ok(());
        };
        let needed = first.len() + wanted;
        let room = (needed * 2).max(FIRST_ROOM).min(first.len().saturating_add(to_come)).min(BLOCK_BYTES);
        self.memory.grow(room.saturating_sub(self.memory.bytes()))?;
        let mut larger = BytesMut::with_capacity(room);
        larger.extend_from_slice(&first);
        self.blocks = vec![larger];
        Ok(())
    }

    /// The body in one piece. Its blocks go one by one as it is made.
    fn finish(mut self) -> Bytes {
        if self.blocks.len() == 1 {
            return self.blocks.pop().unwrap_or_default().freeze();
        }
        let mut whole = BytesMut::with_capacity(self.length);
        for block in self.blocks {
            whole.extend_from_slice(&block);
        }
        self.memory.shrink_to(self.length);
        whole.freeze()
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
        let mut next = self.payload.next().now_or_never();
        if next.is_none() && connection_of(self.request).is_some_and(|connection| connection.body_is_next()) {
            // Nobody is to be woken: the HTTP library goes on at once. A look with a waker would make it wake itself, and look
            // at everything once more for nothing.
            let mut is_first = true;
            poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }).await;
            next = self.payload.next().now_or_never();
        }
        let next = match next {
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
    use proptest::prelude::*;

    use super::*;
    use crate::memory::MemoryBudget;

    proptest! {
        /// However it comes, the body is what came, and the charge is what it takes, and a block more at most.
        #[test]
        fn a_body_is_what_came(sizes in prop::collection::vec(0_usize..100_000, 2..8), knows_length in any::<bool>()) {
            let sent: Vec<u8> = (0..sizes.iter().sum()).map(|index: usize| u8::try_from(index % 251).unwrap()).collect();
            let budget = MemoryBudget::new(4 << 20);
            let mut memory = budget.charge();
            let mut body = Collected::new(knows_length.then_some(sent.len()), &mut memory);
            let mut rest = sent.as_slice();
            for size in sizes {
                let (piece, later) = rest.split_at(size);
                body.append(piece).unwrap();
                rest = later;
                let held: usize = body.blocks.iter().map(BytesMut::capacity).sum();
                prop_assert!(body.memory.bytes() >= held, "{} {held}", body.memory.bytes());
                prop_assert!(held < body.length + BLOCK_BYTES.max(2 * FIRST_ROOM), "{held} {}", body.length);
            }
            prop_assert_eq!(body.finish(), sent.as_slice());
            if sent.len() <= SMALL_BYTES {
                prop_assert!(memory.bytes() <= SMALL_BYTES);
            }
        }
    }

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

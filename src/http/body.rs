//! Reads a request's body: at most so many bytes, in so much time, and not too slowly.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use super::problem::{Code, Problem};
use crate::config::LimitsConfig;
use crate::listener;
use crate::telemetry::CloseReason;

/// How long a body may take before its rate counts; half of `body_timeout` where that is less.
const GRACE: Duration = Duration::from_secs(5);

/// How fast bodies have to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    whole: Duration,
    grace: Duration,
    /// Bytes a second; 0 for any.
    rate: usize,
}

impl Pace {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        let whole = limits.body_timeout;
        Self { whole, grace: GRACE.min(whole / 2), rate: limits.min_body_rate }
    }

    /// How long after its start the next bytes have to be there, when so many have come.
    fn patience(self, received: usize) -> (Duration, CloseReason) {
        let rated = (self.rate > 0).then(|| {
            let nanos = u128::try_from(received).unwrap_or(u128::MAX).saturating_mul(1_000_000_000);
            let nanos = nanos / u128::try_from(self.rate).unwrap_or(1);
            self.grace.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
        });
        match rated {
            Some(rated) if rated < self.whole => (rated, CloseReason::BodyRate),
            Some(_) | None => (self.whole, CloseReason::BodyTimeout),
        }
    }
}

/// One body on its way.
pub(super) struct Arrival<'a> {
    request: &'a HttpRequest,
    payload: &'a mut Payload,
    pace: Pace,
    /// Since when it is waited for; not at all while everything is there.
    started: Option<Instant>,
    received: usize,
}

/// Why a body did not come.
pub(super) enum NotArrived {
    /// The caller went away or sent broken framing.
    Broken,
    /// Its deadline passed.
    Late(Duration),
    /// It came too slowly.
    Slow(usize),
}

impl<'a> Arrival<'a> {
    pub(super) fn new(request: &'a HttpRequest, payload: &'a mut Payload, pace: Pace) -> Self {
        Self { request, payload, pace, started: None, received: 0 }
    }

    /// The next piece; a timer is made only when it is not there already.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, NotArrived> {
        let next = match self.payload.next().now_or_never() {
            Some(next) => next,
            None => {
                let started = *self.started.get_or_insert_with(Instant::now);
                let (patience, reason) = self.pace.patience(self.received);
                match tokio::time::timeout_at(started + patience, self.payload.next()).await {
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
            Some(Err(_)) => Err(NotArrived::Broken),
            None => {
                if let Some(connection) = listener::of(self.request) {
                    connection.body_was_read(self.received);
                }
                Ok(None)
            }
        }
    }

    fn too_slow(&self, reason: CloseReason) -> NotArrived {
        if let Some(connection) = listener::of(self.request) {
            connection.note(reason);
        }
        if reason == CloseReason::BodyRate {
            NotArrived::Slow(self.pace.rate)
        } else {
            NotArrived::Late(self.pace.whole)
        }
    }
}

/// The whole body.
///
/// # Errors
/// 413 before reading when the length is announced, or as soon as it is passed; 408 when it comes too slowly; 415 for
/// any content encoding.
pub(super) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
    pace: Pace,
) -> Result<Bytes, Problem> {
    let headers = request.headers();
    if headers.contains_key(CONTENT_ENCODING) {
        let detail = "Content-Encoding is not supported: send the body as it is, without this header";
        return Err(Problem::new(Code::UnsupportedMediaType, detail).closing());
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(actual) = announced.filter(|actual| *actual > limit) {
        return Err(too_large(limit, Some(actual)));
    }
    let mut arrival = Arrival::new(request, payload, pace);
    // Nearly every body is one chunk, which is passed on without a copy.
    let Some(first) = arrival.next().await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(too_large(limit, announced));
    }
    let Some(second) = arrival.next().await? else { return Ok(first) };
    // Room for what has come, not for what was announced: a promise costs its caller nothing.
    let room = (first.len() + second.len()).max(2048) * 2;
    let mut body = BytesMut::with_capacity(announced.map_or(room, |announced| announced.min(room)));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit, announced));
        }
        body.extend_from_slice(&chunk);
        next = arrival.next().await?;
    }
    Ok(body.freeze())
}

impl From<NotArrived> for Problem {
    fn from(reason: NotArrived) -> Self {
        let (code, detail) = match reason {
            // Perhaps nobody reads the answer.
            NotArrived::Broken => (Code::MalformedJson, "the body broke off or is framed wrongly".to_owned()),
            NotArrived::Late(limit) => {
                let seconds = limit.as_secs_f64();
                (Code::RequestTimeout, format!("the request body did not arrive within {seconds} s: send it faster"))
            }
            NotArrived::Slow(rate) => {
                let detail = format!("the request body came slower than {rate} bytes a second: send it without pauses");
                (Code::RequestTimeout, detail)
            }
        };
        Self::new(code, detail).closing()
    }
}

fn too_large(limit: usize, actual: Option<usize>) -> Problem {
    let detail = format!("the request body is larger than {limit} bytes (server.limits.body_bytes): send less");
    Problem::over(Code::MessageTooLarge, detail, limit, actual).closing()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_what_has_come() {
        let seconds = Duration::from_secs;
        let pace = Pace { whole: seconds(10), grace: seconds(5), rate: 1024 };
        assert_eq!(pace.patience(0), (seconds(5), CloseReason::BodyRate));
        assert_eq!(pace.patience(2048), (seconds(7), CloseReason::BodyRate));
        assert_eq!(pace.patience(5 * 1024), (seconds(10), CloseReason::BodyTimeout));
        assert_eq!(pace.patience(usize::MAX), (seconds(10), CloseReason::BodyTimeout));
        assert_eq!(Pace { rate: 0, ..pace }.patience(0), (seconds(10), CloseReason::BodyTimeout));
    }
}

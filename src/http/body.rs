//! Reads a request's body: at most so many bytes, in so much time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use super::problem::{Code, Problem};

/// The whole body.
///
/// # Errors
/// 413 before reading when the length is announced, or as soon as it is passed; 408 when it comes too slowly; 415 for
/// any content encoding.
pub(super) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
    time_limit: Duration,
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
    let mut end = None;
    // Nearly every body is one chunk, which is passed on without a copy.
    let Some(first) = next_chunk(payload, &mut end, time_limit).await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(too_large(limit, announced));
    }
    let Some(second) = next_chunk(payload, &mut end, time_limit).await? else { return Ok(first) };
    let mut body = BytesMut::with_capacity(announced.unwrap_or((first.len() + second.len()) * 2));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit, announced));
        }
        body.extend_from_slice(&chunk);
        next = next_chunk(payload, &mut end, time_limit).await?;
    }
    Ok(body.freeze())
}

/// The next piece; a timer is made only when it is not there already.
async fn next_chunk(
    payload: &mut Payload,
    end: &mut Option<Instant>,
    time_limit: Duration,
) -> Result<Option<Bytes>, Problem> {
    let next = match payload.next().now_or_never() {
        Some(next) => next,
        None => {
            let end = *end.get_or_insert_with(|| Instant::now() + time_limit);
            match tokio::time::timeout_at(end, payload.next()).await {
                Ok(next) => next,
                Err(_) => return Err(too_slow(time_limit)),
            }
        }
    };
    // The caller went away or sent broken framing: perhaps nobody reads the answer.
    next.transpose().map_err(|_| Problem::new(Code::MalformedJson, "the body broke off or is framed wrongly").closing())
}

fn too_large(limit: usize, actual: Option<usize>) -> Problem {
    let detail = format!("the request body is larger than {limit} bytes (server.limits.body_bytes): send less");
    Problem::over(Code::MessageTooLarge, detail, limit, actual).closing()
}

fn too_slow(limit: Duration) -> Problem {
    let detail = format!("the request body did not arrive within {} s: send it without pauses", limit.as_secs());
    Problem::new(Code::RequestTimeout, detail).closing()
}

//! What a server answered.

use std::time::{Duration, SystemTime};

use actix_web::error::ParseError;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, HttpDate, RETRY_AFTER, TRANSFER_ENCODING,
};
use bytes::Bytes;

use super::call::CallError;
use crate::memory::Charge;

/// A day: nobody waits longer, and a number without bounds could not be added to a time.
const LONGEST_RETRY_AFTER: u64 = 24 * 3600;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status: never 1xx.
    pub status: u16,
    /// Its `Date` as it came: few look at it.
    date: Option<HeaderValue>,
    /// Its `Retry-After`, at most a day.
    pub retry_after: Option<Duration>,
    /// The same as it came.
    retry_after_value: Option<HeaderValue>,
    /// Its body, of the length it announced.
    pub body: Bytes,
    /// Whether all of the body came. Only a call for a status may have an answer of which it did not; `body` is empty then.
    pub is_whole: bool,
    /// The memory that the body takes, and as many copies of it as the call asked for.
    pub memory: Charge,
}

/// What an answer's head says of it.
pub(super) struct AnswerHead {
    pub(super) status: StatusCode,
    date: Option<HeaderValue>,
    retry_after: Option<Duration>,
    retry_after_value: Option<HeaderValue>,
    /// Its `Content-Length`.
    pub(super) announced: Option<usize>,
    /// Its body comes in chunks.
    pub(super) chunked: bool,
}

impl AnswerHead {
    pub(super) fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let date = headers.get(DATE);
        // A success has nothing to be tried again.
        let retry_after = if status.is_success() { None } else { text(RETRY_AFTER) };
        let retry_after = retry_after.and_then(|value| wait_of(value, date.and_then(date_in)));
        Self {
            status,
            date: date.cloned(),
            retry_after,
            retry_after_value: headers.get(RETRY_AFTER).cloned(),
            announced: text(CONTENT_LENGTH).and_then(|value| value.parse().ok()),
            chunked: text(TRANSFER_ENCODING).is_some_and(|value| value.trim().eq_ignore_ascii_case("chunked")),
        }
    }

    /// These have no body whatever they announce.
    pub(super) fn is_bodiless(&self) -> bool {
        self.status == StatusCode::NO_CONTENT || self.status == StatusCode::NOT_MODIFIED
    }

    /// Whether it says itself where it ends: behind any other a body may come that nobody reads.
    pub(super) fn has_an_end(&self) -> bool {
        self.is_bodiless() || self.announced.is_some() || self.chunked
    }

    /// The answer with its whole body.
    pub(super) fn with_body(self, (body, memory): (Bytes, Charge)) -> Answer {
        let Self { date, retry_after, retry_after_value, .. } = self;
        Answer { status: self.status.as_u16(), date, retry_after, retry_after_value, body, is_whole: true, memory }
    }
}

impl Answer {
    /// An answer without a body.
    #[cfg(test)]
    pub(crate) fn for_tests(status: u16, memory: Charge) -> Self {
        Self {
            status,
            date: None,
            retry_after: None,
            retry_after_value: None,
            body: Bytes::new(),
            is_whole: true,
            memory,
        }
    }

    /// Its `Retry-After` as it came, where that is text.
    #[must_use]
    pub fn retry_after_text(&self) -> Option<&str> {
        self.retry_after_value.as_ref()?.to_str().ok()
    }

    /// Its `Date`.
    #[must_use]
    pub fn date(&self) -> Option<SystemTime> {
        self.date.as_ref().and_then(date_in)
    }
}

/// Why an answer's head cannot be read.
pub(super) fn no_head(error: &ParseError) -> CallError {
    CallError::Broken(if matches!(error, ParseError::TooLarge) {
        "the answer has more than 96 header lines, or a head of more than 128 KiB"
    } else {
        "the answer is not HTTP"
    })
}

fn date_in(value: &HeaderValue) -> Option<SystemTime> {
    value.to_str().ok().and_then(date)
}

/// Reads a `Date`.
fn date(value: &str) -> Option<SystemTime> {
    value.parse::<HttpDate>().ok().map(SystemTime::from)
}

/// Reads a `Retry-After`: seconds, or a date, which is compared with the answer's own.
fn wait_of(value: &str, answered_at: Option<SystemTime>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)));
    }
    let until = date(value)?;
    let wait = answered_at.and_then(|answered_at| until.duration_since(answered_at).ok()).unwrap_or_default();
    Some(wait.clamp(Duration::from_secs(1), Duration::from_secs(LONGEST_RETRY_AFTER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let check = |value, expected: Option<u64>| {
            let answered_at = date("Tue, 15 Nov 1994 08:12:31 GMT");
            assert!(answered_at.is_some());
            assert_eq!(wait_of(value, answered_at), expected.map(Duration::from_secs), "{value:?}");
        };
        check("0", Some(0));
        check(" 7 ", Some(7));
        check("18446744073709551615", Some(24 * 3600));
        check("Tue, 15 Nov 1994 08:12:41 GMT", Some(10));
        check("Tue, 15 Nov 1994 08:12:01 GMT", Some(1));
        check("Mon, 15 Nov 2094 08:12:31 GMT", Some(24 * 3600));
        check("-1", None);
        check("soon", None);
        check("", None);
        assert_eq!(wait_of("Tue, 15 Nov 1994 08:12:41 GMT", None), Some(Duration::from_secs(1)));
    }
}

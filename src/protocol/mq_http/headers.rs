//! The headers: what every request and response has, and who asks, and when.

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::refusal::Refusal;
use crate::model::UnixMillis;

/// Value of `x-mq-version`.
pub const VERSION: &str = "2015-06-06";
/// Content type of our requests and responses. The Node SDK ignores a body of another kind (protocol notes MQ HTTP 5,
/// item 4).
pub const CONTENT_TYPE: &str = "text/xml;charset=utf-8";

/// Who claims to have sent a request. `Debug` hides the signature: one in a log can be replayed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// The claimed access key.
    pub access_key: &'a str,
    /// The claimed signature.
    pub signature: &'a str,
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Reads `MQ key:signature`: one blank, and the last `:` divides, since base64 has none.
///
/// # Errors
/// [`Refusal::InvalidAuthorizationHeader`].
pub fn decode_authorization(value: &str) -> Result<Authorization<'_>, Refusal> {
    value
        .strip_prefix("MQ ")
        .and_then(|rest| rest.rsplit_once(':'))
        .filter(|(access_key, signature)| {
            !access_key.is_empty() && !access_key.starts_with(' ') && !signature.is_empty()
        })
        .map(|(access_key, signature)| Authorization { access_key, signature })
        .ok_or(Refusal::InvalidAuthorizationHeader)
}

/// Reads `EEE, dd MMM yyyy HH:mm:ss GMT`, the one format that every SDK sends (protocol notes MQ HTTP 2).
///
/// # Errors
/// [`Refusal::InvalidDateHeader`], also when the weekday is not the date's.
pub fn decode_date(value: &str) -> Result<UnixMillis, Refusal> {
    // The parser takes all of RFC 2822: other zones, comments, years of two digits.
    const LENGTH: usize = "Wed, 07 Mar 2012 18:49:58 GMT".len();
    if value.len() != LENGTH || !value.ends_with(" GMT") {
        return Err(Refusal::InvalidDateHeader);
    }
    let time = DateTimeParser::new().parse_timestamp(value).map_err(|_| Refusal::InvalidDateHeader)?;
    u64::try_from(time.as_millisecond()).map(UnixMillis).map_err(|_| Refusal::InvalidDateHeader)
}

/// Writes the same format; a time that it cannot write is the last that it can.
#[must_use]
pub fn encode_date(time: UnixMillis) -> String {
    let millis = i64::try_from(time.0).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    // Timestamps are of the years -9999 to 9999, and ours are never before 1970: it can be written.
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

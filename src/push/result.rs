//! What came of one attempt, in one word.

use crate::model::words;

words! {
    /// What came of one request to a target: a bounded set of words, for metrics, status and dead letters.
    pub enum AttemptResult {
        /// A status from 200 to 299.
        Delivered = "delivered",
        /// The same, and its body asks for another attempt.
        AskedAgain = "asked_again",
        /// The same, and its body, which decides, did not come whole: the target may have the message.
        Incomplete = "incomplete",
        /// The same, and its body wants the message dropped.
        Dropped = "dropped",
        /// 429 or 503.
        Throttled = "throttled",
        /// 410.
        Gone = "gone",
        /// 300 to 399: redirects are not followed.
        Redirected = "redirected",
        /// Any other 4xx.
        Refused = "refused",
        /// Any other 5xx, or a number that is not a status.
        Failed = "failed",
        /// No status came in time: the target may have the message.
        Timeout = "timeout",
        /// The connection broke off before a status came, or what came is not HTTP: the target may have the message.
        NoAnswer = "no_answer",
        /// The host's name leads to no address.
        DnsFailed = "dns_failed",
        /// Every address that it leads to is one that the configuration does not allow.
        AddressDenied = "address_denied",
        /// No connection came about.
        NotConnected = "not_connected",
        /// No TLS came about: a wrong certificate, or no TLS at all.
        TlsFailed = "tls_failed",
        /// The message cannot be written as the subscription's format wants it: nothing was sent.
        NotWritable = "not_writable",
    }
}

impl AttemptResult {
    /// Of an answer, whatever is in its body.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            300..=399 => Self::Redirected,
            410 => Self::Gone,
            429 | 503 => Self::Throttled,
            400..=499 => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// Whether the target is well and took the message. One that asks for each of them again takes nothing.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Delivered | Self::Dropped)
    }

    /// Whether the target may have the message although it did not say that it took it.
    #[must_use]
    pub const fn may_have_it(self) -> bool {
        matches!(self, Self::Timeout | Self::NoAnswer | Self::Incomplete)
    }

    /// Whether the target was too slow, away or full: it is asked less.
    #[must_use]
    pub const fn is_strain(self) -> bool {
        matches!(
            self,
            Self::Throttled
                | Self::Timeout
                | Self::NoAnswer
                | Self::Incomplete
                | Self::DnsFailed
                | Self::AddressDenied
                | Self::NotConnected
                | Self::TlsFailed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_in_one_word() {
        for (statuses, expected) in [
            (&[200, 204, 299][..], AttemptResult::Delivered),
            (&[300, 302, 308, 399], AttemptResult::Redirected),
            (&[410], AttemptResult::Gone),
            (&[429, 503], AttemptResult::Throttled),
            (&[400, 401, 404, 409, 422, 425, 499], AttemptResult::Refused),
            (&[500, 502, 504, 599, 600, 999], AttemptResult::Failed),
        ] {
            for status in statuses {
                assert_eq!(AttemptResult::of_status(*status), expected, "{status}");
            }
        }
    }
}

//! What a call over HTTP means to an operation: the errors of [`crate::outbound`] in the contract's rows, and what a
//! call says about the endpoint.

use std::time::Duration;

use tokio::time::Instant;

use crate::outbound::{Answer, CallError, CircuitOpen, NoAddress, Verdict};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

impl From<CallError> for UpstreamError {
    fn from(error: CallError) -> Self {
        let (kind, detail) = match &error {
            CallError::Full(limit) => {
                (UpstreamErrorKind::Overloaded, format!("{limit} requests to the MQ are under way, which is the limit"))
            }
            // Values are checked when they are read, so this is a fault of ours; nothing was sent all the same.
            CallError::Unwritable(_) => {
                (UpstreamErrorKind::Unreachable, format!("the request could not be written: {error}"))
            }
            CallError::NotConnected(_) => {
                (UpstreamErrorKind::Unreachable, format!("could not connect to the MQ: {error}"))
            }
            CallError::TimedOutUnsent => (UpstreamErrorKind::Unreachable, error.to_string()),
            CallError::TimedOut { .. } | CallError::TimedOutInAnswer => (UpstreamErrorKind::Timeout, error.to_string()),
            CallError::NoAnswer(_) | CallError::Broken(_) | CallError::TooLarge(_) | CallError::NoMemory(_) => {
                (UpstreamErrorKind::BadResponse, format!("the MQ's answer could not be used: {error}"))
            }
        };
        Self::new(kind, detail)
    }
}

impl From<NoAddress> for UpstreamError {
    fn from(reason: NoAddress) -> Self {
        Self::new(UpstreamErrorKind::Unreachable, format!("the MQ has no address: {reason}"))
    }
}

/// Every endpoint is left alone: says until when.
pub(in crate::upstream) fn left_alone(open: &CircuitOpen, now: Instant) -> UpstreamError {
    let wait = open.until.saturating_duration_since(now);
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    let detail =
        format!("the MQ has failed to answer several times in a row and is left alone for another {seconds} s");
    UpstreamError { retry_after: Some(wait), ..UpstreamError::new(UpstreamErrorKind::CircuitOpen, detail) }
}

/// What a call says about its endpoint; `None` where it says nothing, since it had less than `patience` on the wire.
pub(super) fn verdict(call: &Result<Answer, CallError>, patience: Duration) -> Option<Verdict> {
    match call {
        // Nothing was sent, and the endpoint had no part in that.
        Err(CallError::Full(_) | CallError::Unwritable(_) | CallError::TimedOutUnsent) => None,
        Err(CallError::TimedOut { on_the_wire }) if *on_the_wire < patience => None,
        Err(CallError::NotConnected(_) | CallError::NoAnswer(_) | CallError::TimedOut { .. }) => {
            Some(Verdict::Unanswered)
        }
        // Whatever it says, to refuse, to fail or to be cut short: it is there.
        Ok(_)
        | Err(CallError::TimedOutInAnswer | CallError::Broken(_) | CallError::TooLarge(_) | CallError::NoMemory(_)) => {
            Some(Verdict::Answered)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryBudget;

    #[test]
    fn an_endpoint_fails_where_it_answers_nobody() {
        let answer = |status| Ok(Answer::for_tests(status, MemoryBudget::new(0).charge()));
        let timed_out = |millis| Err(CallError::TimedOut { on_the_wire: Duration::from_millis(millis) });
        let check = |call, expected| assert_eq!(verdict(&call, Duration::from_secs(4)), expected, "{call:?}");
        for status in [201, 403, 404, 408, 429, 500, 503] {
            check(answer(status), Some(Verdict::Answered));
        }
        check(Err(CallError::Broken("x")), Some(Verdict::Answered));
        check(Err(CallError::TooLarge(1)), Some(Verdict::Answered));
        check(Err(CallError::TimedOutInAnswer), Some(Verdict::Answered));
        check(Err(CallError::NotConnected("x".to_owned())), Some(Verdict::Unanswered));
        check(Err(CallError::NoAnswer("x")), Some(Verdict::Unanswered));
        check(timed_out(4000), Some(Verdict::Unanswered));
        check(timed_out(3999), None);
        check(Err(CallError::TimedOutUnsent), None);
        check(Err(CallError::Full(1)), None);
        check(Err(CallError::Unwritable("x")), None);
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds_and_never_too_short() {
        let check = |millis, expected: &str| {
            let now = Instant::now();
            let error = left_alone(&CircuitOpen::until(now + Duration::from_millis(millis)), now);
            assert_eq!(
                error.detail,
                format!(
                    "the MQ has failed to answer several times in a row and is left alone for another {expected} s"
                )
            );
            assert_eq!(error.retry_after, Some(Duration::from_millis(millis)));
        };
        check(0, "1");
        check(1000, "1");
        check(1001, "2");
    }
}

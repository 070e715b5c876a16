//! Fuzz target: what a subscription's target answers.

use std::time::Duration;

use super::retry_after::retry_after;
use super::verdict::{Answer, FinalReason, Judge, Verdict};
use crate::fuzz_input::Input;
use crate::model::UnixMillis;

const MOST: Duration = Duration::from_secs(3600);

/// Lines: status, `Retry-After`, attempts, the time now; then the body.
pub(crate) fn answer(data: &[u8]) {
    let mut input = Input::new(data);
    let status = input.text().and_then(|text| text.parse().ok()).unwrap_or(200);
    let header = input.text().filter(|text| !text.is_empty());
    let tries = input.text().and_then(|text| text.parse().ok()).unwrap_or(1);
    let now = UnixMillis(input.text().and_then(|text| text.parse().ok()).unwrap_or(784_111_777_000));
    let asked_for = header.and_then(|value| retry_after(value, now));
    if let Some(header) = header {
        let digits = header.trim();
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        assert!(!is_number || asked_for.is_some(), "{header}");
        assert!(!header.contains(['+', '.', '/']) || asked_for.is_none(), "{header}");
    }
    for answer_status in [false, true] {
        let judge = Judge { answer_status, retry_after_max: MOST };
        for body in [Some(input.rest()), None] {
            let verdict = judge.verdict(&Answer::Status { status, retry_after: header, body }, tries, now);
            let is_taken = verdict == Verdict::Acknowledge || verdict == Verdict::Final(FinalReason::Dropped);
            assert!(!is_taken || (200..300).contains(&status), "{status} was taken for success");
            assert!(!answer_status || body.is_some() || !is_taken, "what nobody read was taken for success");
            if let Verdict::Retry { not_before, holds_all } = verdict {
                assert!(not_before.is_none_or(|wait| wait <= MOST && Some(wait) == asked_for.map(|it| it.min(MOST))));
                assert!(!holds_all || not_before.is_some());
            }
        }
    }
}

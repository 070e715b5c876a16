//! The MQ's clock against ours. A request that is older than 15 s when it arrives is refused, and so, by the vendor's
//! FAQ, is one from more than a minute ahead (protocol notes ONS 3.2).

use super::report::{Check, Finding, Verdict};

const PAST_LIMIT: f64 = 15.0;
const FUTURE_LIMIT: f64 = 60.0;
/// Less is normal: a `Date` has whole seconds.
const WORTH_A_WORD: f64 = 5.0;

/// How far the clocks are apart: the MQ's minus ours in seconds, where an answer told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Skew(pub(super) f64);

impl Skew {
    /// Too far for any signature of ours to be accepted.
    pub(super) fn is_fatal(self) -> bool {
        self.0 > PAST_LIMIT || self.0 < -FUTURE_LIMIT
    }

    /// `the MQ's clock is 1200.4 s ahead of ours`.
    pub(super) fn words(self) -> String {
        let direction = if self.0 < 0.0 { "behind" } else { "ahead of" };
        format!("the MQ's clock is {:.1} s {direction} ours", self.0.abs())
    }
}

/// The verdict on the clocks, given whether the MQ accepted a request of ours all the same.
pub(super) fn judge(skew: Option<Skew>, accepted: bool) -> Finding {
    let Some(skew) = skew else {
        return Finding::new(Check::ClockSkew, Verdict::Skipped, "no answer of the MQ had a Date to compare with");
    };
    let words = skew.words();
    let verdict = match (skew.is_fatal(), skew.0.abs() > WORTH_A_WORD) {
        (false, false) => return Finding::new(Check::ClockSkew, Verdict::Ok, words),
        (true, _) if !accepted => Verdict::Failed,
        (true | false, _) => Verdict::Warning,
    };
    let limits = "it may be 15 s ahead or 60 s behind";
    let detail = if skew.is_fatal() && accepted {
        format!("{words}; {limits}, yet a request was accepted")
    } else {
        format!("{words}; {limits}")
    };
    Finding::new(Check::ClockSkew, verdict, detail)
        .advise("set this machine's clock by NTP (a container has its host's), or have the MQ's set")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_judged_by_what_the_mq_takes() {
        for (skew, accepted, verdict, words) in [
            (0.3, true, Verdict::Ok, "0.3 s ahead of ours"),
            (-4.9, false, Verdict::Ok, "4.9 s behind ours"),
            (12.0, true, Verdict::Warning, "12.0 s ahead"),
            (-59.0, false, Verdict::Warning, "59.0 s behind"),
            (1200.4, false, Verdict::Failed, "the MQ's clock is 1200.4 s ahead of ours"),
            (-61.0, false, Verdict::Failed, "61.0 s behind"),
            (1200.4, true, Verdict::Warning, "yet a request was accepted"),
        ] {
            let finding = judge(Some(Skew(skew)), accepted);
            assert_eq!(finding.verdict, verdict, "{skew} {accepted}");
            assert!(finding.detail.contains(words), "{words} in {}", finding.detail);
            assert_eq!(finding.advice.is_some(), verdict != Verdict::Ok);
        }
        assert_eq!(judge(None, true).verdict, Verdict::Skipped);
    }
}

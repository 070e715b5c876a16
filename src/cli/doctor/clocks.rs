//! The MQ's clock against ours, as far apart as the protocol lets them be.

use super::report::{Check, Finding, Verdict};
use crate::model::Protocol;

/// How far the MQ's clock may be from ours, in seconds.
struct Window {
    ahead: f64,
    behind: f64,
    /// Less is not worth one.
    worth_a_word: f64,
    words: &'static str,
}

const fn window(protocol: Protocol) -> Window {
    match protocol {
        // A request that is older than 15 s when it arrives is refused, and so, by the vendor's FAQ, is one from more
        // than a minute ahead (protocol notes ONS 3.2). Under 5 s is normal: a `Date` has whole seconds.
        Protocol::OnsHttp => {
            Window { ahead: 15.0, behind: 60.0, worth_a_word: 5.0, words: "it may be 15 s ahead or 60 s behind" }
        }
        // Protocol notes MQ HTTP 2, headers. A minute is no danger yet, and no clock that is set by NTP has it.
        Protocol::MqHttp => {
            Window { ahead: 900.0, behind: 900.0, worth_a_word: 60.0, words: "it may be 15 minutes ahead or behind" }
        }
    }
}

/// How far the clocks are apart: the MQ's minus ours in seconds, where an answer told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Skew(pub(super) f64);

impl Skew {
    /// Too far for any signature of ours to be accepted.
    pub(super) fn is_fatal(self, protocol: Protocol) -> bool {
        let window = window(protocol);
        self.0 > window.ahead || self.0 < -window.behind
    }

    /// `the MQ's clock is 1200.4 s ahead of ours`. A `Date` has whole seconds, and the answer took its time: less than that is
    /// not measured.
    pub(super) fn words(self) -> String {
        if self.0.abs() < 2.0 {
            return "the MQ's clock is within a second or two of ours".to_owned();
        }
        let direction = if self.0 < 0.0 { "behind" } else { "ahead of" };
        format!("the MQ's clock is {:.1} s {direction} ours", self.0.abs())
    }
}

/// The verdict on the clocks, given whether the MQ accepted a request of ours all the same.
pub(super) fn judge(skew: Option<Skew>, accepted: bool, protocol: Protocol) -> Finding {
    let Some(skew) = skew else {
        return Finding::new(Check::ClockSkew, Verdict::Skipped, "no answer of the MQ had a Date to compare with");
    };
    let (words, window) = (skew.words(), window(protocol));
    let fatal = skew.is_fatal(protocol);
    let verdict = match (fatal, skew.0.abs() > window.worth_a_word) {
        (false, false) => return Finding::new(Check::ClockSkew, Verdict::Ok, words),
        (true, _) if !accepted => Verdict::Failed,
        (true | false, _) => Verdict::Warning,
    };
    let limits = window.words;
    let detail = if fatal && accepted {
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
        use Protocol::{MqHttp, OnsHttp};
        for (protocol, skew, accepted, verdict, words) in [
            (OnsHttp, 0.3, true, Verdict::Ok, "the MQ's clock is within a second or two of ours"),
            (OnsHttp, -1.9, true, Verdict::Ok, "the MQ's clock is within a second or two of ours"),
            (OnsHttp, 2.1, true, Verdict::Ok, "2.1 s ahead of ours"),
            (OnsHttp, -4.9, false, Verdict::Ok, "4.9 s behind ours"),
            (OnsHttp, 12.0, true, Verdict::Warning, "12.0 s ahead"),
            (OnsHttp, -59.0, false, Verdict::Warning, "59.0 s behind"),
            (OnsHttp, 1200.4, false, Verdict::Failed, "the MQ's clock is 1200.4 s ahead of ours"),
            (OnsHttp, -61.0, false, Verdict::Failed, "61.0 s behind ours; it may be 15 s ahead or 60 s behind"),
            (OnsHttp, 1200.4, true, Verdict::Warning, "yet a request was accepted"),
            (MqHttp, 59.0, false, Verdict::Ok, "59.0 s ahead of ours"),
            (MqHttp, -61.0, false, Verdict::Warning, "61.0 s behind ours"),
            (MqHttp, 899.0, true, Verdict::Warning, "899.0 s ahead of ours; it may be 15 minutes ahead or behind"),
            (MqHttp, 901.0, false, Verdict::Failed, "901.0 s ahead"),
            (MqHttp, -901.0, false, Verdict::Failed, "901.0 s behind"),
            (MqHttp, -901.0, true, Verdict::Warning, "yet a request was accepted"),
        ] {
            let finding = judge(Some(Skew(skew)), accepted, protocol);
            assert_eq!(finding.verdict, verdict, "{protocol:?} {skew} {accepted}");
            assert!(finding.detail.contains(words), "{words} in {}", finding.detail);
            assert_eq!(finding.advice.is_some(), verdict != Verdict::Ok);
        }
        assert_eq!(judge(None, true, MqHttp).verdict, Verdict::Skipped);
    }
}

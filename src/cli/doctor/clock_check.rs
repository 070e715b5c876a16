//! The MQ's clock against ours, as far apart as the protocol lets them be.

use std::time::Duration;

use super::http_protocol::HttpProtocol;
use super::report::{Check, Finding, Verdict};
use crate::protocol::ClockOffset;

/// How far the MQ's clock may be from ours.
struct Window {
    ahead: Duration,
    behind: Duration,
    /// Less is normal.
    notable: Duration,
    words: &'static str,
}

const fn window(protocol: HttpProtocol) -> Window {
    match protocol {
        // A request that is older than 15 s when it arrives is refused, and so, by the vendor's FAQ, is one from more
        // than a minute ahead (protocol notes ONS 3.2). Under 5 s is normal: a `Date` has whole seconds.
        HttpProtocol::OnsHttp => Window {
            ahead: Duration::from_secs(15),
            behind: Duration::from_secs(60),
            notable: Duration::from_secs(5),
            words: "it may be 15 s ahead or 60 s behind",
        },
        // Protocol notes MQ HTTP 2, headers. A minute is no danger yet, and no clock that is set by NTP has it.
        HttpProtocol::MqHttp => Window {
            ahead: Duration::from_secs(900),
            behind: Duration::from_secs(900),
            notable: Duration::from_secs(60),
            words: "it may be 15 minutes ahead or behind",
        },
    }
}

/// Too far for any signature of ours to be accepted.
pub(super) fn is_fatal(offset: ClockOffset, protocol: HttpProtocol) -> bool {
    let window = window(protocol);
    offset.distance() > if offset.is_ahead() { window.ahead } else { window.behind }
}

/// `the MQ's clock is 1200.4 s ahead of ours`.
pub(super) fn describe(offset: ClockOffset) -> String {
    if offset.is_noise() {
        return "the MQ's clock is within a second or two of ours".to_owned();
    }
    let direction = if offset.is_ahead() { "ahead of" } else { "behind" };
    format!("the MQ's clock is {:.1} s {direction} ours", offset.distance().as_secs_f64())
}

/// The finding on the clocks, given whether the MQ accepted a request of ours all the same.
pub(super) fn check(offset: Option<ClockOffset>, accepted: bool, protocol: HttpProtocol) -> Finding {
    let Some(offset) = offset else {
        return Finding::new(Check::ClockSkew, Verdict::Skipped, "no answer of the MQ had a Date to compare with");
    };
    let (words, window) = (describe(offset), window(protocol));
    let fatal = is_fatal(offset, protocol);
    let verdict = match (fatal, offset.distance() > window.notable) {
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
        use HttpProtocol::{MqHttp, OnsHttp};
        for (protocol, millis, accepted, verdict, words) in [
            (OnsHttp, 300, true, Verdict::Ok, "the MQ's clock is within a second or two of ours"),
            (OnsHttp, -1_900, true, Verdict::Ok, "the MQ's clock is within a second or two of ours"),
            (OnsHttp, 2_100, true, Verdict::Ok, "2.1 s ahead of ours"),
            (OnsHttp, -4_900, false, Verdict::Ok, "4.9 s behind ours"),
            (OnsHttp, 12_000, true, Verdict::Warning, "12.0 s ahead"),
            (OnsHttp, -59_000, false, Verdict::Warning, "59.0 s behind"),
            (OnsHttp, 1_200_400, false, Verdict::Failed, "the MQ's clock is 1200.4 s ahead of ours"),
            (OnsHttp, -61_000, false, Verdict::Failed, "61.0 s behind ours; it may be 15 s ahead or 60 s behind"),
            (OnsHttp, 1_200_400, true, Verdict::Warning, "yet a request was accepted"),
            (MqHttp, 59_000, false, Verdict::Ok, "59.0 s ahead of ours"),
            (MqHttp, -61_000, false, Verdict::Warning, "61.0 s behind ours"),
            (MqHttp, 899_000, true, Verdict::Warning, "899.0 s ahead of ours; it may be 15 minutes ahead or behind"),
            (MqHttp, 901_000, false, Verdict::Failed, "901.0 s ahead"),
            (MqHttp, -901_000, false, Verdict::Failed, "901.0 s behind"),
            (MqHttp, -901_000, true, Verdict::Warning, "yet a request was accepted"),
        ] {
            let finding = check(Some(ClockOffset(millis)), accepted, protocol);
            assert_eq!(finding.verdict, verdict, "{protocol:?} {millis} {accepted}");
            assert!(finding.detail.contains(words), "{words} in {}", finding.detail);
            assert_eq!(finding.advice.is_some(), verdict != Verdict::Ok);
        }
        assert_eq!(check(None, true, MqHttp).verdict, Verdict::Skipped);
    }
}

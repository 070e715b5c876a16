//! What the MQ does to a request: a function of the seed, the attempt, and how often that attempt came.

use std::time::Duration;

use super::random::Random;
use super::support::endpoint::{Script, Step, closed, never, raw, reset, respond};

/// How likely which fault is.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Requests in a hundred that do not just get a good answer.
    pub faults_percent: u64,
}

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    SlowHead,
    DrippedBody,
    CloseIdle,
    ResetBefore,
    ResetAfter,
    CloseBefore,
    CloseAfter,
    TruncatedBefore,
    TruncatedAfter,
    GarbageBefore,
    GarbageAfter,
    RedirectBefore,
    RedirectAfter,
    InterimBefore,
    InterimAfter,
    StallBefore,
    StallAfter,
    FailedBefore,
    FailedAfter,
    BusyProxyBefore,
    BusyProxyAfter,
    Rejected,
    Forbidden,
    TooMany,
    Throttled,
}

const ALL: [Fault; 25] = [
    Fault::SlowHead,
    Fault::DrippedBody,
    Fault::CloseIdle,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::CloseBefore,
    Fault::CloseAfter,
    Fault::TruncatedBefore,
    Fault::TruncatedAfter,
    Fault::GarbageBefore,
    Fault::GarbageAfter,
    Fault::RedirectBefore,
    Fault::RedirectAfter,
    Fault::InterimBefore,
    Fault::InterimAfter,
    Fault::StallBefore,
    Fault::StallAfter,
    Fault::FailedBefore,
    Fault::FailedAfter,
    Fault::BusyProxyBefore,
    Fault::BusyProxyAfter,
    Fault::Rejected,
    Fault::Forbidden,
    Fault::TooMany,
    Fault::Throttled,
];

impl Plan {
    /// No faults at all.
    pub fn no_faults() -> Self {
        Self { seed: 0, faults_percent: 0 }
    }

    /// What happens when `attempt` of `message` comes for the `arrival`-th time.
    pub fn fault(&self, message: u64, attempt: u64, arrival: u64) -> Option<Fault> {
        let mut random = Random::of(self.seed, &[message, attempt, arrival]);
        random.percent(self.faults_percent).then(|| *random.pick(&ALL))
    }
}

impl Fault {
    /// Whether the MQ keeps the message all the same.
    pub fn applies(self) -> bool {
        match self {
            Self::SlowHead
            | Self::DrippedBody
            | Self::CloseIdle
            | Self::ResetAfter
            | Self::CloseAfter
            | Self::TruncatedAfter
            | Self::GarbageAfter
            | Self::RedirectAfter
            | Self::InterimAfter
            | Self::StallAfter
            | Self::FailedAfter
            | Self::BusyProxyAfter => true,
            Self::ResetBefore
            | Self::CloseBefore
            | Self::TruncatedBefore
            | Self::GarbageBefore
            | Self::RedirectBefore
            | Self::InterimBefore
            | Self::StallBefore
            | Self::FailedBefore
            | Self::BusyProxyBefore
            | Self::Rejected
            | Self::Forbidden
            | Self::TooMany
            | Self::Throttled => false,
        }
    }

    /// The answer; `good` is the whole good answer, `echo` holds every secret of the request, `elsewhere` a trap.
    pub fn script(self, good: &[u8], echo: &str, elsewhere: &str, random: &mut Random) -> Script {
        match self {
            Self::SlowHead => vec![Step::Pause(random.millis(20, 400)), Step::Send(good.to_vec())],
            Self::DrippedBody => {
                let (head, body) = good.split_at(good.len() - 40);
                vec![Step::Send(head.to_vec()), Step::Drip(body.to_vec(), random.millis(1, 8))]
            }
            Self::CloseIdle => vec![Step::Send(good.to_vec()), Step::Finish],
            Self::ResetBefore | Self::ResetAfter => reset(),
            Self::CloseBefore | Self::CloseAfter => closed(),
            Self::TruncatedBefore | Self::TruncatedAfter if random.percent(50) => raw(announcing_more(good)),
            Self::TruncatedBefore | Self::TruncatedAfter => {
                let kept = usize::try_from(random.below(good.len() as u64 - 1)).expect("fits");
                raw(&good[..kept])
            }
            Self::GarbageBefore | Self::GarbageAfter => match random.below(3) {
                0 => raw(format!("{echo}\r\n\r\n")),
                1 => raw(b"\x16\x03\x01\x02\x00\x01\xff\xfe\r\n\r\n"),
                _ => respond(201, &[], echo),
            },
            Self::RedirectBefore | Self::RedirectAfter => {
                let status = *random.pick(&[301, 302, 303, 307, 308]);
                respond(status, &[&format!("Location: {elsewhere}/message/?topic=T")], "")
            }
            Self::InterimBefore | Self::InterimAfter => {
                raw(*random.pick(&["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"]))
            }
            Self::StallBefore | Self::StallAfter => never(),
            Self::FailedBefore | Self::FailedAfter => respond(*random.pick(&[500, 502, 504]), &[], echo),
            Self::BusyProxyBefore | Self::BusyProxyAfter => respond(503, &[], "<html>busy</html>"),
            Self::Rejected => respond(400, &[], r#"{"code":"BODY_TOO_BIG","info":"x"}"#),
            Self::Forbidden => respond(403, &[], echo),
            Self::TooMany => respond(429, &[&retry_after(random)], ""),
            Self::Throttled => respond(503, &[&retry_after(random)], r#"{"code":"FLOW_CONTROL","info":"x"}"#),
        }
    }
}

/// The whole answer, with a length that lets more be expected.
fn announcing_more(good: &[u8]) -> String {
    String::from_utf8_lossy(good).replace("Content-Length: ", "Content-Length: 1")
}

fn retry_after(random: &mut Random) -> String {
    format!("Retry-After: {}", u8::from(random.percent(10)))
}

/// The longest that a script takes.
pub const LONGEST_ANSWER: Duration = Duration::from_millis(400);

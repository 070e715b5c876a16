//! What came of a probe, in whatever protocol.

use std::fmt;

use super::probes::Probe;

/// A probe and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbeResult {
    pub(super) probe: Probe,
    pub(super) outcome: ProbeOutcome,
}

/// What the MQ's answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProbeOutcome {
    /// Done, or refused because of the handle alone: identity was checked before.
    Accepted(Reply),
    /// Not for us: keys, permission, clock, or a topic or group that is not the account's. The answer does not tell
    /// which.
    Refused(Reply),
    /// In the protocol's form, about something else than the handle, and what, where it tells.
    Invalid(Option<Parameter>, Reply),
    /// In the protocol's form: not there, and whether topic or group, where it tells.
    NotFound(Option<Parameter>, Reply),
    /// The MQ could not, or not now.
    Unavailable(Reply),
    /// Nothing that the protocol has here: something else listens there.
    Unexpected(u16),
    /// No answer, and why.
    NoAnswer(String),
}

/// What an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    /// It is not known there.
    AccessKey,
    /// It is not that of the secret key.
    Signature,
    Time,
    /// A header that every request of ours has, and that did not come as it was sent.
    Headers,
    Topic,
    Group,
}

/// Status and code of an answer, as they may be shown: `404 TopicNotExist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// What the answer had for a code.
    pub(super) code: Option<String>,
}

impl ProbeResult {
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.outcome, ProbeOutcome::Accepted(_))
    }
}

/// Whether the MQ took our identity at least once.
pub(super) fn any_accepted(results: &[ProbeResult]) -> bool {
    results.iter().any(ProbeResult::is_accepted)
}

impl Reply {
    /// Without a code.
    pub(super) const fn plain(status: u16) -> Self {
        Self { status, code: None }
    }

    /// With a code, `None` where its text is not to be shown.
    pub(super) fn with_code(status: u16, code: Option<&str>) -> Self {
        Self { status, code: Some(code.unwrap_or("with a code that is not shown").to_owned()) }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            None => write!(f, "{}", self.status),
            Some(code) => write!(f, "{} {code}", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_code_are_shown() {
        assert_eq!(Reply::plain(404).to_string(), "404");
        assert_eq!(Reply::with_code(404, Some("TopicNotExist")).to_string(), "404 TopicNotExist");
        assert_eq!(Reply::with_code(404, None).to_string(), "404 with a code that is not shown");
    }
}

//! What an answer to the doctor's question may mean, in whatever protocol it came.

use std::fmt;

use super::questions::Question;

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) said: Said,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Done, or refused because of the handle alone: identity was checked before.
    Accepted(Reply),
    /// Not for us: keys, permission, clock, or a topic or group that is not the account's. The answer does not tell
    /// which.
    Refused(Reply),
    /// In the protocol's form, about something else than the handle, and what, where it tells.
    Complained(Option<Parameter>, Reply),
    /// In the protocol's form: not there, and whether topic or group, where it tells.
    Unknown(Option<Parameter>, Reply),
    /// The MQ could not, or not now.
    Unable(Reply),
    /// Nothing that the protocol has here: something else listens there.
    Foreign(u16),
    /// No answer, and why.
    Nothing(String),
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
    pub(super) code: Option<Code>,
}

/// A code of the MQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Code {
    Shown(String),
    /// None that is made of letters: a service may repeat what it was sent.
    Hidden,
}

impl Reply {
    /// Without a code.
    pub(super) const fn plain(status: u16) -> Self {
        Self { status, code: None }
    }

    /// With a code, which is shown only if it looks like one.
    pub(super) fn with_code(status: u16, code: &str) -> Self {
        let is_code =
            (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        Self { status, code: Some(if is_code { Code::Shown(code.to_owned()) } else { Code::Hidden }) }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            None => write!(f, "{}", self.status),
            Some(Code::Shown(code)) => write!(f, "{} {code}", self.status),
            Some(Code::Hidden) => write!(f, "{} with a code that is not shown", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_code_is_shown() {
        let long = "x".repeat(65);
        for (code, shown) in [
            ("TopicNotExist", "404 TopicNotExist"),
            ("TOPIC_NOT_EXIST", "404 TOPIC_NOT_EXIST"),
            ("secret-5d2f", "404 with a code that is not shown"),
            ("", "404 with a code that is not shown"),
            (&long, "404 with a code that is not shown"),
        ] {
            assert_eq!(Reply::with_code(404, code).to_string(), shown);
        }
        assert_eq!(Reply::plain(404).to_string(), "404");
    }
}

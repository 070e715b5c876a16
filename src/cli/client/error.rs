//! Why a gateway did not do what it was asked for.

use std::fmt;

use super::problem::Problem;

/// Why there is no success. Its text is one line for a person.
#[derive(Debug, Clone)]
pub(in crate::cli) enum ClientError {
    /// Nothing was sent.
    NobodyThere {
        /// Whom we wanted.
        url: String,
        /// Why.
        reason: String,
    },
    /// The request was sent, at least in part, and there is no answer to it that can be used: what it asked for may be done.
    NoAnswer {
        /// Who was asked.
        url: String,
        /// What there was instead.
        reason: String,
    },
    /// The gateway says no, and why.
    Refused(Box<Problem>),
    /// An error that is no gateway's.
    Foreign {
        /// Who was asked.
        url: String,
        /// What it answered.
        status: u16,
    },
}

impl ClientError {
    /// Whether what was asked for was certainly not done.
    pub(in crate::cli) fn is_certain(&self) -> bool {
        match self {
            Self::NobodyThere { .. } => true,
            // A proxy in between that gave up has perhaps passed it on.
            Self::NoAnswer { .. } | Self::Foreign { .. } => false,
            Self::Refused(problem) => problem.outcome.as_deref() != Some("unknown"),
        }
    }

    /// Whether the same request may succeed later.
    pub(in crate::cli) fn may_pass(&self) -> bool {
        match self {
            Self::NobodyThere { .. } | Self::NoAnswer { .. } => true,
            Self::Refused(problem) => problem.retryable,
            Self::Foreign { status, .. } => *status >= 500,
        }
    }

    /// The problem's code, or a word of the same kind.
    pub(in crate::cli) fn code(&self) -> &str {
        match self {
            Self::NobodyThere { .. } => "gateway-unreachable",
            Self::NoAnswer { .. } => "no-answer",
            Self::Refused(problem) => &problem.code,
            Self::Foreign { .. } => "not-a-gateway",
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyThere { url, reason } => {
                write!(f, "no gateway at {url} ({reason}): start it, or name another with --url")
            }
            Self::NoAnswer { url, reason } => {
                write!(f, "no answer from {url}: {reason}; what was asked for may be done all the same")
            }
            Self::Refused(problem) => problem.fmt(f),
            Self::Foreign { url, status: status @ 300..=399 } => {
                write!(
                    f,
                    "{url} answers with a redirect ({status}), which is not followed: name the gateway itself with --url"
                )
            }
            Self::Foreign { url, status } => write!(
                f,
                "{url} answers {status} in words that are no gateway's: is --url right, or does a proxy in between answer?"
            ),
        }
    }
}

impl From<ClientError> for crate::cli::failure::Failure {
    fn from(error: ClientError) -> Self {
        Self::bad(error)
    }
}

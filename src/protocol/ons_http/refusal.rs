//! What the endpoint says when it does not take a request.

/// Why a request is refused, with the vendor's status, code and wording (protocol notes ONS 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A required parameter or header is missing or empty.
    #[error("parameter:{0} is invalid,can not be null or empty")]
    Missing(&'static str),
    /// A parameter cannot be read.
    #[error("parameter:{0} is invalid,{1}")]
    Invalid(&'static str, &'static str),
    /// The body is over the limit.
    #[error("Message body size exceeds the upper limit of {}KB", .limit_bytes / 1024)]
    BodyTooBig {
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// Key, signature, clock, or a topic that does not exist: 403 without a body.
    #[error("forbidden")]
    Forbidden(ForbiddenReason),
}

/// Why 403: for the log and the metric only, the answer does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForbiddenReason {
    /// Not the endpoint's access key.
    AccessKey,
    /// Not what we compute.
    Signature,
    /// `time` is outside the window.
    Clock,
    /// The topic does not exist here.
    Topic,
}

impl Refusal {
    /// The answer's status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Missing(_) | Self::Invalid(..) | Self::BodyTooBig { .. } => 400,
            Self::Forbidden(_) => 403,
        }
    }

    /// The answer's body: `{"code","info"}` with 400, nothing with 403 (protocol notes ONS 7, item 12).
    #[must_use]
    pub fn body(&self) -> String {
        let code = match self {
            Self::Missing(_) | Self::Invalid(..) => "SC_BAD_REQUEST",
            Self::BodyTooBig { .. } => "BODY_TOO_BIG",
            Self::Forbidden(_) => return String::new(),
        };
        format!(r#"{{"code":"{code}","info":"{self}"}}"#)
    }

    /// The word in metrics and logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing_parameter",
            Self::Invalid(..) => "invalid_parameter",
            Self::BodyTooBig { .. } => "body_too_big",
            Self::Forbidden(ForbiddenReason::AccessKey) => "access_key",
            Self::Forbidden(ForbiddenReason::Signature) => "signature",
            Self::Forbidden(ForbiddenReason::Clock) => "clock",
            Self::Forbidden(ForbiddenReason::Topic) => "topic",
        }
    }
}

//! Every problem's code: on whose side it lies, and what it says of a publish.

use crate::model::{Outcome, Side};

/// The codes and their list, which none of them can be missing from.
macro_rules! codes {
    ($($(#[$doc:meta])+ $code:ident,)+) => {
        /// Every problem of this version.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])+ $code,)+
        }

        impl Code {
            /// Every code, in the contract's order.
            pub const ALL: [Self; [$(stringify!($code)),+].len()] = [$(Self::$code),+];
        }
    };
}

codes! {
    /// 400: no JSON.
    MalformedJson,
    /// 422: JSON of the wrong shape, or a value outside its range.
    ValidationFailed,
    /// 415.
    UnsupportedMediaType,
    /// 413.
    MessageTooLarge,
    /// 414.
    UriTooLong,
    /// 431.
    HeadersTooLarge,
    /// 404: no such route.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 406.
    NotAcceptable,
    /// 408: the body came too slowly.
    RequestTimeout,
    /// 404: the topic is not configured.
    UnknownTopic,
    /// 404: the group is not configured.
    UnknownGroup,
    /// 422 for a field, 501 for a verb.
    CapabilityNotSupported,
    /// 403: a web page of another origin.
    OriginNotAllowed,
    /// 403: an operator's verb without its token.
    OperatorTokenRequired,
    /// 400: not a receipt handle of ours.
    InvalidReceiptHandle,
    /// 410: the delivery is not its holder's any more.
    ReceiptHandleExpired,
    /// 422: a receipt handle of another topic or group.
    ForeignReceiptHandle,
    /// 429: the topic's publishes per second are used up.
    RateLimited,
    /// 503.
    Overloaded,
    /// 503: the process stops.
    Draining,
    /// 503: the MQ did not answer several times in a row and is left alone for a while.
    CircuitOpen,
    /// 503: not sent because an earlier message of its group was not stored.
    EarlierMessageFailed,
    /// 503: nothing was sent.
    UpstreamUnreachable,
    /// 503: the MQ asks for patience.
    UpstreamThrottled,
    /// 502: a 5xx of the MQ.
    UpstreamError,
    /// 504: no answer in time.
    UpstreamTimeout,
    /// 502: an answer that cannot be believed.
    UpstreamBadResponse,
    /// 502: the MQ refused our keys.
    UpstreamAuthRejected,
    /// 502: the MQ has no such topic or group.
    UpstreamMisconfigured,
    /// 422: the MQ refused the content.
    UpstreamRejectedMessage,
    /// 500: a bug.
    InternalError,
}

/// What a problem says of the publish that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfPublish {
    /// Whatever happened, this.
    Always(Outcome),
    /// Each answer's own `outcome` says it.
    Depends,
    /// No publish is answered with it.
    Nothing,
}

impl Code {
    /// On whose side a failure with this code lies.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::MalformedJson
            | Self::ValidationFailed
            | Self::UnsupportedMediaType
            | Self::MessageTooLarge
            | Self::UriTooLong
            | Self::HeadersTooLarge
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::NotAcceptable
            | Self::RequestTimeout
            | Self::UnknownTopic
            | Self::UnknownGroup
            | Self::CapabilityNotSupported
            | Self::OriginNotAllowed
            | Self::OperatorTokenRequired
            | Self::InvalidReceiptHandle
            | Self::ReceiptHandleExpired
            | Self::ForeignReceiptHandle
            // The rate was agreed, and the content is the caller's.
            | Self::RateLimited
            | Self::UpstreamRejectedMessage => Side::Caller,
            Self::Overloaded | Self::Draining | Self::EarlierMessageFailed | Self::InternalError => Side::Gateway,
            Self::CircuitOpen
            | Self::UpstreamUnreachable
            | Self::UpstreamThrottled
            | Self::UpstreamError
            | Self::UpstreamTimeout
            | Self::UpstreamBadResponse
            | Self::UpstreamAuthRejected
            | Self::UpstreamMisconfigured => Side::Mq,
        }
    }

    /// What it says of a publish.
    #[must_use]
    pub const fn of_publish(self) -> OfPublish {
        match self {
            Self::MalformedJson
            | Self::ValidationFailed
            | Self::UnsupportedMediaType
            | Self::MessageTooLarge
            | Self::UriTooLong
            | Self::HeadersTooLarge
            | Self::MethodNotAllowed
            | Self::NotAcceptable
            | Self::RequestTimeout
            | Self::UnknownTopic
            | Self::CapabilityNotSupported
            | Self::OriginNotAllowed
            | Self::RateLimited
            | Self::Overloaded
            | Self::Draining
            | Self::CircuitOpen
            | Self::EarlierMessageFailed
            | Self::UpstreamUnreachable
            | Self::UpstreamThrottled
            | Self::UpstreamAuthRejected
            | Self::UpstreamMisconfigured
            | Self::UpstreamRejectedMessage => OfPublish::Always(Outcome::NotPublished),
            Self::UpstreamError | Self::UpstreamTimeout | Self::UpstreamBadResponse => {
                OfPublish::Always(Outcome::Unknown)
            }
            Self::InternalError => OfPublish::Depends,
            Self::NotFound
            | Self::UnknownGroup
            | Self::OperatorTokenRequired
            | Self::InvalidReceiptHandle
            | Self::ReceiptHandleExpired
            | Self::ForeignReceiptHandle => OfPublish::Nothing,
        }
    }
}

//! The table of problems: a row per code.

use crate::model::Side;

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

/// A code's row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The word in JSON and in `type`.
    pub code: &'static str,
    /// The status; a verb that the protocol lacks is 501 instead.
    pub status: u16,
    /// A short sentence.
    pub title: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What the caller does about it.
    pub advice: &'static str,
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

    /// The code's row.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one table, a row per code")]
    pub const fn row(self) -> Row {
        const fn row(
            code: &'static str,
            status: u16,
            retryable: bool,
            title: &'static str,
            advice: &'static str,
        ) -> Row {
            Row { code, status, title, retryable, advice }
        }
        match self {
            Self::MalformedJson => row(
                "malformed-json",
                400,
                false,
                "The body is not JSON.",
                "Fix the JSON at the place that `detail` names.",
            ),
            Self::ValidationFailed => row(
                "validation-failed",
                422,
                false,
                "The request does not have the expected shape.",
                "`errors` lists every field or parameter with what was expected.",
            ),
            Self::UnsupportedMediaType => row(
                "unsupported-media-type",
                415,
                false,
                "The content type is not supported here.",
                "Send JSON with `Content-Type: application/json`, or raw bytes with a type of their own. curl -d sends a form unless it is told otherwise.",
            ),
            Self::MessageTooLarge => row(
                "message-too-large",
                413,
                false,
                "The body or the message is too large.",
                "`limit` and `actual` are bytes. Send less, or a reference to it.",
            ),
            Self::UriTooLong => row(
                "uri-too-long",
                414,
                false,
                "The request target is too long.",
                "Send the options in a JSON envelope.",
            ),
            Self::HeadersTooLarge => row(
                "headers-too-large",
                431,
                false,
                "There are too many headers, or they are too large.",
                "Send fewer or shorter headers.",
            ),
            Self::NotFound => {
                row("not-found", 404, false, "There is nothing at this path.", "`/docs/` lists the routes.")
            }
            Self::MethodNotAllowed => row(
                "method-not-allowed",
                405,
                false,
                "The route has no such method.",
                "The `Allow` header lists those it has.",
            ),
            Self::NotAcceptable => row(
                "not-acceptable",
                406,
                false,
                "The answer has no type that the request accepts.",
                "Accept `application/json`.",
            ),
            Self::RequestTimeout => row(
                "request-timeout",
                408,
                false,
                "The request's body did not arrive in time.",
                "Send the body without pauses.",
            ),
            Self::UnknownTopic => row(
                "unknown-topic",
                404,
                false,
                "The topic is not configured.",
                "`GET /v1/topics` lists the topics; the operator adds one to `[[topics]]`.",
            ),
            Self::UnknownGroup => row(
                "unknown-group",
                404,
                false,
                "The consumer group is not configured for this topic.",
                "`GET /v1/topics` lists the groups; the operator adds one to the topic's `groups`.",
            ),
            Self::CapabilityNotSupported => row(
                "capability-not-supported",
                422,
                false,
                "The protocol behind this topic cannot do that.",
                "`GET /v1/topics/{topic}` shows what it can. 422 for a field, 501 for a verb.",
            ),
            Self::OriginNotAllowed => row(
                "origin-not-allowed",
                403,
                false,
                "Web pages of other origins may not call the gateway.",
                "The operator adds the origin to `server.allowed_origins`; a gateway on loopback answers to loopback names only.",
            ),
            Self::OperatorTokenRequired => row(
                "operator-token-required",
                403,
                false,
                "The operator's token is missing or wrong.",
                "Send `Authorization: Bearer` with the token of `management.token_file` of the gateway that is asked.",
            ),
            Self::InvalidReceiptHandle => row(
                "invalid-receipt-handle",
                400,
                false,
                "This is not a receipt handle of the gateway, or it is damaged.",
                "Send the handle exactly as it was received.",
            ),
            Self::ReceiptHandleExpired => row(
                "receipt-handle-expired",
                410,
                false,
                "The receipt handle is not valid any more.",
                "The message was acknowledged already; or a nack or an extend returned a newer handle: use that one; or the \
                 visibility timeout is over and the message is delivered again: acknowledge that delivery. To avoid this, extend \
                 in time where the topic can, ask for a longer `visibility_timeout_seconds`, or receive fewer messages at once.",
            ),
            Self::ForeignReceiptHandle => row(
                "foreign-receipt-handle",
                422,
                false,
                "The receipt handle belongs to another topic or group.",
                "Acknowledge under the topic and group that the message was received from.",
            ),
            Self::Overloaded => row("overloaded", 503, true, "The gateway is full.", "Try again after `Retry-After`."),
            Self::RateLimited => row(
                "rate-limited",
                429,
                true,
                "The topic's rate is used up.",
                "Try again after `Retry-After`; nothing was sent.",
            ),
            Self::CircuitOpen => row(
                "circuit-open",
                503,
                true,
                "The MQ did not answer several times in a row and is left alone for a while.",
                "Try again after `Retry-After`; nothing was sent.",
            ),
            Self::Draining => {
                row("draining", 503, true, "The gateway is stopping.", "Try again: another replica answers.")
            }
            Self::EarlierMessageFailed => row(
                "earlier-message-failed",
                503,
                true,
                "An earlier message of the same message group was not stored.",
                "Fix or repeat the earlier one first, then this one: their order is kept.",
            ),
            Self::UpstreamUnreachable => row(
                "upstream-unreachable",
                503,
                true,
                "The MQ could not be reached; nothing was sent.",
                "Try again; the message is not stored.",
            ),
            Self::UpstreamThrottled => row(
                "upstream-throttled",
                503,
                true,
                "The MQ asks for patience.",
                "Try again after `Retry-After`; the message is not stored.",
            ),
            Self::UpstreamError => row(
                "upstream-error",
                502,
                true,
                "The MQ failed.",
                "The message may be stored: repeat it only where a duplicate does no harm.",
            ),
            Self::UpstreamTimeout => row(
                "upstream-timeout",
                504,
                true,
                "The MQ did not answer in time.",
                "The message may be stored: repeat it only where a duplicate does no harm.",
            ),
            Self::UpstreamBadResponse => row(
                "upstream-bad-response",
                502,
                true,
                "The MQ's answer could not be believed.",
                "The message may be stored: repeat it only where a duplicate does no harm.",
            ),
            Self::UpstreamAuthRejected => row(
                "upstream-auth-rejected",
                502,
                true,
                "The MQ refused the gateway's credentials.",
                "Tell the operator: keys, clock, or a topic or group of another account.",
            ),
            Self::UpstreamMisconfigured => {
                row("upstream-misconfigured", 502, false, "The MQ has no such topic or group.", "Tell the operator.")
            }
            Self::UpstreamRejectedMessage => row(
                "upstream-rejected-message",
                422,
                false,
                "The MQ refused the content.",
                "`vendor_code` is the MQ's own reason.",
            ),
            Self::InternalError => row(
                "internal-error",
                500,
                true,
                "The gateway has a bug.",
                "Report it with `request_id`. `outcome` says whether a message may be stored.",
            ),
        }
    }
}

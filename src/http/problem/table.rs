//! The table of problems: a row per code.

use super::Code;

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
                "Mend what `errors` lists: every field or parameter, with what was expected.",
            ),
            Self::UnsupportedMediaType => row(
                "unsupported-media-type",
                415,
                false,
                "The content type is not supported here.",
                "Send JSON with `Content-Type: application/json`, or raw bytes with a type of their own. `curl -d` sends a form unless it is told otherwise.",
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
            Self::Overloaded => row(
                "overloaded",
                503,
                true,
                "The gateway is full.",
                "Try again after `Retry-After`. Where it is full often, send less at once, or ask the operator for more memory or replicas.",
            ),
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
                "Try again after `Retry-After`. Where it stays, tell the operator: address, DNS, network or TLS.",
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
                "The message may be stored: repeat it only where a duplicate does no harm, as where consumers know a message again by its key.",
            ),
            Self::UpstreamTimeout => row(
                "upstream-timeout",
                504,
                true,
                "The MQ did not answer in time.",
                "The message may be stored: repeat it only where a duplicate does no harm, as where consumers know a message again by its key.",
            ),
            Self::UpstreamBadResponse => row(
                "upstream-bad-response",
                502,
                true,
                "The MQ's answer could not be believed.",
                "The message may be stored: repeat it only where a duplicate does no harm, as where consumers know a message again by its key.",
            ),
            Self::UpstreamAuthRejected => row(
                "upstream-auth-rejected",
                502,
                true,
                "The MQ refused the gateway's credentials.",
                "Tell the operator: keys, clock, or a topic or group of another account. `mq-gateway doctor` says what can be told of them.",
            ),
            Self::UpstreamMisconfigured => row(
                "upstream-misconfigured",
                502,
                false,
                "The MQ has no such topic or group.",
                "Tell the operator: it has to be created at the MQ, or the configuration names another one.",
            ),
            Self::UpstreamRejectedMessage => row(
                "upstream-rejected-message",
                422,
                false,
                "The MQ refused the content.",
                "Change the message: `vendor_code`, where the MQ gave one, is its reason.",
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

//! What an answer, or none, means: the statuses of the protocol and the failures of calls in the contract's rows.

use std::time::Duration;

use crate::outbound::{GrpcError, GrpcStatus, Verdict};
use crate::protocol::rocketmq::wire::Status;
use crate::protocol::rocketmq::{Code, nothing_was_sent};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// What was asked, as far as it makes a difference for what a status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Route,
    Publish,
    Receive,
    /// An acknowledgement, or a change of visibility.
    Delivery,
}

/// The code of an answer; one without a status is no answer of the protocol.
pub(super) fn code(status: Option<&Status>) -> Result<Code, UpstreamError> {
    status.map(|status| Code::of(status.code)).ok_or_else(|| {
        UpstreamError::new(UpstreamErrorKind::BadResponse, "the MQ's answer could not be used: it has no status")
    })
}

/// The row of a status that is no success.
pub(super) fn kind(code: Code, text: &str, asked: Asked) -> UpstreamErrorKind {
    use UpstreamErrorKind as Kind;
    // The caller's is only what the caller can change: a message's content, or the handle that it brought.
    let content = match asked {
        Asked::Publish | Asked::Delivery => Kind::RejectedMessage,
        Asked::Receive | Asked::Route => Kind::Misconfigured,
    };
    match code {
        Code::InvalidReceiptHandle => Kind::StaleHandle,
        Code::Unauthorized | Code::Forbidden | Code::PaymentRequired => Kind::AuthRejected,
        Code::TooManyRequests => Kind::Throttled,
        Code::RequestTimeout | Code::ProxyTimeout => Kind::Timeout,
        Code::NotFound
        | Code::TopicNotFound
        | Code::ConsumerGroupNotFound
        | Code::IllegalAccessPoint
        | Code::IllegalTopic
        | Code::IllegalConsumerGroup
        | Code::IllegalFilterExpression
        | Code::ClientIdRequired
        | Code::UnrecognizedClientType
        | Code::NotImplemented
        | Code::Unsupported
        | Code::VersionUnsupported => Kind::Misconfigured,
        Code::MessagePropertyConflictWithType => Kind::WrongTopicType,
        Code::BadRequest
        | Code::IllegalMessageTag
        | Code::IllegalMessageKey
        | Code::IllegalMessageGroup
        | Code::IllegalMessagePropertyKey
        | Code::InvalidTransactionId
        | Code::IllegalMessageId
        | Code::IllegalInvisibleTime
        | Code::IllegalDeliveryTime
        | Code::MessageCorrupted
        | Code::IllegalPollingTime
        | Code::PayloadTooLarge
        | Code::MessageBodyTooLarge
        | Code::MessageBodyEmpty
        | Code::PreconditionFailed
        | Code::RequestHeaderFieldsTooLarge
        | Code::MessagePropertiesTooLarge => content,
        Code::InternalServerError if nothing_was_sent(code, text) => Kind::Unreachable,
        Code::InternalServerError if is_unknown_group(text) => Kind::Misconfigured,
        Code::InternalError | Code::InternalServerError => Kind::ServerError,
        Code::Ok
        | Code::MultipleResults
        | Code::MessageNotFound
        | Code::HaNotAvailable
        | Code::MasterPersistenceTimeout
        | Code::SlavePersistenceTimeout
        | Code::FailedToConsumeMessage
        | Code::Other(_) => Kind::BadResponse,
    }
}

/// In words of the server, which has no code for it here: 5.3 says it to a receive, 5.5 to the settings already.
fn is_unknown_group(text: &str) -> bool {
    text.contains("subscription group") && text.contains("not exist") || text.contains("group not found")
}

fn unknown_group(shown: &str) -> String {
    format!("the MQ knows no such group{shown}; an operator creates it with `mqadmin updateSubGroup`")
}

/// The error for a status that is no success, with words for people. The server's own are repeated only where they are about the
/// request's content: elsewhere they may be anything.
pub(super) fn refusal(status: Option<&Status>, asked: Asked) -> UpstreamError {
    let code = match code(status) {
        Ok(code) => code,
        Err(error) => return error,
    };
    let text = status.map(|status| status.message.as_str()).unwrap_or_default();
    let kind = kind(code, text, asked);
    let shown = code.to_string();
    let detail = match kind {
        UpstreamErrorKind::AuthRejected => {
            format!("the MQ refused our credentials, or denies them this topic or group: {shown}")
        }
        UpstreamErrorKind::Throttled => format!("the MQ throttled the request: {shown}"),
        UpstreamErrorKind::Timeout => format!("the MQ's broker did not answer in time: {shown}"),
        UpstreamErrorKind::ServerError => format!("the MQ failed with {shown}"),
        UpstreamErrorKind::Unreachable => format!("the MQ's proxy could not connect to a broker: {shown}"),
        UpstreamErrorKind::StaleHandle => {
            format!("the receipt handle is no longer valid: {shown}; the message comes again")
        }
        UpstreamErrorKind::Misconfigured if is_unknown_group(text) || code == Code::ConsumerGroupNotFound => {
            unknown_group(&format!(": {shown}"))
        }
        UpstreamErrorKind::Misconfigured => format!("the MQ does not take this request: {shown}{}", quoted(text)),
        UpstreamErrorKind::RejectedMessage | UpstreamErrorKind::WrongTopicType => {
            format!("the MQ refused the request with {shown}{}{}", quoted(text), limit_of_its_own(code))
        }
        UpstreamErrorKind::BadResponse | UpstreamErrorKind::CircuitOpen | UpstreamErrorKind::Overloaded => {
            format!("the MQ answered with {shown}, which the protocol does not have here")
        }
    };
    let vendor_code = Some(code.word().map_or_else(|| code.number().to_string(), str::to_owned));
    UpstreamError { vendor_code, ..UpstreamError::new(kind, detail) }
}

/// What to do about a limit of the cluster's that is below ours: ours were kept before anything was sent.
const fn limit_of_its_own(code: Code) -> &'static str {
    if matches!(code, Code::IllegalDeliveryTime) {
        "; choose an earlier time: the cluster's limit is below the profile's `max_delay`"
    } else if matches!(code, Code::MessageBodyTooLarge) {
        "; send less: the cluster's limit is below the profile's `max_message_bytes`"
    } else if matches!(code, Code::MessagePropertiesTooLarge) {
        "; send fewer properties: the cluster's limit is below 128 of them and 16 KiB"
    } else {
        ""
    }
}

/// A server's words, at most 200 characters of the first line.
fn quoted(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let shown: String = line.chars().filter(|character| !character.is_control()).take(200).collect();
    if shown.is_empty() { shown } else { format!(": {shown}") }
}

impl From<GrpcError> for UpstreamError {
    fn from(error: GrpcError) -> Self {
        use UpstreamErrorKind as Kind;
        let (kind, detail) = match &error {
            // Values are checked when they are read, so this is a fault of ours; nothing was sent all the same.
            GrpcError::Unwritable(_) => (Kind::Unreachable, format!("the request could not be written: {error}")),
            GrpcError::NotConnected(_) => (Kind::Unreachable, format!("could not connect to the MQ: {error}")),
            GrpcError::TimedOutUnsent => (Kind::Unreachable, error.to_string()),
            GrpcError::TimedOut { .. } => (Kind::Timeout, error.to_string()),
            GrpcError::Broken(_) => (Kind::BadResponse, format!("the MQ's answer could not be used: {error}")),
            GrpcError::Status { message, .. } if is_unknown_group(message) => (Kind::Misconfigured, unknown_group("")),
            GrpcError::Status { status, .. } => match status {
                // Nothing of ours was looked at.
                GrpcStatus::Unimplemented => {
                    (Kind::Misconfigured, "this is not a RocketMQ 5 proxy: it does not know the request".to_owned())
                }
                GrpcStatus::Denied => (Kind::AuthRejected, "something in front of the MQ denies us access".to_owned()),
                GrpcStatus::DeadlineExceeded => (Kind::Timeout, "the MQ says that the deadline has passed".to_owned()),
                GrpcStatus::Unavailable => {
                    (Kind::ServerError, "the MQ, or what is behind it, is unavailable".to_owned())
                }
                GrpcStatus::BrokenOff | GrpcStatus::Other => (Kind::ServerError, format!("the MQ failed: {error}")),
            },
        };
        Self::new(kind, detail)
    }
}

/// What a call says about its endpoint; `None` where it says nothing, since it had less than `patience` on the wire.
pub(super) fn verdict<A>(call: &Result<A, GrpcError>, patience: Duration) -> Option<Verdict> {
    match call {
        Err(GrpcError::Unwritable(_) | GrpcError::TimedOutUnsent) => None,
        Err(GrpcError::TimedOut { on_the_wire }) if *on_the_wire < patience => None,
        Err(GrpcError::NotConnected(_) | GrpcError::Broken(_) | GrpcError::TimedOut { .. }) => {
            Some(Verdict::Unanswered)
        }
        Ok(_) | Err(GrpcError::Status { .. }) => Some(Verdict::Answered),
    }
}

#[cfg(test)]
mod tests {
    use UpstreamErrorKind as Kind;

    use super::*;

    fn status(code: i32, message: &str) -> Option<Status> {
        Some(Status { code, message: message.to_owned() })
    }

    #[test]
    fn every_status_has_its_row() {
        let check = |code, asked, expected| assert_eq!(kind(Code::of(code), "", asked), expected, "{code} {asked:?}");
        for (code, expected) in [
            (40002, Kind::Misconfigured),
            (40004, Kind::RejectedMessage),
            (40007, Kind::RejectedMessage),
            (40012, Kind::RejectedMessage),
            (40014, Kind::WrongTopicType),
            (40100, Kind::AuthRejected),
            (40300, Kind::AuthRejected),
            (40402, Kind::Misconfigured),
            (41301, Kind::RejectedMessage),
            (42900, Kind::Throttled),
            (43101, Kind::RejectedMessage),
            (50000, Kind::ServerError),
            (50001, Kind::ServerError),
            (50100, Kind::Misconfigured),
            (50400, Kind::Timeout),
            (40800, Kind::Timeout),
            (99999, Kind::BadResponse),
        ] {
            check(code, Asked::Publish, expected);
        }
        check(40013, Asked::Delivery, Kind::StaleHandle);
        check(40000, Asked::Delivery, Kind::RejectedMessage);
        check(40000, Asked::Receive, Kind::Misconfigured);
        check(40011, Asked::Receive, Kind::Misconfigured);
        check(40403, Asked::Receive, Kind::Misconfigured);
    }

    #[test]
    fn the_bag_of_causes_is_told_apart_by_its_text() {
        let kind = |text: &str| refusal(status(50001, text).as_ref(), Asked::Publish).kind;
        assert_eq!(kind("connect to 127.0.0.1:20911 failed"), Kind::Unreachable, "certainly not stored");
        assert_eq!(kind("send request to 127.0.0.1:20911 failed"), Kind::ServerError);
        let refused = refusal(status(50001, "subscription group [GID_x] does not exist").as_ref(), Asked::Receive);
        assert_eq!(refused.kind, Kind::Misconfigured);
        assert!(refused.detail.contains("updateSubGroup"), "{}", refused.detail);
    }

    #[test]
    fn a_servers_words_about_keys_are_not_repeated() {
        let refused = refusal(status(40100, "CANARY").as_ref(), Asked::Publish);
        assert!(!refused.detail.contains("CANARY"), "{}", refused.detail);
        assert_eq!(refused.vendor_code.as_deref(), Some("UNAUTHORIZED"));
        let refused = refusal(status(40004, "no such tag\nat java.lang").as_ref(), Asked::Publish);
        assert_eq!(refused.detail, "the MQ refused the request with 40004 (ILLEGAL_MESSAGE_TAG): no such tag");
        assert_eq!(refusal(None, Asked::Publish).kind, Kind::BadResponse);
        for (code, words) in
            [(40012, "below the profile's `max_delay`"), (41301, "`max_message_bytes`"), (43101, "16 KiB")]
        {
            let refused = refusal(status(code, "too much").as_ref(), Asked::Publish);
            assert!(refused.detail.contains(words) && refused.detail.contains(": too much; "), "{}", refused.detail);
        }
    }

    #[test]
    fn calls_without_an_answer() {
        let server = |status| GrpcError::Status { status, message: String::new() };
        for (error, kind, verdict_expected) in [
            (GrpcError::NotConnected("x".into()), Kind::Unreachable, Some(Verdict::Unanswered)),
            (GrpcError::TimedOutUnsent, Kind::Unreachable, None),
            (GrpcError::TimedOut { on_the_wire: Duration::from_secs(3) }, Kind::Timeout, None),
            (GrpcError::TimedOut { on_the_wire: Duration::from_secs(4) }, Kind::Timeout, Some(Verdict::Unanswered)),
            (GrpcError::Broken("x".into()), Kind::BadResponse, Some(Verdict::Unanswered)),
            (server(GrpcStatus::Unavailable), Kind::ServerError, Some(Verdict::Answered)),
            (server(GrpcStatus::DeadlineExceeded), Kind::Timeout, Some(Verdict::Answered)),
            (server(GrpcStatus::Unimplemented), Kind::Misconfigured, Some(Verdict::Answered)),
            (server(GrpcStatus::Denied), Kind::AuthRejected, Some(Verdict::Answered)),
            (server(GrpcStatus::BrokenOff), Kind::ServerError, Some(Verdict::Answered)),
            (server(GrpcStatus::Other), Kind::ServerError, Some(Verdict::Answered)),
        ] {
            assert_eq!(verdict::<()>(&Err(error.clone()), Duration::from_secs(4)), verdict_expected, "{error:?}");
            assert_eq!(UpstreamError::from(error.clone()).kind, kind, "{error:?}");
        }
        let message = "process client telemetryCommand failed. group not found: GID_none".to_owned();
        let error = UpstreamError::from(GrpcError::Status { status: GrpcStatus::Other, message });
        assert_eq!(error.kind, Kind::Misconfigured);
        assert!(error.detail.contains("updateSubGroup"), "{}", error.detail);
    }
}

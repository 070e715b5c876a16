//! An example of each problem: a request that meets it, and the answer. `/docs/problems` shows them, and the OpenAPI document has the
//! same. Each answer is made from the error that it is made from elsewhere, where that is a type; `tests/it/problems_page` asks a gateway
//! for the others.

use std::time::Duration;

use super::{Code, FieldError, OfPublish, Problem};
use crate::gateway::GatewayError;
use crate::http::body::BodyError;
use crate::http::head::HeadError;
use crate::memory::MemoryFull;
use crate::model::{Flaw, Outcome};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// The request that most problems answer: the README's first.
const PUBLISH: &str = r#"POST /v1/topics/orders/messages
Content-Type: application/json

{"body": {"order": 17, "state": "paid"},
 "tag": "paid", "keys": ["order-17"]}"#;

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Example {
    /// Method and target; the headers that matter, a line each; an empty line and the body. `…` stands for more of the same.
    pub request: &'static str,
    /// The answer, or the part of it that is of one handle or message.
    pub problem: Problem,
}

impl Example {
    /// The request id in the answers.
    pub const REQUEST_ID: &'static str = "5b1f0c6a2e9d47830000001c";

    /// The answer holds results, and the problem is that of one of them.
    #[must_use]
    pub fn is_of_a_result(&self) -> bool {
        let target = self.request.lines().next().unwrap_or_default();
        [":ack", ":nack", ":extend", ":batch"].iter().any(|verb| target.ends_with(verb))
    }
}

impl Code {
    /// The code's example.
    #[must_use]
    pub fn example(self) -> Example {
        let (request, problem) = self.request_and_problem();
        let outcome = match self.of_publish() {
            OfPublish::Always(outcome) => Some(outcome),
            OfPublish::Depends => problem.outcome,
            OfPublish::Nothing => None,
        };
        Example { request, problem: Problem { outcome, ..problem } }
    }

    #[expect(clippy::too_many_lines, reason = "one table, a row per code")]
    fn request_and_problem(self) -> (&'static str, Problem) {
        match self {
            Self::MalformedJson => (
                r#"POST /v1/topics/orders/messages
Content-Type: application/json

{"body": {"order": 17, "state": "paid"}, "tag": "paid""#,
                Problem::new(self, "the body is not valid JSON: it ends too early (line 1, column 54)"),
            ),
            Self::ValidationFailed => (
                r#"POST /v1/topics/orders/messages
Content-Type: application/json

{"body": {"order": 17, "state": "paid"},
 "tags": "paid", "keys": ["order-17"]}"#,
                Problem::invalid(vec![FieldError::at(
                    "/tags",
                    "is unknown: did you mean tag? (known are body, encoding, tag, keys, properties, message_group, deliver_at, \
                     delay_seconds)",
                )]),
            ),
            Self::UnsupportedMediaType => (
                r#"POST /v1/topics/orders/messages
Content-Type: application/x-www-form-urlencoded

{"body": {"order": 17, "state": "paid"}, "tag": "paid"}"#,
                Problem::new(
                    self,
                    "a form is no message: send -H 'Content-Type: application/json' with an envelope, or raw bytes with a type of \
                     their own such as text/plain (curl -d sends a form unasked)",
                ),
            ),
            Self::MessageTooLarge => (
                r#"POST /v1/topics/orders/messages
Content-Type: application/json

{"body": "…", "tag": "paid"}"#,
                GatewayError::TooLarge { limit: 65_536, actual: 70_000 }.into(),
            ),
            Self::UriTooLong => (
                "POST /v1/topics/orders/messages?tag=paid&key=order-17&key=…",
                HeadError::UriTooLong { limit: 8192, actual: 9000 }.into(),
            ),
            Self::HeadersTooLarge => (
                "POST /v1/topics/orders/messages\nCookie: …",
                HeadError::HeadersTooLarge { limit: 32_768, actual: 40_000 }.into(),
            ),
            Self::NotFound => (
                "POST /v1/topics/orders/message",
                Problem::new(
                    self,
                    "there is nothing at this path: did you mean /v1/topics/orders/messages? /docs/ lists the routes",
                ),
            ),
            Self::MethodNotAllowed => {
                ("PUT /v1/topics/orders/messages", HeadError::MethodNotAllowed { allow: "POST" }.into())
            }
            Self::NotAcceptable => (
                "POST /v1/topics/orders/messages\nAccept: text/html",
                HeadError::NotAcceptable { produces: "application/json", also: None }.into(),
            ),
            Self::RequestTimeout => (PUBLISH, BodyError::Late(Duration::from_secs(10)).into()),
            Self::UnknownTopic => ("POST /v1/topics/order/messages", GatewayError::UnknownTopic.into()),
            Self::UnknownGroup => {
                ("POST /v1/topics/orders/groups/biling/messages:receive", GatewayError::UnknownGroup.into())
            }
            Self::CapabilityNotSupported => {
                let detail = "ons-http carries no properties: put them into the body".to_owned();
                let error = GatewayError::UnsupportedField { field: "properties", flaw: Flaw::NoProperties, detail };
                (
                    r#"POST /v1/topics/orders/messages
Content-Type: application/json

{"body": {"order": 17, "state": "paid"}, "properties": {"shop": "north"}}"#,
                    error.into(),
                )
            }
            Self::OriginNotAllowed => (
                "POST /v1/topics/orders/messages\nOrigin: https://shop.example.com",
                HeadError::OriginNotAllowed.into(),
            ),
            Self::OperatorTokenRequired => (
                "POST /v1/subscriptions/billing:pause",
                Problem::new(
                    self,
                    "send the token of management.token_file in one header: Authorization: Bearer TOKEN",
                ),
            ),
            Self::InvalidReceiptHandle => (
                r#"POST /v1/topics/orders/groups/billing/messages:ack
Content-Type: application/json

{"receipt_handles": ["v2.b3JkZXJz"]}"#,
                GatewayError::InvalidReceiptHandle.into(),
            ),
            Self::ReceiptHandleExpired => (
                r#"POST /v1/topics/orders/groups/billing/messages:extend
Content-Type: application/json

{"receipt_handles": ["v2.…"], "visibility_timeout_seconds": 600}"#,
                of_mq(
                    UpstreamErrorKind::StaleHandle,
                    "the receipt handle is no longer valid: the message is done, or was delivered again",
                ),
            ),
            Self::ForeignReceiptHandle => (
                r#"POST /v1/topics/orders/groups/audit/messages:ack
Content-Type: application/json

{"receipt_handles": ["v2.…"]}"#,
                GatewayError::ForeignReceiptHandle.into(),
            ),
            Self::RateLimited => {
                let retry_after = Duration::from_secs(1);
                (PUBLISH, GatewayError::RateLimited { per_second: 100, retry_after }.into())
            }
            Self::Overloaded => (PUBLISH, GatewayError::NoMemory(MemoryFull { limit: 268_435_456 }).into()),
            Self::Draining => (PUBLISH, HeadError::Stopping.into()),
            Self::CircuitOpen => {
                let error = UpstreamError {
                    retry_after: Some(Duration::from_secs(4)),
                    ..UpstreamError::new(
                        UpstreamErrorKind::CircuitOpen,
                        "the MQ did not answer several times in a row and is left alone for 4 s more",
                    )
                };
                (PUBLISH, GatewayError::from(error).into())
            }
            Self::EarlierMessageFailed => (
                r#"POST /v1/topics/orders/messages:batch
Content-Type: application/json

{"messages": [
  {"body": {"order": 17, "state": "paid"}, "message_group": "order-17"},
  {"body": {"order": 17, "state": "sent"}, "message_group": "order-17"}
]}"#,
                GatewayError::EarlierMessageFailed.into(),
            ),
            Self::UpstreamUnreachable => {
                (PUBLISH, of_mq(UpstreamErrorKind::Unreachable, "could not connect to the MQ: connecting timed out"))
            }
            Self::UpstreamThrottled => {
                let error = UpstreamError {
                    retry_after: Some(Duration::from_secs(60)),
                    ..UpstreamError::new(UpstreamErrorKind::Throttled, "the MQ throttled the request: 503")
                };
                (PUBLISH, GatewayError::from(error).into())
            }
            Self::UpstreamError => (PUBLISH, of_mq(UpstreamErrorKind::ServerError, "the MQ failed with 500")),
            Self::UpstreamTimeout => (PUBLISH, of_mq(UpstreamErrorKind::Timeout, "no complete answer came in time")),
            Self::UpstreamBadResponse => (
                PUBLISH,
                of_mq(
                    UpstreamErrorKind::BadResponse,
                    "the MQ's answer could not be used: the connection was closed without an answer",
                ),
            ),
            Self::UpstreamAuthRejected => (
                PUBLISH,
                of_mq(
                    UpstreamErrorKind::AuthRejected,
                    "the MQ refused our credentials, signature or clock, or they have no such topic or group, with 403; the \
                     clocks agree, as far as its Date header shows",
                ),
            ),
            Self::UpstreamMisconfigured => (
                PUBLISH,
                of_mq(
                    UpstreamErrorKind::Misconfigured,
                    "the MQ knows no such topic or group, or does not take this request: 404",
                ),
            ),
            Self::UpstreamRejectedMessage => {
                let error = UpstreamError {
                    vendor_code: Some("BODY_TOO_BIG".to_owned()),
                    ..UpstreamError::new(
                        UpstreamErrorKind::RejectedMessage,
                        "the MQ refused the request with 400 (BODY_TOO_BIG)",
                    )
                };
                (PUBLISH, GatewayError::from(error).into())
            }
            Self::InternalError => {
                (PUBLISH, Problem { outcome: Some(Outcome::Unknown), ..Problem::new(self, Problem::BUG) })
            }
        }
    }
}

fn of_mq(kind: UpstreamErrorKind, detail: &str) -> Problem {
    GatewayError::from(UpstreamError::new(kind, detail)).into()
}

//! What a server says when it does not take a request.

use std::borrow::Cow;
use std::fmt;

use super::error_code::ErrorCode;
use super::{elements, write};

/// The text for a producer of half messages, whatever it asks for.
pub(super) const HALF_MESSAGES: &str = "Half messages are not supported: publish the message without __TransCheckT, \
                                        and call neither commit nor rollback nor consumeHalfMessage.";

/// Why a request is refused, with the vendor's status, code and wording (protocol notes MQ HTTP 4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Authorization`.
    #[error("Authorization header is required.")]
    MissingAuthorizationHeader,
    /// Not `MQ key:signature`.
    #[error("The Authorization header format is invalid.")]
    InvalidAuthorizationHeader,
    /// No `Date`.
    #[error("Date header is required.")]
    MissingDateHeader,
    /// Not the format of RFC 9110.
    #[error("The Date header format is invalid.")]
    InvalidDateHeader,
    /// `Date` is outside the window.
    #[error("The http request you sent is expired.")]
    TimeExpired,
    /// `Content-MD5` is not the body's.
    #[error("The Content-MD5 you specified is invalid.")]
    InvalidDigest,
    /// No such access key.
    #[error("The AccessKey Id you provided is not exist.")]
    InvalidAccessKeyId,
    /// Not what we compute.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your key and signing \
         method."
    )]
    SignatureDoesNotMatch,
    /// The access key may not do this; the word in metrics and logs says why.
    #[error("The OwnerId that your Access Key Id associated to is forbidden for this operation.")]
    AccessDenied(&'static str),
    /// The body is no document.
    #[error("The XML you provided was not well-formed.")]
    MalformedXml,
    /// The request can be read and is not acceptable; the whole text.
    #[error("{0}")]
    InvalidArgument(Cow<'static, str>),
    /// Not the protocol's path.
    #[error("Http request URL format invalid.")]
    InvalidRequestUrl,
    /// The request line is longer than is read.
    #[error("Http request URL format invalid: it has {actual} bytes, the limit is {limit}.")]
    UrlTooLong {
        /// How long it may be.
        limit: usize,
        /// How long it is.
        actual: usize,
    },
    /// A query item is missing or cannot be read.
    #[error("Http request URL contains invalid querystring item \"{0}\".")]
    InvalidQueryString(&'static str),
    /// An acknowledgement of nothing.
    #[error("ReceiptHandle is required.")]
    MissingReceiptHandle,
    /// No such topic.
    #[error("The topic name you provided is not exist.")]
    TopicNotExist,
    /// No such consumer group; the wording is ours, no source has the vendor's.
    #[error("The consumer group you provided is not exist.")]
    SubscriptionNotExist,
    /// The normal response to a poll that found nothing.
    #[error("Message not exist.")]
    MessageNotExist,
    /// Too many requests.
    #[error("The qps limit of the queue is exceeded")]
    QpsLimitExceeded,
    /// A fault on our side.
    #[error("Internal error.")]
    InternalError,
    /// Neither `POST` nor `GET` nor `DELETE`.
    #[error("Http request method invalid: POST publishes, GET consumes, DELETE acknowledges.")]
    MethodNotAllowed,
    /// The connection ended before the body did.
    #[error("The body of the request did not arrive in full.")]
    IncompleteBody,
}

impl Refusal {
    /// A document whose `cause` is not as it has to be.
    pub(super) fn schema(cause: impl fmt::Display) -> Self {
        let text = format!("The XML you provided did not validate against our published schema, cause by {cause}.");
        Self::InvalidArgument(Cow::Owned(text))
    }

    /// The response's status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::MissingAuthorizationHeader
            | Self::InvalidAuthorizationHeader
            | Self::MissingDateHeader
            | Self::InvalidDateHeader
            | Self::InvalidDigest
            | Self::MalformedXml
            | Self::InvalidArgument(_)
            | Self::InvalidRequestUrl
            | Self::UrlTooLong { .. }
            | Self::InvalidQueryString(_)
            | Self::MissingReceiptHandle
            | Self::IncompleteBody => 400,
            Self::InvalidAccessKeyId | Self::SignatureDoesNotMatch | Self::AccessDenied(_) => 403,
            Self::TopicNotExist | Self::SubscriptionNotExist | Self::MessageNotExist => 404,
            Self::MethodNotAllowed => 405,
            Self::TimeExpired => 408,
            Self::InternalError => 500,
            Self::QpsLimitExceeded => 503,
        }
    }

    /// The vendor's code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::MissingAuthorizationHeader => ErrorCode::MissingAuthorizationHeader,
            Self::InvalidAuthorizationHeader => ErrorCode::InvalidAuthorizationHeader,
            Self::MissingDateHeader => ErrorCode::MissingDateHeader,
            Self::InvalidDateHeader => ErrorCode::InvalidDateHeader,
            Self::TimeExpired => ErrorCode::TimeExpired,
            Self::InvalidDigest => ErrorCode::InvalidDigest,
            Self::InvalidAccessKeyId => ErrorCode::InvalidAccessKeyId,
            Self::SignatureDoesNotMatch => ErrorCode::SignatureDoesNotMatch,
            Self::AccessDenied(_) => ErrorCode::AccessDenied,
            Self::MalformedXml => ErrorCode::MalformedXml,
            Self::InvalidArgument(_) | Self::IncompleteBody => ErrorCode::InvalidArgument,
            Self::InvalidRequestUrl | Self::UrlTooLong { .. } | Self::MethodNotAllowed => ErrorCode::InvalidRequestUrl,
            Self::InvalidQueryString(_) => ErrorCode::InvalidQueryString,
            Self::MissingReceiptHandle => ErrorCode::MissingReceiptHandle,
            Self::TopicNotExist => ErrorCode::TopicNotExist,
            Self::SubscriptionNotExist => ErrorCode::SubscriptionNotExist,
            Self::MessageNotExist => ErrorCode::MessageNotExist,
            Self::QpsLimitExceeded => ErrorCode::QpsLimitExceeded,
            Self::InternalError => ErrorCode::InternalError,
        }
    }

    /// The word in metrics and logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::MissingAuthorizationHeader => "missing_authorization",
            Self::InvalidAuthorizationHeader => "invalid_authorization",
            Self::MissingDateHeader => "missing_date",
            Self::InvalidDateHeader => "invalid_date",
            Self::TimeExpired => "clock",
            Self::InvalidDigest => "digest",
            Self::InvalidAccessKeyId => "access_key",
            Self::SignatureDoesNotMatch => "signature",
            Self::AccessDenied(reason) => reason,
            Self::MalformedXml => "malformed_xml",
            Self::InvalidArgument(_) => "invalid_argument",
            Self::InvalidRequestUrl => "invalid_url",
            Self::UrlTooLong { .. } => "url_too_long",
            Self::InvalidQueryString(_) => "invalid_query",
            Self::MissingReceiptHandle => "missing_receipt_handle",
            Self::TopicNotExist => "topic",
            Self::SubscriptionNotExist => "subscription",
            Self::MessageNotExist => "message_not_exist",
            Self::QpsLimitExceeded => "qps_limit",
            Self::InternalError => "internal_error",
            Self::MethodNotAllowed => "method",
            Self::IncompleteBody => "incomplete_body",
        }
    }

    /// The response's body. All four children, always: Python rejects an `Error` without `HostId` (protocol notes MQ
    /// HTTP 5, item 5).
    #[must_use]
    pub fn body(&self, request_id: &str, host_id: &str) -> String {
        let text = self.to_string();
        let mut xml = write::begin(elements::ERROR, text.len() + request_id.len() + host_id.len() + 128);
        write::element(&mut xml, elements::CODE, self.code().as_str().unwrap_or_default());
        write::element(&mut xml, elements::MESSAGE, &write::legible(&text));
        write::element(&mut xml, elements::REQUEST_ID, &write::legible(request_id));
        write::element(&mut xml, elements::HOST_ID, &write::legible(host_id));
        write::close(&mut xml, elements::ERROR);
        xml
    }
}

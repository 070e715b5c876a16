//! The protocol's error codes (protocol notes MQ HTTP 4).

use crate::protocol::error_code::error_codes;

error_codes! {
    MissingAuthorizationHeader = "MissingAuthorizationHeader",
    InvalidAuthorizationHeader = "InvalidAuthorizationHeader",
    MissingDateHeader = "MissingDateHeader",
    InvalidDateHeader = "InvalidDateHeader",
    TimeExpired = "TimeExpired",
    InvalidDigest = "InvalidDigest",
    InvalidAccessKeyId = "InvalidAccessKeyId",
    SignatureDoesNotMatch = "SignatureDoesNotMatch",
    AccessDenied = "AccessDenied",
    MalformedXml = "MalformedXML",
    InvalidArgument = "InvalidArgument",
    InvalidRequestUrl = "InvalidRequestURL",
    InvalidQueryString = "InvalidQueryString",
    MissingReceiptHandle = "MissingReceiptHandle",
    // A handle that is none, or none any more.
    ReceiptHandleError = "ReceiptHandleError",
    TopicNotExist = "TopicNotExist",
    SubscriptionNotExist = "SubscriptionNotExist",
    // An empty poll, or a handle that came too late.
    MessageNotExist = "MessageNotExist",
    QpsLimitExceeded = "QpsLimitExceeded",
    InternalError = "InternalError",
    InternalServerError = "InternalServerError",
}

//! The names of the elements, each written down once (protocol notes MQ HTTP 3 and 4).

/// Namespace of what we write, without the slash at the end that some SDKs write: Java reads an `Error` in this one only,
/// which is also the real service's (protocol notes MQ HTTP 4). In what we read it is ignored.
pub const NAMESPACE: &str = "http://mq.aliyuncs.com/doc/v1";

/// Root of a publish and of its response, one message of a consume, and an error's words.
pub(super) const MESSAGE: &str = "Message";
/// Root of a consume's response.
pub(super) const MESSAGES: &str = "Messages";
/// Root of an acknowledgement.
pub(super) const RECEIPT_HANDLES: &str = "ReceiptHandles";
/// Root of an error, and one handle's error.
pub(super) const ERROR: &str = "Error";
/// Root of the response to an acknowledgement that failed in part.
pub(super) const ERRORS: &str = "Errors";

pub(super) const MESSAGE_BODY: &str = "MessageBody";
pub(super) const MESSAGE_TAG: &str = "MessageTag";
pub(super) const PROPERTIES: &str = "Properties";
pub(super) const MESSAGE_ID: &str = "MessageId";
pub(super) const MESSAGE_BODY_MD5: &str = "MessageBodyMD5";
pub(super) const RECEIPT_HANDLE: &str = "ReceiptHandle";
pub(super) const PUBLISH_TIME: &str = "PublishTime";
pub(super) const FIRST_CONSUME_TIME: &str = "FirstConsumeTime";
pub(super) const NEXT_CONSUME_TIME: &str = "NextConsumeTime";
pub(super) const CONSUMED_TIMES: &str = "ConsumedTimes";

pub(super) const CODE: &str = "Code";
pub(super) const REQUEST_ID: &str = "RequestId";
pub(super) const HOST_ID: &str = "HostId";
pub(super) const ERROR_CODE: &str = "ErrorCode";
pub(super) const ERROR_MESSAGE: &str = "ErrorMessage";

const ALL: [&str; 20] = [
    MESSAGE,
    MESSAGES,
    RECEIPT_HANDLES,
    ERROR,
    ERRORS,
    MESSAGE_BODY,
    MESSAGE_TAG,
    PROPERTIES,
    MESSAGE_ID,
    MESSAGE_BODY_MD5,
    RECEIPT_HANDLE,
    PUBLISH_TIME,
    FIRST_CONSUME_TIME,
    NEXT_CONSUME_TIME,
    CONSUMED_TIMES,
    CODE,
    REQUEST_ID,
    HOST_ID,
    ERROR_CODE,
    ERROR_MESSAGE,
];

/// The name as one of ours; `""` for an element that the protocol does not have.
pub(super) fn named(name: &str) -> &'static str {
    ALL.into_iter().find(|known| *known == name).unwrap_or_default()
}

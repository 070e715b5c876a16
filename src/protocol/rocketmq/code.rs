//! The code of a status.

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $number:literal $word:literal,)+) => {
        /// What came of a request, as the server says it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)+
            /// A number that this version does not know.
            Other(i32),
        }

        impl Code {
            /// The code with a number.
            #[must_use]
            pub const fn of(number: i32) -> Self {
                match number {
                    $($number => Self::$code,)+
                    other => Self::Other(other),
                }
            }

            /// Its number.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self {
                    $(Self::$code => $number,)+
                    Self::Other(number) => number,
                }
            }

            /// Its word; unknown ones have none.
            #[must_use]
            pub const fn word(self) -> Option<&'static str> {
                match self {
                    $(Self::$code => Some($word),)+
                    Self::Other(_) => None,
                }
            }
        }

        /// `40402 (TOPIC_NOT_FOUND)`.
        impl std::fmt::Display for Code {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.word() {
                    Some(word) => write!(f, "{} ({word})", self.number()),
                    None => write!(f, "{}", self.number()),
                }
            }
        }

        #[cfg(test)]
        pub(super) const KNOWN: &[Code] = &[$(Code::$code,)+];
    };
}

codes! {
    /// Done.
    Ok = 20000 "OK",
    /// The parts differ: each has its own.
    MultipleResults = 30000 "MULTIPLE_RESULTS",
    /// Something about the request.
    BadRequest = 40000 "BAD_REQUEST",
    /// The address that the client says it dialled.
    IllegalAccessPoint = 40001 "ILLEGAL_ACCESS_POINT",
    /// A topic's name.
    IllegalTopic = 40002 "ILLEGAL_TOPIC",
    /// A group's name.
    IllegalConsumerGroup = 40003 "ILLEGAL_CONSUMER_GROUP",
    /// A tag.
    IllegalMessageTag = 40004 "ILLEGAL_MESSAGE_TAG",
    /// A key.
    IllegalMessageKey = 40005 "ILLEGAL_MESSAGE_KEY",
    /// A message group.
    IllegalMessageGroup = 40006 "ILLEGAL_MESSAGE_GROUP",
    /// A property.
    IllegalMessagePropertyKey = 40007 "ILLEGAL_MESSAGE_PROPERTY_KEY",
    /// Of no transaction.
    InvalidTransactionId = 40008 "INVALID_TRANSACTION_ID",
    /// A message id.
    IllegalMessageId = 40009 "ILLEGAL_MESSAGE_ID",
    /// A filter.
    IllegalFilterExpression = 40010 "ILLEGAL_FILTER_EXPRESSION",
    /// Shorter or longer than a delivery can be hidden.
    IllegalInvisibleTime = 40011 "ILLEGAL_INVISIBLE_TIME",
    /// Too far ahead.
    IllegalDeliveryTime = 40012 "ILLEGAL_DELIVERY_TIME",
    /// Its time is over.
    InvalidReceiptHandle = 40013 "INVALID_RECEIPT_HANDLE",
    /// The topic is for messages of another type, or not there.
    MessagePropertyConflictWithType = 40014 "MESSAGE_PROPERTY_CONFLICT_WITH_TYPE",
    /// The client's settings are not there.
    UnrecognizedClientType = 40015 "UNRECOGNIZED_CLIENT_TYPE",
    /// A message that cannot be, or several topics in one request.
    MessageCorrupted = 40016 "MESSAGE_CORRUPTED",
    /// No client id in the metadata.
    ClientIdRequired = 40017 "CLIENT_ID_REQUIRED",
    /// Shorter or longer than a poll can be.
    IllegalPollingTime = 40018 "ILLEGAL_POLLING_TIME",
    /// Keys missing, unknown or not permitted this.
    Unauthorized = 40100 "UNAUTHORIZED",
    /// Not paid for.
    PaymentRequired = 40200 "PAYMENT_REQUIRED",
    /// Not permitted.
    Forbidden = 40300 "FORBIDDEN",
    /// Something is not there.
    NotFound = 40400 "NOT_FOUND",
    /// No message.
    MessageNotFound = 40401 "MESSAGE_NOT_FOUND",
    /// No such topic.
    TopicNotFound = 40402 "TOPIC_NOT_FOUND",
    /// No such group.
    ConsumerGroupNotFound = 40403 "CONSUMER_GROUP_NOT_FOUND",
    /// The broker was late.
    RequestTimeout = 40800 "REQUEST_TIMEOUT",
    /// The request is too large.
    PayloadTooLarge = 41300 "PAYLOAD_TOO_LARGE",
    /// The body is too large.
    MessageBodyTooLarge = 41301 "MESSAGE_BODY_TOO_LARGE",
    /// There is no body.
    MessageBodyEmpty = 41302 "MESSAGE_BODY_EMPTY",
    /// Something else has to be first.
    PreconditionFailed = 42800 "PRECONDITION_FAILED",
    /// Come back later.
    TooManyRequests = 42900 "TOO_MANY_REQUESTS",
    /// The metadata is too large.
    RequestHeaderFieldsTooLarge = 43100 "REQUEST_HEADER_FIELDS_TOO_LARGE",
    /// Too many properties, or too large ones.
    MessagePropertiesTooLarge = 43101 "MESSAGE_PROPERTIES_TOO_LARGE",
    /// Something went wrong there.
    InternalError = 50000 "INTERNAL_ERROR",
    /// The same: a bag of many causes, told apart by their text only.
    InternalServerError = 50001 "INTERNAL_SERVER_ERROR",
    /// Stored, and no replica has it.
    HaNotAvailable = 50002 "HA_NOT_AVAILABLE",
    /// Not there in this server.
    NotImplemented = 50100 "NOT_IMPLEMENTED",
    /// The broker did not answer the proxy in time.
    ProxyTimeout = 50400 "PROXY_TIMEOUT",
    /// Stored, and not on the disk in time.
    MasterPersistenceTimeout = 50401 "MASTER_PERSISTENCE_TIMEOUT",
    /// Stored, and not on a replica in time.
    SlavePersistenceTimeout = 50402 "SLAVE_PERSISTENCE_TIMEOUT",
    /// Not supported.
    Unsupported = 50500 "UNSUPPORTED",
    /// Not supported for this version of the client.
    VersionUnsupported = 50501 "VERSION_UNSUPPORTED",
    /// The client could not consume the message.
    FailedToConsumeMessage = 60000 "FAILED_TO_CONSUME_MESSAGE",
}

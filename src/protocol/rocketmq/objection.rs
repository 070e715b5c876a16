//! What the protocol does not carry of a message.

use super::limits::{MAX_GROUP_BYTES, MAX_PROPERTIES, MAX_PROPERTY_BYTES};
use crate::model::{Capabilities, Flaw, Message, UnixMillis};
use crate::protocol::objection::{Objection, lacking};

/// Names that RocketMQ itself gives a meaning; some more begin with `__` or `TIMER_`.
const RESERVED: &[&str] = &[
    "KEYS",
    "TAGS",
    "WAIT",
    "DELAY",
    "RETRY_TOPIC",
    "REAL_TOPIC",
    "REAL_QID",
    "TRAN_MSG",
    "PGROUP",
    "MIN_OFFSET",
    "MAX_OFFSET",
    "BUYER_ID",
    "ORIGIN_MESSAGE_ID",
    "TRANSFER_FLAG",
    "CORRECTION_FLAG",
    "MQ2_FLAG",
    "RECONSUME_TIME",
    "MSG_REGION",
    "TRACE_ON",
    "UNIQ_KEY",
    "EXTEND_UNIQ_INFO",
    "MAX_RECONSUME_TIMES",
    "CONSUME_START_TIME",
    "TRAN_PREPARED_QUEUE_OFFSET",
    "TRANSACTION_CHECK_TIMES",
    "CHECK_IMMUNITY_TIME_IN_SECONDS",
    "INSTANCE_ID",
    "CORRELATION_ID",
    "REPLY_TO_CLIENT",
    "TTL",
    "ARRIVE_TIME",
    "PUSH_REPLY_TIME",
    "CLUSTER",
    "MSG_TYPE",
    "POP_CK",
    "POP_CK_OFFSET",
    "1ST_POP_TIME",
    "INNER_MULTI_QUEUE_OFFSET",
    "INNER_MULTI_DISPATCH",
    "INNER_NUM",
    "DUP_INFO",
    "CRC32#",
];

/// Why the protocol, used as `able` says, does not carry a message. Times after `latest` are too far ahead.
#[must_use]
pub fn objection(message: &Message, able: &Capabilities, latest: UnixMillis) -> Option<Objection> {
    lacking(message, message.body.len(), able)
        .or_else(|| time(message, able, latest))
        .or_else(|| names(message))
        .or_else(|| properties(message))
}

fn time(message: &Message, able: &Capabilities, latest: UnixMillis) -> Option<Objection> {
    if message.deliver_at.is_none_or(|time| time <= latest) {
        return None;
    }
    let hours = able.limits.max_delay.as_secs() / 3600;
    let rule = format!("is more than the profile's max_delay ({hours} h) ahead: choose an earlier time");
    invalid("deliver_at", "the time", &rule, Flaw::TooFarAhead { hours })
}

fn names(message: &Message) -> Option<Objection> {
    if message.tag.as_ref().is_some_and(|tag| tag.as_str().trim().is_empty()) {
        return invalid("tag", "a tag", "must not be blank on rocketmq: leave it out", Flaw::Tag("must not be blank"));
    }
    let bytes = message.message_group.as_ref().map_or(0, |group| group.as_str().len());
    if bytes > MAX_GROUP_BYTES {
        let rule = format!("has {bytes} bytes, the limit of rocketmq is {MAX_GROUP_BYTES}: shorten it");
        let flaw = Flaw::MessageGroupTooLong { limit: MAX_GROUP_BYTES, actual: bytes };
        return invalid("message_group", "a message group", &rule, flaw);
    }
    None
}

fn properties(message: &Message) -> Option<Objection> {
    let count = message.properties.len();
    if count > MAX_PROPERTIES {
        let rule = format!("are {count}, the limit of rocketmq is {MAX_PROPERTIES}: put some of them into the body");
        let flaw = Flaw::TooManyProperties { limit: MAX_PROPERTIES, actual: count };
        return invalid("properties", "the properties", &rule, flaw);
    }
    for (name, value) in &message.properties {
        if name.is_empty() {
            let flaw = Flaw::PropertyName("must not be empty");
            return invalid("properties", "a property's name", "must not be empty: name it", flaw);
        }
        if RESERVED.contains(&name.as_str()) || name.starts_with("__") || name.starts_with("TIMER_") {
            let rule = "must not be one that the MQ itself uses: choose another";
            let flaw = Flaw::PropertyName("must not be one that the MQ itself uses");
            return invalid("properties", "a property's name", rule, flaw);
        }
        if name.chars().chain(value.chars()).any(char::is_control) {
            let flaw = Flaw::Property("must not contain control characters");
            return invalid("properties", "a property", "must not contain control characters: leave them out", flaw);
        }
    }
    let bytes: usize = message.properties.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_PROPERTY_BYTES {
        let rule = format!(
            "have {bytes} bytes together, the limit of rocketmq is {MAX_PROPERTY_BYTES}: put some of it into the body"
        );
        let flaw = Flaw::PropertiesTooLong { limit: MAX_PROPERTY_BYTES, actual: bytes };
        return invalid("properties", "the properties", &rule, flaw);
    }
    None
}

fn invalid(field: &'static str, what: &str, rule: &str, flaw: Flaw) -> Option<Objection> {
    Some(Objection::Invalid { field, flaw, detail: format!("{what} {rule}") })
}

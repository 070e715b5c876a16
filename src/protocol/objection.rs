//! Why a protocol does not carry a message: decided before anything is sent.

use crate::model::{Capabilities, Feature, Flaw, Message, RequestField};

/// One reason, the first that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// The body is over the limit.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The size of the body as the limit counts it, in bytes.
        actual: usize,
    },
    /// The protocol, or the way the profile uses it, lacks what a field asks for.
    Unsupported {
        /// The field's name.
        field: &'static str,
        /// What is lacking, for those who say it in other words.
        flaw: Flaw,
        /// What is lacking, and what to do.
        detail: String,
    },
    /// A value that the protocol cannot write down.
    Invalid {
        /// The field's name.
        field: &'static str,
        /// The rule, for those who say it in other words.
        flaw: Flaw,
        /// The rule.
        detail: String,
    },
}

/// What is lacking for `message`, whose body takes `body_bytes` on the wire, where `able` says what can be carried.
pub(super) fn lacking(message: &Message, body_bytes: usize, able: &Capabilities) -> Option<Objection> {
    let limit = able.limits.max_message_bytes;
    if body_bytes > limit {
        return Some(Objection::TooLarge { limit, actual: body_bytes });
    }
    let used = [
        (message.body.is_empty(), &RequestField::EMPTY_BODY),
        (!message.properties.is_empty(), &RequestField::PROPERTIES),
        (message.message_group.is_some(), &RequestField::MESSAGE_GROUP),
        (message.deliver_at.is_some(), &RequestField::DELIVER_AT),
    ];
    if let Some(field) = RequestField::first_lacking(able, &used) {
        let (flaw, detail) = (field.flaw.clone(), field.refusal(able));
        return Some(Objection::Unsupported { field: field.name, flaw, detail });
    }
    if message.deliver_at.is_some() && message.message_group.is_some() && !able.has(Feature::DelayedMessageGroups) {
        let detail = "a message with a message_group cannot be delayed: leave one of the two out".to_owned();
        return Some(Objection::Invalid { field: "message_group", flaw: Flaw::DelayedMessageGroup, detail });
    }
    None
}

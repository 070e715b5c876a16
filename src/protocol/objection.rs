//! Why a protocol does not carry a message: decided before anything is sent.

use crate::model::{Capabilities, Message};

/// Why a protocol does not carry a message.
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
        /// What is lacking, and what to do.
        detail: String,
    },
    /// A value that the protocol cannot write down.
    Invalid {
        /// The field's name.
        field: &'static str,
        /// The rule.
        detail: String,
    },
}

/// What is lacking for `message`, whose body takes `body_bytes` on the wire, where `able` says what can be carried.
pub(super) fn lacking(message: &Message, body_bytes: usize, able: &Capabilities) -> Option<Objection> {
    let (limit, protocol) = (able.max_message_bytes, able.protocol);
    let unsupported = |field, detail| Some(Objection::Unsupported { field, detail });
    if body_bytes > limit {
        return Some(Objection::TooLarge { limit, actual: body_bytes });
    }
    if message.body.is_empty() && !able.empty_bodies {
        let detail = "carries no empty body: send something, or set binary_bodies = \"base64\" on the profile";
        return unsupported("body", format!("{protocol} {detail}"));
    }
    if !message.properties.is_empty() && !able.properties {
        return unsupported("properties", format!("{protocol} carries no properties: put them into the body"));
    }
    if message.message_group.is_some() && !able.message_groups {
        return unsupported("message_group", format!("{protocol} keeps no order: leave message_group out"));
    }
    if message.deliver_at.is_some() && !able.delayed_delivery {
        return unsupported("deliver_at", format!("{protocol} has no delayed delivery: leave the time out"));
    }
    if message.deliver_at.is_some() && message.message_group.is_some() && !able.delayed_message_groups {
        let detail = "a message with a message_group cannot be delayed: leave one of the two out".to_owned();
        return Some(Objection::Invalid { field: "message_group", detail });
    }
    None
}

//! What the protocol behind a topic can carry: decided before anything is sent.

use super::{GatewayError, TopicRoute};
use crate::model::{Capabilities, Key, MAX_TAG_CHARS, Message};

/// Applies the topic's defaults and refuses what its protocol cannot carry.
///
/// # Errors
/// [`GatewayError`], naming the field and what to do.
pub(super) fn admit(
    route: &TopicRoute,
    capabilities: &Capabilities,
    mut message: Message,
) -> Result<Message, GatewayError> {
    if message.tag.is_none() {
        message.tag.clone_from(&route.settings.default_tag);
    }
    if message.keys.is_empty() {
        message.keys.extend(route.settings.default_key.clone());
    }
    let limit = capabilities.max_message_bytes;
    if message.body.len() > limit {
        return Err(GatewayError::TooLarge { limit, actual: message.body.len() });
    }
    let protocol = capabilities.protocol;
    let unsupported = |field, detail: String| Err(GatewayError::UnsupportedField { field, detail });
    if message.body.is_empty() && !capabilities.empty_bodies {
        return unsupported("body", format!("{protocol} carries no empty body"));
    }
    if !capabilities.binary_bodies && std::str::from_utf8(&message.body).is_err() {
        let advice = "encode them (base64) or set binary_bodies on the profile where the MQ gives them back unchanged";
        return unsupported("body", format!("{protocol} carries no bytes that are not UTF-8: {advice}"));
    }
    if !message.properties.is_empty() && !capabilities.properties {
        return unsupported("properties", format!("{protocol} carries no properties: put them into the body"));
    }
    if message.message_group.is_some() && !capabilities.message_groups {
        return unsupported("message_group", format!("{protocol} keeps no order: leave message_group out"));
    }
    if message.deliver_at.is_some() && !capabilities.delayed_delivery {
        return unsupported("deliver_at", format!("{protocol} has no delayed delivery: leave the time out"));
    }
    if message.deliver_at.is_some() && message.message_group.is_some() && !capabilities.delayed_message_groups {
        let detail = "a message with a message_group cannot be delayed: leave one of the two out".to_owned();
        return Err(GatewayError::Invalid { field: "message_group", detail });
    }
    // The protocol has one key parameter of 128 characters; several keys are joined by a blank.
    let joined: usize = message.keys.iter().map(|key| Key::as_str(key).chars().count() + 1).sum();
    if joined > MAX_TAG_CHARS + 1 {
        let detail = format!(
            "the keys have {} characters when joined by blanks, the limit is {MAX_TAG_CHARS}: send fewer or shorter keys",
            joined - 1
        );
        return Err(GatewayError::Invalid { field: "keys", detail });
    }
    Ok(message)
}

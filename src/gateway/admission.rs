//! What the protocol behind a topic can carry: decided before anything is sent.

use super::{GatewayError, TopicRoute};
use crate::model::Message;
use crate::upstream::{Objection, Upstream};

/// Applies the topic's defaults and refuses what its protocol cannot carry.
///
/// # Errors
/// [`GatewayError`], naming the field and what to do.
pub(super) fn admit(route: &TopicRoute, upstream: &Upstream, mut message: Message) -> Result<Message, GatewayError> {
    if message.tag.is_none() {
        message.tag.clone_from(&route.settings.default_tag);
    }
    if message.keys.is_empty() {
        message.keys.extend(route.settings.default_key.clone());
    }
    let capabilities = upstream.capabilities();
    let (limit, actual) = (capabilities.max_message_bytes, upstream.body_bytes(&message));
    if actual > limit {
        return Err(GatewayError::TooLarge { limit, actual });
    }
    let protocol = capabilities.protocol;
    let unsupported = |field, detail: String| Err(GatewayError::UnsupportedField { field, detail });
    if message.body.is_empty() && !capabilities.empty_bodies {
        let mending = match upstream {
            Upstream::OnsHttp(_) => "send something",
            Upstream::MqHttp(_) => "send something, or set binary_bodies = \"base64\" on the profile",
        };
        return unsupported("body", format!("{protocol} carries no empty body: {mending}"));
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
    match upstream.objection(&message) {
        None => Ok(message),
        Some(Objection::Unsupported { field, detail }) => unsupported(field, detail),
        Some(Objection::Invalid { field, detail }) => Err(GatewayError::Invalid { field, detail }),
    }
}

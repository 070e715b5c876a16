//! What the protocol behind a topic can carry: decided before anything is sent.

use super::{GatewayError, TopicRoute, requirements};
use crate::model::{Feature, Message};
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
    let (limit, actual) = (capabilities.limits.max_message_bytes, upstream.body_bytes(&message));
    if actual > limit {
        return Err(GatewayError::TooLarge { limit, actual });
    }
    let (delayed, grouped) = (message.deliver_at.is_some(), message.message_group.is_some());
    let used = [
        (message.body.is_empty(), &requirements::EMPTY_BODY),
        (!message.properties.is_empty(), &requirements::PROPERTIES),
        (grouped, &requirements::MESSAGE_GROUP),
        (delayed, &requirements::DELIVER_AT),
    ];
    requirements::require(capabilities, &used)?;
    if delayed && grouped && !capabilities.has(Feature::DelayedMessageGroups) {
        let detail = "a message with a message_group cannot be delayed: leave one of the two out".to_owned();
        return Err(GatewayError::Invalid { field: "message_group", detail });
    }
    match upstream.objection(&message) {
        None => Ok(message),
        Some(Objection::Unsupported { field, detail }) => Err(GatewayError::UnsupportedField { field, detail }),
        Some(Objection::Invalid { field, detail }) => Err(GatewayError::Invalid { field, detail }),
    }
}

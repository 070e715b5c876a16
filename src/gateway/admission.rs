//! What the protocol behind a topic can carry: decided before anything is sent.

use super::{GatewayError, TopicRoute};
use crate::model::Message;
use crate::protocol::Objection;
use crate::upstream::Upstream;

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
    match upstream.objection(&message) {
        None => Ok(message),
        Some(Objection::TooLarge { limit, actual }) => Err(GatewayError::TooLarge { limit, actual }),
        Some(Objection::Unsupported { field, flaw, detail }) => {
            Err(GatewayError::UnsupportedField { field, flaw, detail })
        }
        Some(Objection::Invalid { field, flaw, detail }) => Err(GatewayError::Invalid { field, flaw, detail }),
    }
}

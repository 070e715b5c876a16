//! Events of CloudEvents on their way through the gateway: the message that one becomes on a topic, and what the configuration
//! says of those that deliveries become.

use super::event_defaults::EventDefaults;
use super::{Gateway, GatewayError, GroupRoute, TopicRoute};
use crate::model::{Feature, Message};
use crate::protocol::Objection;
use crate::protocol::cloud_events::{DataAs, Event, EventFlaw, EventSettings, Form};
use crate::upstream::Upstream;

/// Why an event cannot be a message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventError {
    /// Attributes that no message can have.
    Flaws(Vec<EventFlaw>),
    /// What any publish may meet.
    Gateway(GatewayError),
}

impl GroupRoute {
    /// What the group's deliveries as events need besides themselves. What their bodies are, they say themselves, and which
    /// attempt it is, they say.
    #[must_use]
    pub fn event_settings(&self) -> EventSettings<'_> {
        let EventDefaults { form, source, event_type } = &self.topic.settings.events;
        EventSettings {
            source,
            event_type,
            data: DataAs::Auto,
            topic: self.topic.topic.as_str(),
            group: self.group.as_str(),
            is_envelope: matches!(form, Form::Envelope { .. }),
            with_attempt: true,
        }
    }
}

impl Gateway {
    /// The message that an event is on a topic: in the form that the configuration says, or as a whole where its attributes, or
    /// its data, are what the protocol cannot carry. What no form can carry, the publish refuses.
    ///
    /// # Errors
    /// [`EventError`].
    pub fn message_of_event(&self, route: &TopicRoute, event: &Event<'_>) -> Result<Message, EventError> {
        let upstream = self.upstream(route).map_err(EventError::Gateway)?;
        let as_message = |form| {
            let message = event.message(route.topic.clone(), upstream.capabilities().protocol, form);
            message.map(|message| without_derived(event, message, upstream)).map_err(EventError::Flaws)
        };
        let form = route.settings.events.form;
        if form == Form::Properties && !event.needs_envelope() {
            let message = as_message(form)?;
            let lacking = upstream.objection(&message).filter(|it| matches!(field(it), "body" | "properties"));
            if lacking.is_none_or(|it| matches!(it, Objection::TooLarge { .. })) {
                return Ok(message);
            }
        }
        as_message(Form::Envelope { has_properties: upstream.capabilities().has(Feature::Properties) })
    }
}

/// The message without what its sender did not ask for by name, as far as the protocol cannot carry it.
fn without_derived(event: &Event<'_>, mut message: Message, upstream: &Upstream) -> Message {
    while let Some(objection) = upstream.objection(&message) {
        match field(&objection) {
            "tag" if message.tag.is_some() && !event.names_tag() => message.tag = None,
            "keys" if message.keys.len() > event.named_keys() => drop(message.keys.pop()),
            _ => break,
        }
    }
    message
}

fn field(objection: &Objection) -> &'static str {
    match objection {
        Objection::TooLarge { .. } => "body",
        Objection::Unsupported { field, .. } | Objection::Invalid { field, .. } => field,
    }
}

//! What the configuration says about a topic's events.

use crate::config::{CloudEventsForm, ProfileConfig, TopicConfig};
use crate::model::Feature;
use crate::protocol::cloud_events::{Form, default_source};

/// How events are kept, and what those are called that deliveries become.
#[derive(Debug)]
pub(super) struct EventDefaults {
    pub(super) form: Form,
    pub(super) source: String,
    pub(super) event_type: String,
}

impl EventDefaults {
    pub(super) fn new(topic: &TopicConfig, profile: &ProfileConfig) -> Self {
        let has_properties = profile.capabilities().has(Feature::Properties);
        let form = match topic.cloudevents {
            CloudEventsForm::Auto if has_properties => Form::Properties,
            CloudEventsForm::Auto | CloudEventsForm::Envelope => Form::Envelope { has_properties },
        };
        let source = topic.cloudevents_source.clone().unwrap_or_else(|| default_source(&profile.name));
        Self { form, source, event_type: topic.cloudevents_type.clone() }
    }
}

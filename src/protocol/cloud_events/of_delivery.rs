//! The event that a delivery is: the one that was published, or one of our own making around the message.

use std::borrow::Cow;

use super::attribute::{DATACONTENTTYPE, TIME, Value, is_extension, legal_text};
use super::properties::{
    DELIVERY_ATTEMPT, MQ_GROUP, MQ_KEYS, MQ_MESSAGE_ID, MQ_PROPERTIES, MQ_RECEIPT_HANDLE, MQ_TAG, MQ_TOPIC,
    MQ_VISIBLE_AGAIN_AT, PARTITION_KEY, event_of, is_of_delivery, is_of_event,
};
use super::{Data, DataAs, DataFlaw, Event};
use crate::json_text;
use crate::model::{Delivery, UnixMillis};
use crate::protocol::form::push_escaped;

/// The source of events that are messages of a profile of which nobody says it.
#[must_use]
pub fn default_source(profile: &str) -> String {
    let mut source = "/mq-gateway/".to_owned();
    push_escaped(&mut source, profile);
    source
}

/// What a delivery does not say itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSettings<'a> {
    /// The source, a URI reference, of messages that were not published as events.
    pub source: &'a str,
    /// Their type.
    pub event_type: &'a str,
    /// What their body is.
    pub data: DataAs,
    /// The topic.
    pub topic: &'a str,
    /// The consumer group.
    pub group: &'a str,
    /// Whether the body of a message without properties that say so may be an event as a whole.
    pub is_envelope: bool,
    /// Whether the event says which attempt it is. Without it, the bytes of all attempts are equal.
    pub with_attempt: bool,
}

impl<'a> Event<'a> {
    /// The event that a delivery is.
    ///
    /// # Errors
    /// [`DataFlaw`] where the message was not published as an event, and its body is not what `settings` says.
    pub fn of_delivery(delivery: &'a Delivery, settings: &EventSettings<'a>) -> Result<Self, DataFlaw> {
        let mut event = match event_of(&delivery.body, &delivery.properties, settings.is_envelope) {
            Some(mut event) => {
                event.remove(|name| is_of_delivery(name) && name != MQ_PROPERTIES);
                event.set_text(MQ_MESSAGE_ID, delivery.message_id.as_str());
                event
            }
            None => of_message(delivery, settings)?,
        };
        event.set_text(MQ_TOPIC, settings.topic);
        event.set_text(MQ_GROUP, settings.group);
        if let Some(tag) = &delivery.tag {
            event.set_text(MQ_TAG, tag);
        }
        if !delivery.keys.is_empty() {
            event.set(MQ_KEYS, Value::Text(legal_text(&delivery.keys.join(" ")).into_owned().into()));
        }
        if let Some(group) = &delivery.message_group
            && event.get(PARTITION_KEY).is_none()
        {
            event.set_text(PARTITION_KEY, group.as_str());
        }
        if settings.with_attempt {
            event.set(DELIVERY_ATTEMPT, Value::Integer(i32::try_from(delivery.delivery_attempt).unwrap_or(i32::MAX)));
        }
        event.take_properties(delivery);
        Ok(event)
    }

    /// Says how the delivery is acknowledged, and until when.
    pub fn set_receipt(&mut self, handle: &'a str, visible_again_at: UnixMillis) {
        self.set_text(MQ_RECEIPT_HANDLE, handle);
        if let Some(time) = rfc3339(visible_again_at) {
            self.set(MQ_VISIBLE_AGAIN_AT, Value::Text(time.into()));
        }
    }

    /// The message's further properties: as extensions where they can be some, the others together.
    fn take_properties(&mut self, delivery: &'a Delivery) {
        let mut others: Vec<(&str, &str)> = Vec::new();
        let is_event = self.get(MQ_MESSAGE_ID).is_some();
        for (name, value) in &delivery.properties {
            if is_event && is_of_event(name) {
                continue;
            }
            if is_extension(name) && !is_of_delivery(name) && self.get(name).is_none() {
                self.set(name.as_str(), Value::Text(legal_text(value)));
            } else if self.text(name) != Some(value) {
                others.push((name, value));
            }
        }
        if others.is_empty() {
            return;
        }
        let mut json = Vec::new();
        json.push(b'{');
        json_text::list(&mut json, others.into_iter(), |json, (name, value)| {
            json_text::string(json, name);
            json.push(b':');
            json_text::string(json, value);
        });
        json.push(b'}');
        let json = String::from_utf8(json).unwrap_or_default();
        self.set(MQ_PROPERTIES, Value::Text(Cow::Owned(legal_text(&json).into_owned())));
    }
}

/// An event around a message that was not published as one.
fn of_message<'a>(delivery: &'a Delivery, settings: &EventSettings<'a>) -> Result<Event<'a>, DataFlaw> {
    let (data, content_type) = Data::undeclared(&delivery.body, settings.data)?;
    let mut event = Event::made(delivery.message_id.as_str(), settings.source, settings.event_type, data);
    if let Some(time) = rfc3339(delivery.published_at) {
        event.set(TIME, Value::Text(time.into()));
    }
    if let Some(content_type) = content_type {
        event.set(DATACONTENTTYPE, Value::Text(content_type.into()));
    }
    Ok(event)
}

/// With three decimals, in UTC.
fn rfc3339(time: UnixMillis) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
    Some(format!("{time:.3}"))
}

//! Where a dead letter goes that is sent again.

use super::letter::{Kind, Letter, REDRIVEN_FOR};
use super::source::Source;
use crate::gateway::TopicRoute;
use crate::model::{Key, Message, Tag};

/// Where to.
pub(super) enum Destination {
    /// To the target of this subscription alone.
    Subscription(String),
    /// To all groups of a topic.
    Topic(Box<To>, Box<Message>),
}

/// A topic.
pub(super) struct To {
    pub(super) topic: TopicRoute,
}

/// The subscription that gave it up, or the topic that it came from; `to` is above both.
///
/// # Errors
/// Why it can go nowhere, and what to do.
pub(super) fn destination(
    source: &Source<'_>,
    letter: &Letter,
    to: Option<&TopicRoute>,
) -> Result<Destination, String> {
    let group = match (&letter.kind, to) {
        (Kind::Subscription(letter), None) => return Ok(Destination::Subscription(letter.subscription.clone())),
        (Kind::Group { group, .. }, _) => Some(group),
        (Kind::Subscription(_) | Kind::Other, _) => None,
    };
    let route = match (to, &letter.kind) {
        (Some(route), _) => route.clone(),
        (None, Kind::Group { topic: Some(topic), .. }) => source.gateway.topic(topic.as_str()).map_err(|error| {
            format!("it came from the topic `{topic}`, which cannot be used here ({error}): name a topic (--to)")
        })?,
        (None, Kind::Group { topic: None, .. }) => {
            return Err("the MQ does not say which topic it came from: name it (--to)".to_owned());
        }
        (None, Kind::Subscription(_) | Kind::Other) => {
            return Err("it is no dead letter of a subscription or of a group: name the topic for it (--to)".to_owned());
        }
    };
    let original = &letter.original;
    let mut message = Message::new(route.topic.clone(), original.body.clone());
    message.tag = original.tag.as_deref().map(Tag::parse).transpose().map_err(|error| format!("its tag {error}"))?;
    let keys: Result<Vec<_>, _> = original.keys.iter().map(|key| Key::parse(key)).collect();
    message.keys = keys.map_err(|error| format!("a key of it {error}"))?;
    message.properties = original.properties.iter().filter(|(name, _)| name != REDRIVEN_FOR).cloned().collect();
    message.message_group.clone_from(&original.message_group);
    if let Some(group) = group {
        message.properties.push((REDRIVEN_FOR.to_owned(), group.clone()));
    }
    Ok(Destination::Topic(Box::new(To { topic: route }), Box::new(message)))
}

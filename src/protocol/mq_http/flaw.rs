//! What the MQ behind a topic has against a request, in the words of a client of this protocol: by its own names, and with what
//! it can do.

use super::elements;
use super::properties::{KEYS, SHARDING_KEY, START_DELIVER_TIME};
use super::refusal::Refusal;
use crate::model::Flaw;

impl From<&Flaw> for Refusal {
    fn from(flaw: &Flaw) -> Self {
        let (name, what) = words(flaw);
        Self::InvalidArgument(format!("The value of {name} is invalid: {what}.").into())
    }
}

/// The name of what is wrong, and what is wrong with it.
fn words(flaw: &Flaw) -> (&'static str, String) {
    match flaw {
        Flaw::EmptyBody => {
            (elements::MESSAGE_BODY, "the MQ behind this topic takes no empty body: send something".into())
        }
        Flaw::BinaryBody => {
            let what = "the MQ behind this topic takes text only, without control characters but tabs and line ends: encode \
                        it, for example in base64";
            (elements::MESSAGE_BODY, what.into())
        }
        Flaw::NoProperties => {
            let what = format!(
                "the MQ behind this topic takes {KEYS}, {SHARDING_KEY} and {START_DELIVER_TIME} only: put the others into \
                 {}",
                elements::MESSAGE_BODY
            );
            (elements::PROPERTIES, what)
        }
        Flaw::NoMessageGroups => (SHARDING_KEY, "the MQ behind this topic keeps no order: leave it out".into()),
        Flaw::NoDelay => (START_DELIVER_TIME, "the MQ behind this topic delays no messages: leave it out".into()),
        Flaw::NoTagFilter => {
            let what = "the MQ behind this topic does not select by tag: leave it out, and look at each message's \
                        MessageTag";
            ("tag", what.into())
        }
        Flaw::NoOrderedGroups => {
            ("trans", "the MQ behind this topic has no consuming in order: consume without order".into())
        }
        Flaw::NoVisibilityTimeout => ("consumer", "the time until messages come again cannot be chosen".into()),
        Flaw::DelayedMessageGroup => {
            (START_DELIVER_TIME, format!("a message with a {SHARDING_KEY} cannot be delayed: leave one of the two out"))
        }
        Flaw::TooFarAhead { hours } => {
            (START_DELIVER_TIME, format!("it should be at most {hours} hours ahead: choose an earlier time"))
        }
        Flaw::Tag(rule) => (elements::MESSAGE_TAG, format!("it {rule}: leave that out")),
        Flaw::Key(rule) => (KEYS, format!("a key {rule}: leave that out")),
        Flaw::KeysTooLong { limit, actual } => (
            KEYS,
            format!("it has {actual} characters, the limit of this topic is {limit}: send fewer or shorter keys"),
        ),
        Flaw::MessageGroup(rule) => (SHARDING_KEY, format!("it {rule}: leave that out")),
        Flaw::MessageGroupTooLong { limit, actual } => {
            (SHARDING_KEY, format!("it has {actual} bytes, the limit of this topic is {limit}: shorten it"))
        }
        Flaw::PropertyName(rule) => (elements::PROPERTIES, format!("a name {rule}: choose another")),
        Flaw::Property(rule) => (elements::PROPERTIES, format!("names and values {rule}: leave that out")),
        Flaw::TooManyProperties { limit, actual } => {
            let body = elements::MESSAGE_BODY;
            let what = format!("they are {actual}, the limit of this topic is {limit}: put some of them into {body}");
            (elements::PROPERTIES, what)
        }
        Flaw::PropertiesTooLong { limit, actual } => {
            let body = elements::MESSAGE_BODY;
            let what = format!("it has {actual} bytes, the limit of this topic is {limit}: put some of it into {body}");
            (elements::PROPERTIES, what)
        }
        Flaw::OtherTags => {
            let what = "this group selects by other tags, and what it leaves out is acknowledged for all of it: leave it \
                        out, or consume for a group that selects by these";
            ("tag", what.into())
        }
        Flaw::GroupWithoutTags => {
            let what = "this group takes every message, and what a tag left out would be acknowledged for all of it: leave \
                        it out, or ask the gateway's operator for a group that selects by it";
            ("tag", what.into())
        }
    }
}

/// A message of another type than its topic's: the types are RocketMQ 5's.
#[must_use]
pub fn wrong_topic_type() -> Refusal {
    let text = format!(
        "The topic takes messages of another type: a FIFO topic takes those with a {SHARDING_KEY}, a DELAY topic those with a \
         {START_DELIVER_TIME}, a NORMAL topic those with neither.",
    );
    Refusal::InvalidArgument(text.into())
}

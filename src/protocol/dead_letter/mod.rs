//! Our dead letters: a message that a subscription could not deliver, with why, in a form that any MQ carries.
//!
//! Where the MQ has properties the message stays as it was, and what is to be told stands in properties of its own, all of which
//! begin with `mq-gateway-dead-letter`. Elsewhere, and where the properties do not fit, the body becomes a JSON object with two
//! parts, `dead_letter` and `message`. [`unwrap`](fn@unwrap) reads both, and gives the message back as the group first got it.
//!
//! A message group is told and not set: the topic of dead letters need not keep an order, and topics that keep none refuse one.

mod envelope;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod letter;
mod properties;
#[cfg(test)]
mod tests;

pub use letter::{DeadLetter, MAX_ANSWER_BYTES, answer_excerpt};

use crate::model::{Delivery, Message, Topic};

/// How a dead letter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// As properties beside the body, or else in a JSON object around it.
    pub has_properties: bool,
    /// With the excerpt of the last answer, which is the only large part.
    pub has_answer: bool,
}

impl Form {
    /// The forms to try one after the other until one fits the MQ, as [`wrap`] writes them. The first keeps the body as it is, so
    /// that one at the MQ's limit fits, and is there only where the MQ has properties.
    pub fn in_order(has_properties: bool) -> impl Iterator<Item = Self> {
        let of = |has_properties| [true, false].map(|has_answer| Self { has_properties, has_answer });
        of(true).into_iter().filter(move |_| has_properties).chain(of(false))
    }
}

/// The dead letter of a delivery, for `topic`; `None` where this form cannot hold it (its own properties are of the same names).
#[must_use]
pub fn wrap(topic: &Topic, original: &Delivery, letter: &DeadLetter, form: Form) -> Option<Message> {
    let without;
    let letter = if form.has_answer {
        letter
    } else {
        without = DeadLetter { answer: String::new(), ..letter.clone() };
        &without
    };
    if form.has_properties {
        properties::wrap(topic, original, letter)
    } else {
        Some(envelope::wrap(topic, original, letter))
    }
}

/// What a dead letter tells, and the message as it was delivered: its own id, times and attempts, and the handle of the delivery that
/// is unwrapped. `None` for a message that is no dead letter of ours.
#[must_use]
pub fn unwrap(delivery: &Delivery) -> Option<(DeadLetter, Delivery)> {
    let (letter, mut original) = properties::unwrap(delivery).or_else(|| envelope::unwrap(delivery))?;
    original.message_id.clone_from(&letter.message_id);
    original.published_at = letter.published_at;
    original.first_delivered_at = Some(letter.first_attempt_at);
    original.delivery_attempt = letter.attempts;
    original.deliver_at = None;
    original.system_properties = Vec::new();
    Some((letter, original))
}

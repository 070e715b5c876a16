//! What callers ask of a topic.

use super::{Verb, words};

words! {
    /// What callers ask of a topic, and the gateway of the MQ.
    pub enum Operation {
        /// Store a message.
        Publish = "publish",
        /// Get messages.
        Receive = "receive",
        /// Say that a delivery is done with.
        Acknowledge = "ack",
        /// Give a delivery back.
        Nack = "nack",
        /// Keep a delivery longer.
        Extend = "extend",
    }
}

impl From<Verb> for Operation {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Nack => Self::Nack,
            Verb::Extend => Self::Extend,
        }
    }
}

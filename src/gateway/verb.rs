//! Operations on deliveries that not every protocol has.

use super::{Gateway, GatewayError, GroupRoute};
use crate::model::{Feature, words};

words! {
    /// An operation on deliveries that not every protocol has.
    pub enum Verb {
        /// Give a delivery back.
        Nack = "nack",
        /// Keep a delivery longer.
        Extend = "extend",
    }
}

impl Verb {
    const fn feature(self) -> Feature {
        match self {
            Self::Nack => Feature::Nack,
            Self::Extend => Feature::Extend,
        }
    }
}

impl Gateway {
    /// Refuses an operation that the protocol behind the topic lacks.
    ///
    /// # Errors
    /// [`GatewayError::UnsupportedVerb`].
    pub fn require_verb(&self, route: &GroupRoute, verb: Verb) -> Result<(), GatewayError> {
        let capabilities = self.upstream(&route.topic)?.capabilities();
        if capabilities.has(verb.feature()) {
            return Ok(());
        }
        Err(GatewayError::UnsupportedVerb { verb, protocol: capabilities.protocol })
    }
}

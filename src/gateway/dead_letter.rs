//! A dead letter in the form that its topic's MQ carries.

use super::admission::admit;
use super::{Gateway, GatewayError, TopicRoute};
use crate::model::{Delivery, Feature, Message};
use crate::protocol::dead_letter::{DeadLetter, Form, wrap};

impl Gateway {
    /// The dead letter of `original` for the topic of `route`, as a message that its protocol carries: with properties where it has
    /// them and they fit, else in an envelope, and without the excerpt of the answer before not at all.
    ///
    /// # Errors
    /// Why no form fits: [`GatewayError::TooLarge`] where the envelope is larger than the topic's messages may be.
    pub fn dead_letter(
        &self,
        route: &TopicRoute,
        original: &Delivery,
        letter: &DeadLetter,
    ) -> Result<Message, GatewayError> {
        let upstream = self.upstream(route)?;
        let mut flaw = GatewayError::Internal("a dead letter without a form");
        for form in Form::in_order(upstream.capabilities().has(Feature::Properties)) {
            let Some(message) = wrap(&route.topic, original, letter, form) else { continue };
            // As it will be published, with the topic's defaults.
            match admit(route, upstream, message.clone()) {
                Ok(_) => return Ok(message),
                Err(error) => flaw = error,
            }
        }
        Err(flaw)
    }
}

//! Letting go of deliveries that somebody only looked at.

use std::time::Duration;

use super::receipt_handle::ReceiptHandle;
use super::{Gateway, GatewayError, GroupRoute};
use crate::context::RequestContext;
use crate::model::{Verb, VisibilityChange};

impl Gateway {
    /// Gives deliveries back where the MQ can: this process's own without counting the attempt, others by a nack. How many were still
    /// out and are visible again; the others come back when their visibility timeout is over.
    ///
    /// # Errors
    /// [`GatewayError::Internal`] only.
    pub async fn release(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        handles: &[String],
    ) -> Result<usize, GatewayError> {
        if let Some(give_back) = self.give_back(&route.topic) {
            let opened = handles.iter().filter_map(|it| ReceiptHandle::open(it, route).ok());
            return Ok(give_back.release(opened.map(|opened| opened.handle).collect()).await);
        }
        if self.require_verb(route, Verb::Nack).is_err() || handles.is_empty() {
            return Ok(0);
        }
        let at_once = VisibilityChange { verb: Verb::Nack, hidden_for: Duration::ZERO };
        let changes = self.change_visibility(context, route, handles, at_once).await?;
        Ok(changes.results.iter().filter(|result| result.is_ok()).count())
    }

    /// Whether deliveries of a group can be given back at all.
    #[must_use]
    pub fn can_release(&self, route: &GroupRoute) -> bool {
        self.give_back(&route.topic).is_some() || self.require_verb(route, Verb::Nack).is_ok()
    }
}

//! Give deliveries back, or keep them longer: a result for each.

use std::time::Duration;

use super::once_each::{for_all, once_each, open, sound};
use super::receipt_handle::Opened;
use super::{Gateway, GatewayError, GroupRoute, ReceiptHandle};
use crate::context::RequestContext;
use crate::model::{ChangedDelivery, UnixMillis, UpstreamHandle, Verb, VisibilityChange};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// A delivery that was given back or is kept longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What stands for the delivery from here on, where that is another handle.
    pub new_handle: Option<ReceiptHandle>,
    /// When others get it unless it is acknowledged.
    pub visible_again_at: UnixMillis,
}

/// What became of one handle.
pub type ChangeResult = Result<Changed, GatewayError>;

/// What became of many.
#[derive(Debug)]
pub struct Changes {
    /// A result for each handle, in their order.
    pub results: Vec<ChangeResult>,
    /// Set when the MQ has no time that is so short, or so long.
    pub applied: Option<Duration>,
}

impl Gateway {
    /// Changes until when others do not get what our receipt handles stand for; results come in the same order. A handle
    /// given twice is sent once. Nothing begins after the request's deadline.
    ///
    /// # Errors
    /// [`GatewayError::UnsupportedVerb`], and [`GatewayError::Internal`].
    pub async fn change_visibility(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        handles: &[String],
        wanted: VisibilityChange,
    ) -> Result<Changes, GatewayError> {
        self.require_verb(route, wanted.verb)?;
        let upstream = self.upstream(&route.topic)?;
        let change = self.possible_change(route, wanted)?;
        let metrics = route.metrics(&self.shared.metrics);
        let one = async |context: &RequestContext, chunk: &[UpstreamHandle]| {
            let mut results = Vec::with_capacity(chunk.len());
            for handle in chunk {
                let changed =
                    upstream.change_visibility(context, &route.topic.topic, &route.group, handle, change).await;
                self.visibility_changed(route, change, handle, changed.as_ref());
                results.push(changed);
            }
            results
        };
        let opened = open(handles, route);
        let count = |_: &UpstreamHandle, result| metrics.changed(change.verb, result);
        let answered = once_each(context, route, &sound(&opened), 1, one, count).await;
        let failed = |result| metrics.changed(change.verb, result);
        let results =
            for_all(opened, answered, failed, |opened, delivery| changed(route, change.verb, opened, delivery));
        Ok(Changes { results, applied: (change.hidden_for != wanted.hidden_for).then_some(change.hidden_for) })
    }

    /// Tells the stream that has the delivery, if any.
    pub(super) fn visibility_changed(
        &self,
        route: &GroupRoute,
        change: VisibilityChange,
        handle: &UpstreamHandle,
        changed: Result<&ChangedDelivery, &UpstreamError>,
    ) {
        match (change.verb, changed) {
            (Verb::Extend, Ok(ChangedDelivery { new_handle, .. })) => {
                let new = new_handle.as_ref().unwrap_or(handle);
                let group = (&route.topic.topic, &route.group);
                self.shared.streams.kept(group, (handle.as_str(), new.as_str()), change.hidden_for);
            }
            (Verb::Nack, Ok(_)) => self.settled(route, handle),
            (_, Err(error)) if error.kind == UpstreamErrorKind::StaleHandle => self.settled(route, handle),
            (_, Err(_)) => {}
        }
    }

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

    /// What comes of a change that is wanted: the nearest time that the MQ has. Once it is made, the delivery is hidden for so long.
    ///
    /// # Errors
    /// [`GatewayError::Internal`]: the route names a profile that does not exist.
    pub fn possible_change(
        &self,
        route: &GroupRoute,
        wanted: VisibilityChange,
    ) -> Result<VisibilityChange, GatewayError> {
        let bounds = self.upstream(&route.topic)?.capabilities().limits.visibility_timeouts;
        let hidden_for = bounds.map_or(wanted.hidden_for, |bounds| match wanted.verb {
            Verb::Extend => bounds.nearest(wanted.hidden_for),
            // At once is possible everywhere.
            Verb::Nack => wanted.hidden_for.min(bounds.max),
        });
        Ok(VisibilityChange { hidden_for, ..wanted })
    }
}

fn changed(route: &GroupRoute, verb: Verb, opened: &Opened, delivery: ChangedDelivery) -> ChangeResult {
    // A handle says when it ends: one that is kept longer is a new one, whether or not the MQ's own is.
    let is_kept = (verb == Verb::Extend).then_some(&opened.handle);
    let seal = |handle| {
        ReceiptHandle::seal(route, &opened.message_id, handle, delivery.visible_again_at)
            .ok_or(GatewayError::Internal("the MQ's new receipt handle is too long to be passed on"))
    };
    let new_handle = delivery.new_handle.as_ref().or(is_kept).map(seal).transpose()?;
    Ok(Changed { new_handle, visible_again_at: delivery.visible_again_at })
}

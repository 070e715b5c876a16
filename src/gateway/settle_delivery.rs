//! One delivery by the MQ's own handle: acknowledged, given back, kept longer. For those of this process who receive on their own
//! and keep what came until they are done with it.

use super::{Acknowledged, Gateway, GatewayError, GroupRoute, ReceiptHandle};
use crate::context::RequestContext;
use crate::model::{ChangedDelivery, Delivery, UpstreamHandle, VisibilityChange};

impl Gateway {
    /// Acknowledges one delivery; `late` where its time has passed, whether or not the MQ tells: it may have been delivered again.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn acknowledge_delivery(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        delivery: &Delivery,
        late: bool,
    ) -> Result<Acknowledged, GatewayError> {
        let metrics = route.metrics(&self.shared.metrics);
        let count = |_: &UpstreamHandle, result| metrics.acked(if late && result == "ok" { "late" } else { result });
        let results = self.acknowledge_each(context, route, std::slice::from_ref(&delivery.handle), count).await?;
        let lost = || Err(GatewayError::Internal("a handle without a result"));
        results.into_iter().next().unwrap_or_else(lost).map(|()| Acknowledged { late })
    }

    /// Changes until when others do not get one delivery: for a time that the MQ has, the nearest to what is wanted.
    ///
    /// # Errors
    /// [`GatewayError::UnsupportedVerb`], and those of the MQ.
    pub async fn change_delivery(
        &self,
        context: &RequestContext,
        route: &GroupRoute,
        handle: &UpstreamHandle,
        wanted: VisibilityChange,
    ) -> Result<ChangedDelivery, GatewayError> {
        self.require_verb(route, wanted.verb)?;
        let upstream = self.upstream(&route.topic)?;
        let change = self.possible_change(route, wanted)?;
        let (topic, group) = (&route.topic.topic, &route.group);
        let changed = upstream.change_visibility(context, topic, group, handle, change).await;
        self.visibility_changed(route, change, handle, changed.as_ref());
        let result = changed.as_ref().map_or_else(|error| error.kind.label(), |_| "ok");
        route.metrics(&self.shared.metrics).changed(wanted.verb, result);
        Ok(changed?)
    }

    /// The receipt handle of a delivery; `None` where the MQ's own is too long for one.
    #[must_use]
    pub fn seal(&self, route: &GroupRoute, delivery: &Delivery) -> Option<ReceiptHandle> {
        ReceiptHandle::seal(route, &delivery.message_id, &delivery.handle, delivery.visible_again_at)
    }

    /// Gives a delivery back past HTTP, where this process is the MQ: others get it at once, and this attempt does not count.
    /// Whether that was possible.
    pub fn give_back_delivery(&self, route: &GroupRoute, handle: &UpstreamHandle) -> bool {
        self.give_back(&route.topic).map(|give_back| give_back.send(vec![handle.clone()])).is_some()
    }
}

//! Receive: poll, or long-poll until something comes, the time is over, or the process stops.

use std::sync::Arc;
use std::time::Duration;

use prometheus::IntGauge;
use tokio::time::Instant;

use super::{Gateway, GatewayError, GroupRoute, Leftovers, ReceiptHandle};
use crate::clock::Clock;
use crate::model::Delivery;
use crate::upstream::{Upstream, UpstreamError, UpstreamErrorKind};

/// What a caller asks for, inside the contract's ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiveRequest {
    /// 1 to 32.
    pub max_messages: u32,
    /// 0 to 30 s.
    pub wait: Duration,
}

/// Deliveries on their way to a caller. Dropped before [`Batch::delivered`], they go to the next receive.
#[derive(Debug)]
pub struct Batch {
    route: GroupRoute,
    deliveries: Vec<Delivery>,
    /// In the order of the deliveries.
    handles: Vec<ReceiptHandle>,
    /// Set when the request was lowered to what the profile can do.
    pub applied_max_messages: Option<u32>,
    leftovers: Arc<Leftovers>,
    clock: Clock,
}

impl Batch {
    /// Each delivery with its receipt handle.
    pub fn iter(&self) -> impl Iterator<Item = (&Delivery, &ReceiptHandle)> {
        self.deliveries.iter().zip(&self.handles)
    }

    /// The caller has them.
    pub fn delivered(mut self) {
        let deliveries = std::mem::take(&mut self.deliveries);
        let metrics = &self.route.metrics;
        let redelivered = deliveries.iter().filter(|delivery| delivery.delivery_attempt > 1).count();
        metrics.received.inc_by(deliveries.len() as u64);
        metrics.redelivered.inc_by(redelivered as u64);
        let bytes: usize = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        self.route.topic.metrics.bytes_out.inc_by(bytes as u64);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let deliveries = std::mem::take(&mut self.deliveries);
        if !deliveries.is_empty() {
            let now = self.clock.now();
            self.leftovers.keep(&self.route.topic.topic, &self.route.group, deliveries, now);
        }
    }
}

impl Gateway {
    /// Receives for one caller. Dropping the future ends its poll upstream.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn receive(&self, route: &GroupRoute, request: ReceiveRequest) -> Result<Batch, GatewayError> {
        let upstream = self.upstream(&route.topic)?;
        let capabilities = upstream.capabilities();
        let max_messages = request.max_messages.min(capabilities.max_receive_messages);
        let applied_max_messages = (max_messages < request.max_messages).then_some(max_messages);
        let mut draining = self.shared.draining.clone();
        let deliveries = tokio::select! {
            biased;
            // Waiting receives end at once when the process stops; one that does not wait runs to its end.
            _ = draining.wait_for(|draining| *draining), if !request.wait.is_zero() => Vec::new(),
            deliveries = self.poll(upstream, route, max_messages, request.wait.min(capabilities.max_wait)) => deliveries?,
        };
        let handles: Option<Vec<_>> =
            deliveries.iter().map(|delivery| ReceiptHandle::encode(route, delivery)).collect();
        let Some(handles) = handles else {
            let detail = "the MQ's receipt handle is too long to be passed on";
            return Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail).into());
        };
        Ok(Batch {
            route: route.clone(),
            deliveries,
            handles,
            applied_max_messages,
            leftovers: Arc::clone(&self.shared.leftovers),
            clock: self.shared.clock.clone(),
        })
    }

    async fn poll(
        &self,
        upstream: &Upstream,
        route: &GroupRoute,
        max_messages: u32,
        wait: Duration,
    ) -> Result<Vec<Delivery>, GatewayError> {
        let end = Instant::now() + wait;
        let _waiter = (!wait.is_zero()).then(|| Counted::new(&self.shared.metrics.receive_waiters));
        let lane = self.lanes.of(&route.topic.topic, &route.group);
        let _permit = if wait.is_zero() {
            None
        } else {
            match tokio::time::timeout_at(end, lane.enter()).await {
                Ok(permit) => permit,
                // The lanes were full of waiting polls all the time: there was nothing.
                Err(_) => return Ok(Vec::new()),
            }
        };
        let topic = &route.topic.topic;
        loop {
            let now = self.shared.clock.now();
            let max = usize::try_from(max_messages).unwrap_or(usize::MAX);
            let leftovers = self.shared.leftovers.take(topic, &route.group, max, now);
            if !leftovers.is_empty() {
                return Ok(leftovers);
            }
            let remaining = end.saturating_duration_since(Instant::now());
            let polled = {
                let _poll = Counted::new(&self.shared.metrics.upstream_polls);
                upstream.receive(topic, &route.group, max_messages, remaining).await?
            };
            let remaining = end.saturating_duration_since(Instant::now());
            if !polled.is_empty() || remaining.is_zero() {
                return Ok(polled);
            }
            // An empty answer before its time: the MQ's own long poll is shorter than ours.
            tokio::time::sleep(upstream.empty_poll_pause().min(remaining)).await;
            if end.saturating_duration_since(Instant::now()).is_zero() {
                return Ok(Vec::new());
            }
        }
    }
}

/// One more while it lives.
struct Counted(IntGauge);

impl Counted {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

//! What one poll asks the MQ for, and what it brings.

use std::time::Duration;

use crate::memory::Charge;
use crate::model::{ConsumerGroup, Delivery, TagFilter, Topic};

/// What a receive brought, and the memory that it holds.
#[derive(Debug)]
pub struct Polled {
    /// The messages.
    pub deliveries: Vec<Delivery>,
    /// Their bodies, and as much again for the answer that is made of them.
    pub memory: Charge,
}

impl Polled {
    /// The answer that `deliveries` were decoded from is gone: what it took is given back.
    pub(super) fn new(deliveries: Vec<Delivery>, mut memory: Charge) -> Self {
        let bodies: usize = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        memory.shrink_to(bodies.saturating_mul(2).min(memory.bytes()));
        Self { deliveries, memory }
    }

    /// Keeps the first `count` messages; the others, with the memory that they hold, are returned.
    #[must_use]
    pub fn split_off(&mut self, count: usize) -> Self {
        let deliveries = self.deliveries.split_off(count.min(self.deliveries.len()));
        let bodies: usize = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        let memory = self.memory.split_off(bodies.saturating_mul(2));
        Self { deliveries, memory }
    }
}

/// What a receive asks for, within the protocol's capabilities.
#[derive(Debug, Clone, Copy)]
pub struct PollRequest<'a> {
    /// Where from.
    pub topic: &'a Topic,
    /// For whom.
    pub group: &'a ConsumerGroup,
    /// Most messages wanted.
    pub max_messages: u32,
    /// How long to wait while nothing is there.
    pub wait: Duration,
    /// Which tags; `None` is any.
    pub tags: Option<&'a TagFilter>,
    /// In order within each message group.
    pub ordered: bool,
    /// How long what comes is hidden from others; asked for only where the protocol can.
    pub visibility_timeout: Option<Duration>,
    /// Where `wait` is nothing: whether to say so in any case.
    pub says_no_wait: bool,
}

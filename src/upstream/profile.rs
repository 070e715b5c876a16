//! What the clients of every protocol need of a profile.

use std::time::Duration;

use super::attempts::Attempts;
use crate::clock::Clock;
use crate::context::RequestContext;
use crate::memory::MemoryFull;
use crate::model::{Capabilities, Topic};
use crate::telemetry::{Counter, Gauge};

/// One profile, for its clients in every thread.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) name: String,
    /// Its MQ is the embedded endpoint of this process, which needs to know which times are delays.
    pub(super) is_embedded: bool,
    /// What the protocol can do.
    pub(super) capabilities: Capabilities,
    /// Messages carry the trace that they were published in.
    pub(super) propagates_trace: bool,
    /// Pause after an early empty poll.
    pub(super) empty_poll_pause: Duration,
    /// The clock that signs.
    pub(super) clock: Clock,
    /// Whether the MQ could be reached when last tried.
    pub(super) up: Gauge,
    pub(super) attempts: Attempts,
    /// Answers to receives that there was no memory for.
    pub(super) answers_left_unread: Counter,
}

impl Profile {
    /// There was no room for an answer with messages: they are not acknowledged, so they come again.
    pub(super) fn messages_left_unread(&self, context: &RequestContext, full: MemoryFull) {
        self.answers_left_unread.inc();
        let (profile, reason) = (self.name.as_str(), full.to_string());
        tracing::warn!(request_id = context.id(), profile, reason, "an answer with messages was not read");
    }

    /// Messages that were delivered and cannot be read are not acknowledged, so not lost; but nobody will ever get them
    /// through here.
    pub(super) fn warn_unreadable(&self, context: &RequestContext, topic: &Topic, messages: usize) {
        if messages > 0 {
            let (profile, topic) = (self.name.as_str(), topic.as_str());
            tracing::warn!(
                request_id = context.id(),
                profile,
                topic,
                messages,
                "the MQ delivered messages that cannot be read"
            );
        }
    }
}

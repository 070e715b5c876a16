//! Messages whose poll's own caller is gone: handed on, given back, or at least counted.

use std::sync::Arc;

use crate::gateway::recall::GiveBack;
use crate::model::{Topic, UpstreamHandle};
use crate::telemetry::LateMessageMetrics;
use crate::upstream::Polled;

/// What becomes of the late messages of one line.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct LateMessages {
    pub(in crate::gateway) topic: Topic,
    /// Where the MQ takes them back.
    pub(in crate::gateway) give_back: Option<GiveBack>,
    pub(in crate::gateway) metrics: Arc<LateMessageMetrics>,
}

impl LateMessages {
    pub(super) fn count_handed_on(&self, messages: usize) {
        self.metrics.handed_on.inc_by(messages as u64);
    }

    /// Nobody is left who wants them.
    pub(super) fn nobody_takes(&self, polled: &Polled) {
        let handles = polled.deliveries.iter().map(|delivery| delivery.handle.clone()).collect();
        let left = self.nobody_takes_those(handles);
        if left > 0 {
            self.tell_of(left);
        }
    }

    /// As [`nobody_takes`](Self::nobody_takes), and tells nobody of those that are not given back: how many these are.
    pub(in crate::gateway) fn nobody_takes_those(&self, handles: Vec<UpstreamHandle>) -> usize {
        let messages = handles.len();
        match &self.give_back {
            Some(give_back) => {
                self.metrics.given_back.inc_by(messages as u64);
                give_back.send(handles);
                0
            }
            None => {
                self.metrics.left.inc_by(messages as u64);
                messages
            }
        }
    }

    /// Tells of messages that could not be given back.
    pub(in crate::gateway) fn tell_of(&self, messages: usize) {
        let topic = self.topic.as_str();
        tracing::info!(
            topic,
            messages,
            "messages came for callers who had gone: the MQ delivers them again after their visibility timeout"
        );
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::telemetry::Metrics;

    /// Of an MQ that takes nothing back.
    pub(in crate::gateway::polls) fn late() -> LateMessages {
        let metrics = Arc::new(Metrics::new().unwrap().upstream.late_messages("main"));
        LateMessages { topic: Topic::parse("t").unwrap(), give_back: None, metrics }
    }

    /// Of one that does, and what it has back.
    pub(in crate::gateway::polls) fn late_given_back() -> (LateMessages, Arc<Mutex<Vec<String>>>) {
        let given_back = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&given_back);
        let give_back = GiveBack::for_tests(move |handles| {
            seen.lock().unwrap().extend(handles.iter().map(|handle| handle.as_str().to_owned()));
        });
        (LateMessages { give_back: Some(give_back), ..late() }, given_back)
    }
}

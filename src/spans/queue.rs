//! Spans that wait to be exported: bounded in number and in bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::record::SpanRecord;

/// How much waits at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Spans.
    pub spans: usize,
    /// Bytes.
    pub bytes: usize,
    /// Spans that are exported together.
    pub batch: usize,
}

/// Spans that wait to be exported, of every thread.
#[derive(Debug)]
pub struct Queue {
    limits: QueueLimits,
    /// A std lock: held for a few words, never over an await.
    waiting: Mutex<Waiting>,
    dropped: AtomicU64,
    /// There is a whole batch.
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: VecDeque<Box<SpanRecord>>,
    bytes: usize,
}

/// Spans to be exported together.
pub type Batch = Vec<Box<SpanRecord>>;

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new(limits: QueueLimits) -> Self {
        Self { limits, waiting: Mutex::default(), dropped: AtomicU64::new(0), filled: Notify::new() }
    }

    /// Takes a span, or drops and counts it where there is no room.
    pub(super) fn push(&self, span: Box<SpanRecord>) {
        let bytes = span.bytes();
        let count = {
            let mut waiting = self.lock();
            if waiting.spans.len() >= self.limits.spans || waiting.bytes + bytes > self.limits.bytes {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                self.limits.batch
            } else {
                waiting.bytes += bytes;
                waiting.spans.push_back(span);
                waiting.spans.len()
            }
        };
        // Also where something was dropped: it is to be counted soon.
        if count >= self.limits.batch {
            self.filled.notify_one();
        }
    }

    /// Waits until there is a whole batch, or something was dropped.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// The oldest, at most a batch of them.
    #[must_use]
    pub fn take(&self) -> Batch {
        let mut waiting = self.lock();
        let count = waiting.spans.len().min(self.limits.batch);
        let batch: Batch = waiting.spans.drain(..count).collect();
        waiting.bytes -= batch.iter().map(|span| span.bytes()).sum::<usize>();
        batch
    }

    /// How many were dropped since this was last asked.
    #[must_use]
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// Whether a whole batch waits.
    #[must_use]
    pub fn has_batch(&self) -> bool {
        self.lock().spans.len() >= self.limits.batch
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::{SpanKind, Status};
    use crate::trace_context::{SpanId, TraceId};

    fn span(name: &str) -> Box<SpanRecord> {
        Box::new(SpanRecord {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([1; 8]),
            parent: None,
            has_remote_parent: false,
            state: None,
            name: name.to_owned(),
            kind: SpanKind::Server,
            start: 1,
            end: 2,
            attributes: Vec::new(),
            links: Vec::new(),
            status: Status::Unset,
        })
    }

    fn names(batch: &Batch) -> Vec<&str> {
        batch.iter().map(|span| span.name.as_str()).collect()
    }

    #[test]
    fn the_oldest_go_first_and_what_does_not_fit_is_counted() {
        let queue = Queue::new(QueueLimits { spans: 3, bytes: usize::MAX, batch: 2 });
        for name in ["a", "b", "c", "d", "e"] {
            queue.push(span(name));
        }
        assert_eq!((queue.take_dropped(), queue.take_dropped()), (2, 0));
        assert!(queue.has_batch());
        assert_eq!(names(&queue.take()), ["a", "b"]);
        assert!(!queue.has_batch());
        queue.push(span("f"));
        assert_eq!(names(&queue.take()), ["c", "f"]);
        assert_eq!(names(&queue.take()), [""; 0]);
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let one = span("x").bytes();
        let queue = Queue::new(QueueLimits { spans: 100, bytes: 2 * one, batch: 100 });
        for _ in 0..3 {
            queue.push(span("x"));
        }
        assert_eq!((queue.take().len(), queue.take_dropped()), (2, 1));
        for _ in 0..2 {
            queue.push(span("x"));
        }
        queue.push(span("longer than there is room for"));
        assert_eq!((queue.take().len(), queue.take_dropped()), (2, 1));
    }
}

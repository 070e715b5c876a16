//! Spans that wait to be exported: bounded in number and in bytes.

use std::collections::VecDeque;
use std::fmt;
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

/// Most bytes of spans that are exported together, by [`SpanRecord::bytes`]: gRPC servers take messages of up to 4 MiB unless they
/// were told otherwise.
const MOST_BATCH_BYTES: usize = 2 << 20;

/// Spans that wait to be exported, of every thread.
pub struct Queue {
    limits: QueueLimits,
    /// A std lock: held for a few words, never over an await.
    waiting: Mutex<Waiting>,
    /// Counts a span that was dropped, at once: the exporter may be busy for long just then.
    count_dropped: Box<dyn Fn() + Send + Sync>,
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
    /// An empty one. `count_dropped` is called for each span that there is no room for; it must be quick.
    #[must_use]
    pub fn new(limits: QueueLimits, count_dropped: impl Fn() + Send + Sync + 'static) -> Self {
        Self { limits, waiting: Mutex::default(), count_dropped: Box::new(count_dropped), filled: Notify::new() }
    }

    /// Takes a span, or drops and counts it where there is no room.
    pub(super) fn push(&self, span: Box<SpanRecord>) {
        let bytes = span.bytes();
        let has_batch = {
            let mut waiting = self.lock();
            if waiting.spans.len() >= self.limits.spans || waiting.bytes + bytes > self.limits.bytes {
                drop(waiting);
                // What waits is to go now, be it a whole batch or not.
                (self.count_dropped)();
                true
            } else {
                waiting.bytes += bytes;
                waiting.spans.push_back(span);
                self.holds_batch(&waiting)
            }
        };
        if has_batch {
            self.filled.notify_one();
        }
    }

    /// Waits until there is a whole batch, or there was no room for something.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// The oldest, at most a batch of them: in number, and in bytes.
    #[must_use]
    pub fn take(&self) -> Batch {
        let mut waiting = self.lock();
        let mut batch = Batch::new();
        let mut taken = 0;
        while let Some(span) = waiting.spans.front()
            && batch.len() < self.limits.batch
        {
            let bytes = span.bytes();
            // One alone may be larger: it goes by itself.
            if !batch.is_empty() && taken + bytes > MOST_BATCH_BYTES {
                break;
            }
            taken += bytes;
            batch.extend(waiting.spans.pop_front());
        }
        waiting.bytes -= taken;
        batch
    }

    /// Whether a whole batch waits.
    #[must_use]
    pub fn has_batch(&self) -> bool {
        self.holds_batch(&self.lock())
    }

    fn holds_batch(&self, waiting: &Waiting) -> bool {
        waiting.spans.len() >= self.limits.batch || waiting.bytes >= MOST_BATCH_BYTES
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

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

    /// A queue, and how many were dropped since that was last asked.
    fn queue(limits: QueueLimits) -> (Queue, impl Fn() -> u64) {
        let dropped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&dropped);
        let queue = Queue::new(limits, move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        (queue, move || dropped.swap(0, Ordering::Relaxed))
    }

    fn names(batch: &Batch) -> Vec<&str> {
        batch.iter().map(|span| span.name.as_str()).collect()
    }

    #[test]
    fn the_oldest_go_first_and_what_does_not_fit_is_counted() {
        let (queue, dropped) = queue(QueueLimits { spans: 3, bytes: usize::MAX, batch: 2 });
        for name in ["a", "b", "c", "d", "e"] {
            queue.push(span(name));
        }
        assert_eq!((dropped(), dropped()), (2, 0), "nobody has to take anything for it");
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
        let (queue, dropped) = queue(QueueLimits { spans: 100, bytes: 2 * one, batch: 100 });
        for _ in 0..3 {
            queue.push(span("x"));
        }
        assert_eq!((queue.take().len(), dropped()), (2, 1));
        for _ in 0..2 {
            queue.push(span("x"));
        }
        queue.push(span("longer than there is room for"));
        assert_eq!((queue.take().len(), dropped()), (2, 1));
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_too() {
        let (queue, dropped) = queue(QueueLimits { spans: 100, bytes: usize::MAX, batch: 100 });
        let large = |megabytes: usize| span(&"x".repeat(megabytes << 20));
        queue.push(large(1));
        assert!(!queue.has_batch());
        for megabytes in [1, 3, 1] {
            queue.push(large(megabytes));
            assert!(queue.has_batch());
        }
        queue.push(span("small"));
        let batches: Vec<_> = std::iter::repeat_with(|| queue.take().len()).take_while(|count| *count > 0).collect();
        assert_eq!((batches, dropped()), (vec![1, 1, 1, 2], 0));
        assert_eq!(queue.lock().bytes, 0);
    }
}

//! What the streams of all threads share: how many there may be, whose place each delivery has, and the lines in which their polls
//! stand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::places::{Freed, Holders, Places};
use crate::clock::Clock;
use crate::gateway::polls::PollLines;
use crate::memory::MemoryBudget;
use crate::model::{ConsumerGroup, Topic};
use crate::telemetry::{Metrics, StreamEnd};

/// How often all streams are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// The streams of a process.
#[derive(Debug)]
pub struct Streams {
    limit: usize,
    open: AtomicUsize,
    /// Streams so far.
    numbers: AtomicU64,
    pub(super) holders: Holders,
    /// Their own, so that streams and receives of one group wait for lanes among their like.
    pub(in crate::gateway) poll_lines: PollLines,
    pub(super) metrics: Arc<Metrics>,
    clock: Clock,
    /// At the stop: streams end in the second half of this.
    pub(super) drain_delay: Duration,
}

/// One of the streams that may be open, until this is dropped.
#[derive(Debug)]
pub(super) struct Open {
    streams: Arc<Streams>,
    pub(super) number: u64,
}

impl Streams {
    /// At most `limit` at once, whose taken places have a small part of `memory`.
    #[must_use]
    pub fn new(
        limit: usize,
        memory: &MemoryBudget,
        drain_delay: Duration,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        metrics.streams.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        let (open, numbers) = (AtomicUsize::default(), AtomicU64::default());
        let (holders, poll_lines) = (Holders::new(memory), PollLines::default());
        Self { limit, open, numbers, holders, poll_lines, metrics, clock, drain_delay }
    }

    /// One more; `None` where there are as many as there may be.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Open> {
        let one_more = |open: usize| (open < self.limit).then_some(open + 1);
        self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        self.metrics.streams.open.inc();
        Some(Open { streams: Arc::clone(self), number: self.numbers.fetch_add(1, Ordering::Relaxed) })
    }

    /// A delivery is acknowledged, or its holder gave it back. `handle` is made only where any stream holds anything.
    pub fn settled(&self, topic: &Topic, group: &ConsumerGroup, handle: impl FnOnce() -> String) {
        if self.holders.is_any() {
            self.holders.free(self.holders.key(topic.as_str(), group.as_str(), &handle()));
        }
    }

    /// A delivery is kept for so long from now on; with another handle, where there is one.
    pub(in crate::gateway) fn kept(
        &self,
        (topic, group): (&Topic, &ConsumerGroup),
        (handle, new): (&str, &str),
        hidden_for: Duration,
    ) {
        if self.holders.is_any() {
            let key = |handle| self.holders.key(topic.as_str(), group.as_str(), handle);
            self.holders.keep(key(handle), key(new), self.until(hidden_for));
        }
    }

    /// When others get what is hidden for so long from now on, by the monotonic reading.
    pub(super) fn until(&self, hidden_for: Duration) -> Duration {
        self.now().saturating_add(hidden_for)
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic()
    }
}

impl Open {
    pub(super) fn places(&self, most: usize, freed: &Arc<Freed>) -> Arc<Places> {
        Arc::new(self.streams.holders.places(self.number, most, freed))
    }

    /// Counts what ended it.
    pub(super) fn ended(&self, end: StreamEnd) {
        self.streams.metrics.streams.ended(end);
    }

    pub(super) fn leave(&self, places: &Arc<Places>) {
        self.streams.holders.leave(places);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.streams.open.fetch_sub(1, Ordering::AcqRel);
        self.streams.metrics.streams.open.dec();
    }
}

/// When in the second half of `delay` a stream ends: spread evenly, whatever the number of streams. Streams are looked at now and
/// then: the last ends so long before the stop that it still gets what it has.
pub(super) fn ends_after(delay: Duration, number: u64) -> Duration {
    let last = delay.saturating_sub(LOOK * 2);
    let first = last.min(delay / 2);
    first + (last - first).mul_f64(f64::from(spread(number)) / f64::from(u32::MAX))
}

/// A stream's own number out of all there are: any run of streams is spread evenly over them.
pub(super) fn spread(number: u64) -> u32 {
    // Multiples of the golden ratio.
    u32::try_from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_spread_over_the_second_half() {
        let delay = Duration::from_secs(10);
        let mut tenths = [0; 10];
        for number in 0..1000 {
            let after = ends_after(delay, number);
            assert!(after >= delay / 2 && after <= delay - LOOK * 2, "{after:?}");
            let tenth = (after - delay / 2).as_millis() / 450;
            tenths[usize::try_from(tenth).unwrap().min(9)] += 1;
        }
        assert!(tenths.iter().all(|count| (80..=120).contains(count)), "{tenths:?}");
        for millis in [0, 400, 900] {
            let delay = Duration::from_millis(millis);
            assert!((0..100).all(|number| ends_after(delay, number) <= delay.saturating_sub(LOOK * 2)), "{delay:?}");
        }
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let metrics = Metrics::new().unwrap();
        let streams = Arc::new(Streams::new(
            2,
            &MemoryBudget::new(1 << 20),
            Duration::ZERO,
            Clock::system(),
            Arc::clone(&metrics),
        ));
        let open = [streams.enter().unwrap(), streams.enter().unwrap()];
        assert!(streams.enter().is_none());
        assert_eq!(metrics.streams.open.get(), 2);
        drop(open);
        assert!(streams.enter().is_some());
    }
}

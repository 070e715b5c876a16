//! What one measurement found: messages, time, processor time, and how long each call took.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// What one measurement found.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) messages: usize,
    pub(crate) elapsed: Duration,
    /// Of the whole process, in user mode and in the kernel.
    pub(crate) processor: Duration,
    /// Of each call, or of each batch.
    pub(crate) latencies: Vec<Duration>,
    /// Jobs of the store, and the commits that they shared.
    pub(crate) jobs: u64,
    pub(crate) commits: u64,
}

/// A measurement that is under way.
#[derive(Debug)]
pub(crate) struct Started {
    at: Instant,
    processor: Duration,
}

impl Started {
    pub(crate) fn now() -> Self {
        Self { processor: processor_time(), at: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    pub(crate) fn end(&self, messages: usize, latencies: Vec<Duration>) -> Run {
        let processor = processor_time().saturating_sub(self.processor);
        Run { messages, elapsed: self.at.elapsed(), processor, latencies, jobs: 0, commits: 0 }
    }
}

impl Run {
    /// Takes another round of the same in.
    pub(crate) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.elapsed += other.elapsed;
        self.processor += other.processor;
        self.latencies.extend(other.latencies);
        self.jobs += other.jobs;
        self.commits += other.commits;
    }

    /// Messages in a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.messages) / self.elapsed.as_secs_f64()
    }

    /// Jobs that shared a commit.
    pub(crate) fn batch(&self) -> f64 {
        let as_f64 = |number| u32::try_from(number).map_or(f64::MAX, f64::from);
        as_f64(self.jobs) / as_f64(self.commits).max(1.0)
    }

    /// Microseconds of processor time for each message.
    pub(crate) fn processor_micros(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / count(self.messages)
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

pub(crate) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the process's usage");
    duration(usage.user_time()) + duration(usage.system_time())
}

fn duration(time: TimeVal) -> Duration {
    let (seconds, micros) = (u64::try_from(time.tv_sec()), u64::try_from(time.tv_usec()));
    Duration::from_secs(seconds.unwrap_or(0)) + Duration::from_micros(micros.unwrap_or(0))
}

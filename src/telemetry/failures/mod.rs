//! Log lines of failures: an outage must not fill the disk, nor one caller's mistakes hide another's.
//!
//! The first failure of a topic, operation and reason is a line at once; as long as more follow, a summary tells every ten
//! seconds how many. Callers' mistakes are lines of their own, within a rate that is shared evenly by topics, and without
//! anything that the caller wrote. The metrics count all of them.

mod failure;
mod line_rate;
mod mistakes;
mod ongoing;
mod summary;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mistakes::Mistakes;
use ongoing::Ongoing;
use summary::Summary;

use crate::model::Side;

pub use failure::Failure;

/// Lines of one summary of each sort; more kinds are one line together.
const MOST_SUMMARIES: usize = 50;

/// The log of failures of one process. It holds a little for each topic, operation and reason that fails now; topics are
/// labels, of which there are few.
#[derive(Debug, Default)]
pub struct FailureLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    ongoing: Ongoing,
    mistakes: Mistakes,
}

impl FailureLog {
    /// The time between two calls of [`summarize`](Self::summarize).
    pub const SUMMARY_PAUSE: Duration = summary::PAUSE;

    /// Logs one failure, now or in the next summary.
    pub fn note(&self, failure: &Failure<'_>, now: Instant) {
        let is_written = self.change(|state| match failure.side {
            Side::Caller => state.mistakes.note(failure, now),
            Side::Gateway | Side::Mq => state.ongoing.note(failure, now),
        });
        if is_written {
            failure.write();
        }
    }

    /// Logs what went on since the last time, a line for each topic, operation and reason, and forgets what did not.
    pub fn summarize(&self, now: Instant) {
        let (ongoing, mistakes) = self.change(|state| (state.ongoing.summarize(now), state.mistakes.summarize(now)));
        write_most(ongoing, Summary::write_ongoing, |kinds, count| {
            tracing::warn!(kinds, count, "more operations go on failing");
        });
        write_most(mistakes, Summary::write_mistakes, |kinds, count| {
            tracing::info!(kinds, count, "refused further requests of callers");
        });
    }

    /// A std lock: held for a few lines, never over an await, and never while a line is written.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes the largest summaries, and what the others come to.
fn write_most(mut all: Vec<Summary>, write: impl Fn(&Summary), rest: impl Fn(usize, u64)) {
    all.sort_by_key(|summary| std::cmp::Reverse(summary.count));
    let (most, others) = all.split_at(all.len().min(MOST_SUMMARIES));
    most.iter().for_each(write);
    if !others.is_empty() {
        rest(others.len(), others.iter().map(|summary| summary.count).sum());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Read as _, Seek as _};
    use std::sync::Arc;

    use super::*;
    use crate::model::Operation;

    /// What is logged while `work` runs.
    pub(super) fn log_of(work: impl FnOnce()) -> Vec<String> {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(Arc::clone(&file));
        tracing::subscriber::with_default(subscriber.finish(), work);
        let mut text = String::new();
        (&*file).rewind().unwrap();
        (&*file).read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    pub(super) fn failure<'a>(topic: &'a str, request_id: &'a str, side: Side) -> Failure<'a> {
        Failure {
            topic,
            operation: Operation::Publish,
            reason: "upstream-timeout",
            side,
            detail: "no answer in 5 s",
            request_id,
            trace_id: None,
        }
    }

    #[test]
    fn a_summary_has_fifty_lines_and_one_of_each_sort() {
        let (log, now) = (FailureLog::default(), Instant::now());
        let topics: Vec<String> = (0..1000).map(|index| format!("T{index}")).collect();
        let lines = log_of(|| {
            for topic in &topics {
                for side in [Side::Mq, Side::Caller] {
                    for _ in 0..3 {
                        log.note(&failure(topic, "r1", side), now);
                    }
                }
            }
        });
        assert_eq!(lines.len(), 40, "twenty of each sort in a second");
        let lines = log_of(|| log.summarize(now + FailureLog::SUMMARY_PAUSE));
        assert_eq!(lines.len(), 102);
        assert!(lines.iter().any(|line| line.contains("kinds=950") && line.contains("WARN")), "{lines:?}");
    }

    #[test]
    fn mistakes_and_outages_go_their_own_ways() {
        let (log, now) = (FailureLog::default(), Instant::now());
        let lines = log_of(|| {
            log.note(&failure("T", "r1", Side::Mq), now);
            log.note(&failure("T", "r2", Side::Caller), now);
            log.note(&failure("T", "r3", Side::Gateway), now);
            log.summarize(now + FailureLog::SUMMARY_PAUSE);
        });
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("WARN") && lines[0].contains("r1") && lines[0].contains("no answer in 5 s"));
        assert!(lines[1].contains("INFO") && lines[1].contains("r2") && !lines[1].contains("no answer"), "{lines:?}");
        assert!(lines[2].contains("count=1") && lines[2].contains("r3"), "{lines:?}");
    }
}

//! Log lines of a kind, at most so many per second.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Lines per second and thread.
const LINES: u32 = 10;

/// Lets so many lines of a kind through per second and thread: an MQ that is away must not fill the disk. The metrics
/// count them all.
#[derive(Debug, Default)]
pub(super) struct LogLimit(Cell<Option<(Instant, u32)>>);

impl LogLimit {
    /// Counts one line, and says whether it is written.
    pub(super) fn permits(&self) -> bool {
        let now = Instant::now();
        let (since, lines) =
            self.0.get().filter(|(since, _)| now - *since < Duration::from_secs(1)).unwrap_or((now, 0));
        self.0.set(Some((since, lines + 1)));
        if lines == LINES {
            tracing::warn!(per_second = LINES, "more failures than lines: the metrics count them all");
        }
        lines < LINES
    }
}

//! How far a long command is: one line on stderr that is written over, where stderr is a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

/// How often the line is written at most.
pub(super) const EVERY: Duration = Duration::from_millis(500);

/// The line.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    is_terminal: bool,
    is_shown: bool,
}

impl Progress {
    /// Shows nothing yet.
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), is_terminal: io::stderr().is_terminal(), is_shown: false }
    }

    /// Without the line: something else writes to the same terminal.
    pub(super) fn without_line(self) -> Self {
        Self { is_terminal: false, ..self }
    }

    /// Since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Writes the line anew. What is written next begins where it began.
    pub(super) fn show(&mut self, text: &str) {
        if self.is_terminal {
            self.is_shown = true;
            write(&format!("{text}\u{1b}[K\r"));
        }
    }

    /// Takes the line away: something else is to be written.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            write("\u{1b}[K");
        }
    }
}

fn write(text: &str) {
    // Nowhere is left to report a closed stderr.
    drop(io::stderr().write_all(text.as_bytes()));
}

/// So many in this time, as a rate for people.
pub(super) fn per_second(count: u64, time: Duration) -> String {
    let millis = time.as_millis().max(1);
    let tenths = u128::from(count) * 10_000 / millis;
    if tenths >= 1000 { format!("{}/s", tenths / 10) } else { format!("{}.{}/s", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_short() {
        assert_eq!(per_second(12_345, Duration::from_secs(10)), "1234/s");
        assert_eq!(per_second(5, Duration::from_secs(2)), "2.5/s");
        assert_eq!(per_second(5, Duration::ZERO), "5000/s");
        assert_eq!(per_second(0, Duration::from_secs(2)), "0.0/s");
    }
}

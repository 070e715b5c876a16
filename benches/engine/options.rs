//! What is measured, and for how long.

use std::time::Duration;

use clap::{Parser, ValueEnum};

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    Publish,
    Groups,
    Backlog,
}

/// What is measured, and for how long.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// One section instead of all.
    #[arg(long)]
    only: Option<Section>,
    /// Callers that publish at once; repeat it for more than one number.
    #[arg(long, default_values_t = [1, 16, 64])]
    pub(crate) callers: Vec<usize>,
    /// Rounds in which a publish, the raw file and plain SQLite take turns.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Seconds of each measurement that has no number of messages.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// The largest backlog; the others are a tenth of the next each, down to 1,000.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) backlog: usize,
    /// Messages that are published, received and acknowledged at each backlog.
    #[arg(long, default_value_t = 8_192)]
    pub(crate) messages: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    pub(crate) fn wants(&self, section: Section) -> bool {
        self.only.is_none_or(|only| only == section)
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

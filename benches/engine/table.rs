//! The one table of results.

use crate::run::Run;

/// What a row's run is compared with.
#[derive(Debug, Default)]
pub(crate) struct Beside<'a> {
    /// The same bytes in the same batches, appended to a file.
    pub(crate) raw: Option<&'a Run>,
    /// The same bytes in the same batches, in plain SQLite.
    pub(crate) sqlite: Option<&'a Run>,
    /// The same with the smallest backlog.
    pub(crate) smallest: Option<&'a Run>,
}

pub(crate) fn head() {
    println!(
        "{:<46}{:>11}{:>9}{:>9}{:>8}{:>10}{:>8}{:>10}{:>10}",
        "", "messages/s", "p50 ms", "p99 ms", "batch", "CPU us", "of raw", "of SQLite", "CPU grew"
    );
}

pub(crate) fn row(name: &str, run: &Run, beside: &Beside<'_>) {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    let rate = |other: Option<&Run>| ratio(other.map(|other| run.rate() / other.rate()));
    let grew = ratio(beside.smallest.map(|smallest| run.processor_micros() / smallest.processor_micros()));
    println!(
        "{name:<46}{:>11.0}{:>9.3}{:>9.3}{:>8.1}{:>10.1}{:>8}{:>10}{grew:>10}",
        run.rate(),
        run.percentile(50),
        run.percentile(99),
        run.batch(),
        run.processor_micros(),
        rate(beside.raw),
        rate(beside.sqlite),
    );
}

/// Something that has only a time.
pub(crate) fn time(name: &str, run: &Run) {
    println!("{name:<46}{:>11}{:>9.3}", "", run.percentile(50));
}

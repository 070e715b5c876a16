//! What is told of a file's lines: failures on stderr as they happen, each line's answer on stdout where that is asked for, and
//! numbers at the end.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::batch::{Fate, LineFailure, Settled};
use crate::cli::failure::Failure;
use crate::cli::output::{complain, print_json};
use crate::cli::progress::{Progress, per_second};

/// The numbers so far, and where they are shown.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    progress: Progress,
    /// Of the file.
    length: Option<u64>,
    /// Bytes of it that have their fate or are under way.
    position: u64,
    published: u64,
    not_published: u64,
    unknown: u64,
}

impl Report {
    pub(super) fn new(json: bool, length: Option<u64>) -> Self {
        let progress = Progress::start();
        Self { json, progress, length, position: 0, published: 0, not_published: 0, unknown: 0 }
    }

    /// So many bytes of the file were taken.
    pub(super) fn reached(&mut self, position: u64) {
        self.position = position;
    }

    /// Whether every line so far is published.
    pub(super) fn is_good(&self) -> bool {
        self.not_published == 0 && self.unknown == 0
    }

    /// Tells what became of a batch.
    pub(super) fn tell(&mut self, settled: &Settled) -> Result<(), Failure> {
        for (_, fate) in &settled.lines {
            match fate {
                Fate::Published(_) => self.published += 1,
                Fate::Failed(failure) if failure.is_certain => self.not_published += 1,
                Fate::Failed(_) => self.unknown += 1,
            }
        }
        let failures: Vec<(u64, &LineFailure)> = settled
            .lines
            .iter()
            .filter_map(|(number, fate)| match fate {
                Fate::Published(_) => None,
                Fate::Failed(failure) => Some((*number, failure)),
            })
            .collect();
        if !failures.is_empty() {
            self.progress.clear();
            complaints(&failures).iter().for_each(|line| complain(line));
        }
        if self.json {
            self.progress.clear();
            settled.lines.iter().try_for_each(|(number, fate)| print_json(&line_json(*number, fate)))?;
        }
        Ok(())
    }

    /// Shows the numbers while there is more to do.
    pub(super) fn show(&mut self) {
        let rate = per_second(self.published, self.progress.elapsed());
        let part = self.length.filter(|length| *length > 0).map(|length| self.position.saturating_mul(100) / length);
        let part = part.map(|part| format!(", {part} % of the file")).unwrap_or_default();
        let failed = self.failed();
        let failed = if failed.is_empty() { String::new() } else { format!(", {failed}") };
        self.progress.show(&format!("{} published{failed}, {rate}{part}", self.published));
    }

    /// The numbers at the end.
    pub(super) fn end(&mut self) -> String {
        self.progress.clear();
        let elapsed = self.progress.elapsed();
        let failed = self.failed();
        let failed = if failed.is_empty() { String::new() } else { format!(", {failed}") };
        let seconds = Duration::as_secs_f64(&elapsed);
        format!("{} published{failed} in {seconds:.1} s, {}", self.published, per_second(self.published, elapsed))
    }

    fn failed(&self) -> String {
        let parts = [(self.not_published, "not published"), (self.unknown, "of unknown outcome")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        parts.join(", ")
    }
}

/// A line for each failure; lines one after the other that failed alike share one.
fn complaints(failures: &[(u64, &LineFailure)]) -> Vec<String> {
    let alike = |(first, one): &(u64, &LineFailure), (second, other): &(u64, &LineFailure)| {
        first + 1 == *second && one.text == other.text
    };
    let runs = failures.chunk_by(alike).filter_map(|run| {
        let ((first, failure), (last, _)) = (run.first()?, run.last()?);
        let place = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
        Some(format!("{place}: {}", failure.text))
    });
    runs.collect()
}

/// A line's fate for programs.
fn line_json(number: u64, fate: &Fate) -> String {
    let value = match fate {
        Fate::Published(item) => {
            let mut fields = Map::new();
            fields.insert("line".to_owned(), json!(number));
            let of_item = item.as_object().into_iter().flatten().filter(|(name, _)| *name != "index");
            fields.extend(of_item.map(|(name, value)| (name.clone(), value.clone())));
            Value::Object(fields)
        }
        Fate::Failed(LineFailure { is_certain, code, text }) => {
            let outcome = if *is_certain { "not_published" } else { "unknown" };
            json!({ "line": number, "outcome": outcome, "code": code, "detail": text })
        }
    };
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_failed_alike_share_a_complaint() {
        let of = |text: &str| LineFailure { is_certain: true, code: "c".to_owned(), text: text.to_owned() };
        let (a, b) = (of("a"), of("b"));
        let found = complaints(&[(3, &a), (4, &a), (6, &a), (7, &b), (8, &b), (9, &b)]);
        assert_eq!(found, ["lines 3 to 4: a", "line 6: a", "lines 7 to 9: b"]);
    }
}

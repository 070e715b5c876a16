//! What the steps did, summed up.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;

use crate::cli::output;
use crate::cli::progress::{Progress, per_second};
use crate::cli::visible::visible;

/// What the gateway calls those that a step had no time for.
const NOT_BEGUN: &str = "not_begun";
/// Lines about single dead letters that are printed.
const MOST_LINES: u64 = 50;

/// What a step did with one.
#[derive(Deserialize)]
pub(super) struct ItemResult {
    pub(super) message_id: String,
    pub(super) result: String,
    #[serde(default)]
    pub(super) detail: Option<String>,
    #[serde(default)]
    pub(super) acknowledged: bool,
    #[serde(default)]
    pub(super) receipt_handle: Option<String>,
}

/// How far it has come.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) done: u64,
    /// Of these, still in the topic all the same.
    pub(super) not_acknowledged: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    pub(super) left: u64,
    /// Every dead letter that a step has told of.
    pub(super) seen: HashSet<String>,
    /// Those that are done.
    finished: HashSet<String>,
    /// Those that no step had time for.
    pub(super) not_begun: HashSet<String>,
    /// What is to be released at the end, the newest handle of each.
    pub(super) held: Vec<String>,
    lines: u64,
}

impl ItemResult {
    /// Of one that is to be released for a later step.
    pub(super) fn handle_if_not_begun(self) -> Option<String> {
        self.receipt_handle.filter(|_| self.result == NOT_BEGUN)
    }
}

impl Sum {
    /// Whether it is one that no step has told of.
    pub(super) fn note(&mut self, result: &ItemResult, done: &str, progress: &mut Progress) -> bool {
        if result.result == NOT_BEGUN {
            if !self.seen.contains(&result.message_id) {
                self.not_begun.insert(result.message_id.clone());
            }
            return false;
        }
        self.not_begun.remove(&result.message_id);
        if let Some(handle) = &result.receipt_handle {
            self.held.push(handle.clone());
        }
        if !self.seen.insert(result.message_id.clone()) && result.result != done {
            return false;
        }
        if result.result == done {
            self.done += 1;
            self.not_acknowledged += u64::from(!result.acknowledged);
            return self.finished.insert(result.message_id.clone());
        }
        match result.result.as_str() {
            "left" => self.left += 1,
            "unknown" => self.unknown += 1,
            _ => self.failed += 1,
        }
        if result.result != "left" {
            self.lines += 1;
            let detail = result.detail.as_deref().unwrap_or("no reason is told");
            match self.lines {
                1..=MOST_LINES => {
                    progress.clear();
                    output::complain(&format!(
                        "{}: {}: {}",
                        visible(&result.message_id),
                        visible(&result.result),
                        visible(detail)
                    ));
                }
                number if number == MOST_LINES + 1 => output::complain("… and more, which are only counted"),
                _ => {}
            }
        }
        true
    }

    /// How far it is, for a line that is written over.
    pub(super) fn line(&self, done: &str, total: Option<u64>, time: Duration) -> String {
        let of = match total {
            Some(total) if total > 0 => {
                let total = total.max(self.done);
                let filled = usize::try_from(self.done * 20 / total).unwrap_or(20);
                format!("[{}{}] ", "#".repeat(filled), ".".repeat(20_usize.saturating_sub(filled)))
            }
            Some(_) | None => String::new(),
        };
        format!(
            "{of}{done} {}, {} failed, {} left, {}",
            self.done,
            self.failed + self.unknown,
            self.left,
            per_second(self.done, time)
        )
    }
}

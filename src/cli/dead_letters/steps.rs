//! One step after the other, until there is nothing left that is wanted.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::listing::{parameters, query};
use super::place::{EMPTY_PAUSE, EMPTY_STEPS, group_option};
use crate::cli::client::{ClientError, GatewayClient};
use crate::cli::failure::{BAD, Failure};
use crate::cli::output;
use crate::cli::progress::{Progress, per_second};
use crate::cli::stop::{Ending, StopSignals};
use crate::cli::visible::visible;

/// How long a request may take; a step longer where the gateway says so.
const LIMIT: Duration = Duration::from_secs(90);
/// What a step is waited for longer than it takes.
const MARGIN: Duration = Duration::from_secs(15);
/// Dead letters of a step.
const STEP: u32 = 32;
/// Handles of one release.
const HANDLES: usize = 100;
/// How often a step that was certainly not done is asked for again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// What the gateway calls those that a step had no time for.
const NOT_BEGUN: &str = "not_begun";
/// Options that say which ones.
const FILTERS: [&str; 6] = ["subscription", "reason", "tag", "key", "since", "until"];
/// Lines about single dead letters that are printed.
const MOST_LINES: u64 = 50;

/// What is to be done with which dead letters.
pub(super) struct Steps {
    pub(super) client: GatewayClient,
    /// As a segment of a path.
    pub(super) topic: String,
    pub(super) verb: &'static str,
    /// What the gateway calls it when it is done.
    pub(super) done: &'static str,
    pub(super) options: Map<String, Value>,
    pub(super) group: Option<String>,
    /// Those that are wanted; empty for a filter.
    pub(super) ids: Vec<String>,
    pub(super) rate: Option<u32>,
    pub(super) most: Option<u64>,
    pub(super) hide: Option<Duration>,
}

#[derive(Deserialize)]
struct Stepped {
    received: usize,
    results: Vec<ItemResult>,
}

#[derive(Deserialize)]
struct ItemResult {
    message_id: String,
    result: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    acknowledged: bool,
    #[serde(default)]
    receipt_handle: Option<String>,
}

#[derive(Default, Deserialize)]
struct Description {
    messages: Option<u64>,
    #[serde(default)]
    looks_without_taking: bool,
    #[serde(default)]
    longest_step_seconds: u64,
}

#[derive(Deserialize)]
struct Listed {
    messages: Vec<Present>,
    next: Option<u64>,
}

/// One that is there, whether or not it can be taken.
#[derive(Deserialize)]
struct Present {
    message_id: String,
}

#[derive(Deserialize)]
struct Released {
    hidden: u64,
}

/// How far it has come.
#[derive(Default)]
struct Sum {
    done: u64,
    /// Of these, still in the topic all the same.
    not_acknowledged: u64,
    failed: u64,
    unknown: u64,
    left: u64,
    /// Every dead letter that a step has told of.
    seen: HashSet<String>,
    /// Those that are done.
    finished: HashSet<String>,
    /// Those that no step had time for.
    not_begun: HashSet<String>,
    /// What is to be released at the end, the newest handle of each.
    held: Vec<String>,
    lines: u64,
}

/// Why it ends.
enum End {
    /// Nothing is left, or enough is done.
    Complete,
    /// Nothing is to be had any more. How many are there all the same, where that is known.
    Empty(Option<u64>),
    /// What was left came again before all was seen.
    CameAround,
    Interrupted,
    /// Asked for twice: at once.
    BrokenOff,
    Failed(ClientError),
}

impl Steps {
    pub(super) async fn run(self) -> Result<u8, Failure> {
        // Nothing is taken yet: a signal may still end the process.
        let about = self.about().await;
        let mut signals = StopSignals::listen()?;
        let mut progress = Progress::start();
        let mut sum = Sum::default();
        let ending = Ending::default();
        let end = {
            // The step under way is done to its end by the gateway in any case: its answer is waited for, the first time.
            let steps = Box::pin(self.steps(&mut sum, &mut progress, &about, &ending));
            signals.see_through(&ending, steps).await.unwrap_or(End::BrokenOff)
        };
        progress.clear();
        let is_released = if matches!(end, End::BrokenOff) {
            None
        } else {
            signals.see_through(&ending, self.release(&sum.held)).await
        };
        let hidden = is_released.unwrap_or(sum.held.len() as u64);
        self.report(&sum, &end, hidden, progress.elapsed())
    }

    /// What is known of the topic.
    async fn about(&self) -> Description {
        let target = format!("/v1/dead-letters/{}{}", self.topic, query(self.group.as_deref(), &[]));
        let answer = self.client.get(target, LIMIT).await.and_then(|reply| reply.json());
        // The first step says what is wrong.
        answer.unwrap_or_default()
    }

    /// How many are there that no step has told of, by a look that takes nothing.
    async fn unseen(&self, seen: &HashSet<String>) -> Result<u64, ClientError> {
        let filter = self.options.iter().filter(|(name, _)| FILTERS.contains(&name.as_str()));
        let filter: Map<String, Value> = filter.map(|(name, value)| (name.clone(), value.clone())).collect();
        let (mut after, mut unseen) = (0, 0);
        loop {
            let mut more = parameters(&filter);
            more.push(("after", after.to_string()));
            let more = query(self.group.as_deref(), &more);
            let target = format!("/v1/dead-letters/{}/messages{more}", self.topic);
            let listed: Listed = self.client.get(target, LIMIT).await?.json()?;
            unseen += listed.messages.iter().filter(|it| !seen.contains(&it.message_id)).count() as u64;
            match listed.next {
                Some(next) => after = next,
                None => return Ok(unseen),
            }
        }
    }

    /// Whether an empty step was the last one.
    async fn after_empty(&self, sum: &Sum, about: &Description, number: u32) -> Result<Option<End>, ClientError> {
        if !about.looks_without_taking {
            return Ok((number >= EMPTY_STEPS).then_some(End::Empty(None)));
        }
        if !self.ids.is_empty() {
            return Ok(Some(End::Complete));
        }
        let unseen = self.unseen(&sum.seen).await?;
        Ok((unseen == 0 || number >= EMPTY_STEPS).then_some(End::Empty(Some(unseen))))
    }

    async fn steps(&self, sum: &mut Sum, progress: &mut Progress, about: &Description, ending: &Ending) -> End {
        let started = Instant::now();
        let limit = LIMIT.max(Duration::from_secs(about.longest_step_seconds) + MARGIN);
        let (mut step, mut empty) = (u64::from(STEP), 0);
        loop {
            let wanted = self.most.map(|most| most.saturating_sub(sum.done));
            if wanted == Some(0) || (!self.ids.is_empty() && self.ids.iter().all(|id| sum.seen.contains(id))) {
                return End::Complete;
            }
            let size = wanted.map_or(step, |wanted| wanted.min(step));
            let size = self.rate.map_or(size, |rate| size.min(u64::from(rate)));
            let stepped = match self.step(size, limit).await {
                Ok(stepped) => stepped,
                Err(error) => return End::Failed(error),
            };
            let mut is_new = false;
            for result in &stepped.results {
                is_new |= sum.note(result, self.done, progress);
            }
            if stepped.received == 0 {
                empty += 1;
                match self.after_empty(sum, about, empty).await {
                    Ok(Some(end)) => return end,
                    Ok(None) => ending.wait(EMPTY_PAUSE).await,
                    Err(error) => return End::Failed(error),
                }
                if ending.has_begun() {
                    return End::Interrupted;
                }
                continue;
            }
            empty = 0;
            let received = stepped.received as u64;
            let not_begun: Vec<String> =
                stepped.results.into_iter().filter_map(ItemResult::handle_if_not_begun).collect();
            if !not_begun.is_empty() {
                // No more at once than there is time for, and these for a later step.
                step = received.saturating_sub(not_begun.len() as u64).clamp(1, step);
                self.release(&not_begun).await;
            }
            if !is_new {
                return End::CameAround;
            }
            progress.show(&sum.line(self.done, about.messages, progress.elapsed()));
            if let Some(rate) = self.rate {
                let due = started + Duration::from_secs(sum.done + sum.failed + sum.unknown) / rate;
                ending.wait(due.saturating_duration_since(Instant::now())).await;
            }
            if ending.has_begun() {
                return End::Interrupted;
            }
        }
    }

    /// One step. Where it was certainly not done and may be later, it is asked for again.
    async fn step(&self, size: u64, limit: Duration) -> Result<Stepped, ClientError> {
        let mut options = self.options.clone();
        options.insert("max_messages".to_owned(), json!(size));
        if let Some(hide) = self.hide {
            options.insert("hidden_seconds".to_owned(), json!(hide.as_secs()));
        }
        let body = Bytes::from(Value::Object(options).to_string());
        let target = format!("/v1/dead-letters/{}/messages:{}", self.topic, self.verb);
        let mut tries = 1;
        loop {
            let answer = self.client.post(target.clone(), body.clone(), limit).await;
            match answer {
                Ok(reply) => return reply.json(),
                Err(ClientError::Refused(problem)) if problem.retryable && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets go of what is still there; how many stay hidden until their visibility timeout is over.
    async fn release(&self, held: &[String]) -> u64 {
        let mut hidden = 0;
        for handles in held.chunks(HANDLES) {
            let mut options: Map<String, Value> = group_option(self.group.as_deref()).into_iter().collect();
            options.insert("receipt_handles".to_owned(), json!(handles));
            let body = Bytes::from(Value::Object(options).to_string());
            let target = format!("/v1/dead-letters/{}/messages:release", self.topic);
            let released = self.client.post(target, body, LIMIT).await.and_then(|reply| reply.json::<Released>());
            hidden += released.map_or(u64::try_from(handles.len()).unwrap_or(u64::MAX), |released| released.hidden);
        }
        hidden
    }

    fn report(&self, sum: &Sum, end: &End, hidden: u64, time: Duration) -> Result<u8, Failure> {
        let done = self.done;
        let mut text =
            format!("{done} {}, {} failed, {} unknown, {} left", sum.done, sum.failed, sum.unknown, sum.left);
        text.push_str(&format!(" ({:.1} s, {})", time.as_secs_f64(), per_second(sum.done, time)));
        output::print(&text)?;
        if sum.not_acknowledged > 0 {
            output::complain(&format!(
                "{} of those that are {done} are still in the topic, as they were not acknowledged: they are sent once more next time",
                sum.not_acknowledged
            ));
        }
        if sum.unknown > 0 {
            output::complain("unknown: perhaps sent again, and still in the topic");
        }
        if hidden > 0 {
            output::complain(&format!(
                "{hidden} that are still there stay hidden from others until the visibility timeout is over: this MQ takes nothing back"
            ));
        }
        let missing = self.ids.iter().filter(|id| !sum.seen.contains(*id)).count();
        if !sum.not_begun.is_empty() {
            output::complain(&format!(
                "{} were taken and not begun, as there was no time for them: run it again, with a longer --hide",
                sum.not_begun.len()
            ));
        }
        let is_bad = sum.failed + sum.unknown + sum.not_acknowledged > 0 || !sum.not_begun.is_empty();
        match end {
            End::Complete | End::Empty(_) if missing > 0 => {
                output::complain(&format!(
                    "{missing} of the ids were not found: done already, or hidden from this group"
                ));
                Ok(BAD)
            }
            End::Empty(Some(unseen @ 1..)) => {
                output::complain(&format!(
                    "{unseen} more are there and hidden from this group, by somebody else or by an earlier run: run it again when \
                     their visibility timeout is over"
                ));
                Ok(BAD)
            }
            End::Empty(None) => {
                output::complain(
                    "none is visible now; any that are hidden come back when their visibility timeout is over",
                );
                Ok(if is_bad { BAD } else { 0 })
            }
            End::Complete | End::Empty(Some(0)) => Ok(if is_bad { BAD } else { 0 }),
            End::CameAround => {
                output::complain(
                    "those that are left came again before all were seen, so some may not have been looked at: run it again, with a \
                     longer --hide",
                );
                Ok(BAD)
            }
            End::Interrupted | End::BrokenOff => {
                output::complain("interrupted: what is not done is still there");
                Ok(BAD)
            }
            End::Failed(error) => {
                let after = if error.is_certain() {
                    "what is not done is still there"
                } else {
                    "the last step may be done; what is not done is there again when its visibility timeout is over"
                };
                Err(Failure::bad(format!("{error} ({after}; it can be run again)")))
            }
        }
    }
}

impl ItemResult {
    /// Of one that is to be released for a later step.
    fn handle_if_not_begun(self) -> Option<String> {
        self.receipt_handle.filter(|_| self.result == NOT_BEGUN)
    }
}

impl Sum {
    /// Whether it is one that no step has told of.
    fn note(&mut self, result: &ItemResult, done: &str, progress: &mut Progress) -> bool {
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

    fn line(&self, done: &str, total: Option<u64>, time: Duration) -> String {
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

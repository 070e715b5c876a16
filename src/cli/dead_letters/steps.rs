//! One step after the other, until there is nothing left that is wanted.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::end::End;
use super::listing::{parameters, query};
use super::place::{EMPTY_PAUSE, EMPTY_STEPS, group_option};
use super::sum::{ItemResult, Sum};
use crate::cli::client::{ClientError, GatewayClient};
use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::cli::stop::{Ending, StopSignals};

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
/// Options that say which ones.
const FILTERS: [&str; 6] = ["subscription", "reason", "tag", "key", "since", "until"];
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
        end.report((self.done, &self.ids), &sum, hidden, progress.elapsed())
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
}

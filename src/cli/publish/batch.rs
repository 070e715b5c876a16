//! Publishes the lines of one batch until each has its fate.
//!
//! The gateway refuses a whole batch for the shape of one message: those that it names are taken out, and where it names none the
//! batch is halved; nothing of such a batch was sent. What was certainly not published and may work later is tried again for a
//! while. What may have been published is never sent again. Where a message of a group failed, later ones of that group are not
//! sent any more, in this batch or after it: the order that its consumers rely on would be another.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::envelope::Envelope;
use super::limit::LIMIT;
use super::lines::Line;
use crate::cli::client::{ClientError, GatewayClient, Problem, Reply};
use crate::cli::stop::Ending;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What became of a line.
#[derive(Debug)]
pub(super) enum Fate {
    /// The gateway's own words on a message that it took.
    Published(Value),
    /// It is not published, or nobody knows.
    Failed(LineFailure),
}

/// Why a line is not known to be published.
#[derive(Debug)]
pub(super) struct LineFailure {
    /// Whether it is certain that it is not.
    pub(super) is_certain: bool,
    pub(super) code: String,
    /// For people.
    pub(super) text: String,
}

/// The fates of a batch's lines, in their order.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) lines: Vec<(u64, Fate)>,
    /// Why no further batch can have another fate.
    pub(super) halt: Option<String>,
}

/// What the batches of one run share.
pub(super) struct Publisher<'a> {
    pub(super) client: &'a GatewayClient,
    pub(super) target: String,
    /// How long something is tried again.
    pub(super) patience: Duration,
    pub(super) ending: &'a Ending,
    /// Message groups of which a message failed.
    pub(super) broken_groups: &'a RefCell<HashSet<String>>,
}

/// A message that has no fate yet.
#[derive(Debug)]
struct Open {
    number: u64,
    envelope: Envelope,
}

/// One batch at work.
struct Work<'a> {
    publisher: &'a Publisher<'a>,
    /// Parts in their order, each sent as a request.
    parts: VecDeque<Vec<Open>>,
    settled: Settled,
    retries: Retries,
}

impl Publisher<'_> {
    /// Whether a message of its group failed.
    fn is_broken(&self, open: &Open) -> bool {
        open.envelope.group.as_ref().is_some_and(|group| self.broken_groups.borrow().contains(group))
    }

    /// Publishes these lines.
    pub(super) async fn settle(&self, lines: Vec<Line>) -> Settled {
        let settled = Settled { lines: Vec::with_capacity(lines.len()), halt: None };
        let retries = Retries { patience: self.patience, until: None, pause: FIRST_PAUSE };
        let mut work = Work { publisher: self, parts: VecDeque::new(), settled, retries };
        let mut open = Vec::with_capacity(lines.len());
        for Line { number, envelope } in lines {
            match envelope {
                Ok(envelope) => open.push(Open { number, envelope }),
                Err(text) => {
                    work.fail_text(number, "malformed-json", format!("{text} (malformed-json); not published"));
                }
            }
        }
        work.parts.push_back(open);
        while let Some(part) = work.parts.pop_front() {
            let part = work.without_broken_groups(part);
            if !part.is_empty() {
                work.send(part).await;
            }
        }
        work.settled.lines.sort_by_key(|(number, _)| *number);
        work.settled
    }
}

impl Work<'_> {
    async fn send(&mut self, part: Vec<Open>) {
        let json: Vec<&str> = part.iter().map(|open| open.envelope.json.as_str()).collect();
        let body = Bytes::from(format!("{{\"messages\":[{}]}}", json.join(",")));
        let answer = self.publisher.client.post(self.publisher.target.clone(), body, LIMIT).await;
        match answer.and_then(|reply| items(&reply, part.len())) {
            Ok(items) => self.judge(part, items).await,
            Err(ClientError::Refused(problem)) => self.refused(part, &problem).await,
            Err(error @ ClientError::NobodyThere { .. }) if self.may_retry() => {
                self.again(part, None, &error.to_string()).await;
            }
            Err(error @ (ClientError::NobodyThere { .. } | ClientError::Foreign { .. })) => {
                self.settled.halt.get_or_insert_with(|| error.to_string());
                self.fail_all(part, &error);
            }
            Err(error @ ClientError::NoAnswer { .. }) => self.fail_all(part, &error),
        }
    }

    /// Each message has an answer of its own.
    async fn judge(&mut self, part: Vec<Open>, items: Vec<Value>) {
        let mut again: Vec<(Open, Problem)> = Vec::new();
        let mut after = None;
        let mut why = String::new();
        for (open, item) in part.into_iter().zip(items) {
            let problem = match Item::deserialize(&item) {
                Ok(Item { status: 200..=299, .. }) => {
                    self.retries.progress();
                    self.settled.lines.push((open.number, Fate::Published(item)));
                    continue;
                }
                Ok(Item { problem: Some(problem), .. }) => problem,
                Ok(Item { problem: None, .. }) | Err(_) => {
                    self.fail(
                        &open,
                        false,
                        "no-answer",
                        "the gateway's answer does not say what became of it".to_owned(),
                    );
                    continue;
                }
            };
            let waits_for_another = open.envelope.group.is_some()
                && again.iter().any(|(earlier, _)| earlier.envelope.group == open.envelope.group);
            let goes_again = waits_for_another || (may_work_later(&problem) && self.may_retry());
            if goes_again && is_not_published(&problem) {
                after = after.max(problem.retry_after_seconds);
                why = problem.to_string();
                again.push((open, problem));
            } else {
                self.fail_for(&open, &problem);
            }
        }
        // One that would come behind a later message of its group, which perhaps is published, is not sent any more.
        let is_overtaken = |(open, _): &(Open, Problem)| self.publisher.is_broken(open);
        let (overtaken, again): (Vec<_>, Vec<_>) = again.into_iter().partition(is_overtaken);
        overtaken.iter().for_each(|(open, problem)| self.fail_for(open, problem));
        let again: Vec<Open> = again.into_iter().map(|(open, _)| open).collect();
        if !again.is_empty() {
            self.again(again, after, &why).await;
        }
    }

    /// The gateway refused the request as a whole.
    async fn refused(&mut self, mut part: Vec<Open>, problem: &Problem) {
        if !is_not_published(problem) {
            part.iter().for_each(|open| self.fail_for(open, problem));
        } else if matches!(problem.status, 400 | 413 | 422) {
            let wrong = wrong_messages(problem);
            if wrong.iter().any(|index| *index < part.len()) {
                let mut index = 0;
                part.retain(|open| {
                    let own = wrong.contains(&index).then(|| only(problem, index));
                    index += 1;
                    own.map(|own| self.fail_for(open, &own)).is_none()
                });
                self.parts.push_front(part);
            } else if part.len() > 1 {
                let second = part.split_off(part.len() / 2);
                self.parts.push_front(second);
                self.parts.push_front(part);
            } else {
                part.iter().for_each(|open| self.fail_for(open, problem));
            }
        } else if may_work_later(problem) && self.may_retry() {
            self.again(part, problem.retry_after_seconds, &problem.to_string()).await;
        } else {
            self.settled.halt.get_or_insert_with(|| problem.to_string());
            part.iter().for_each(|open| self.fail_for(open, problem));
        }
    }

    fn may_retry(&mut self) -> bool {
        !self.publisher.ending.has_begun() && self.retries.have_time()
    }

    /// Waits, and puts the messages back.
    async fn again(&mut self, part: Vec<Open>, after_seconds: Option<u64>, why: &str) {
        let pause = self.retries.next_pause(after_seconds);
        self.publisher.ending.wait(pause).await;
        if self.publisher.ending.has_begun() {
            for open in part {
                self.fail(&open, true, "interrupted", format!("not published, and not tried again: {why}"));
            }
        } else {
            self.parts.push_front(part);
        }
    }

    /// Those that may be sent; the others follow a message of their group that failed.
    fn without_broken_groups(&mut self, part: Vec<Open>) -> Vec<Open> {
        let publisher = self.publisher;
        let (broken, good): (Vec<Open>, Vec<Open>) = part.into_iter().partition(|open| publisher.is_broken(open));
        for open in broken {
            let text = "an earlier message of its group failed (earlier-message-failed); not published";
            self.fail_text(open.number, "earlier-message-failed", text.to_owned());
        }
        good
    }

    fn fail_all(&mut self, part: Vec<Open>, error: &ClientError) {
        for open in part {
            self.fail(&open, error.is_certain(), error.code(), error.to_string());
        }
    }

    fn fail_for(&mut self, open: &Open, problem: &Problem) {
        self.fail(open, is_not_published(problem), &problem.code, problem.to_string());
    }

    fn fail(&mut self, open: &Open, is_certain: bool, code: &str, text: String) {
        self.publisher.broken_groups.borrow_mut().extend(open.envelope.group.clone());
        let failure = LineFailure { is_certain, code: code.to_owned(), text };
        self.settled.lines.push((open.number, Fate::Failed(failure)));
    }

    fn fail_text(&mut self, number: u64, code: &str, text: String) {
        self.settled.lines.push((number, Fate::Failed(LineFailure { is_certain: true, code: code.to_owned(), text })));
    }
}

/// One message's part of the answer, as far as it decides.
#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Items {
    results: Vec<Value>,
}

fn items(reply: &Reply, expected: usize) -> Result<Vec<Value>, ClientError> {
    let Items { results } = reply.json()?;
    if results.len() == expected { Ok(results) } else { Err(reply.unusable("another number of results than messages")) }
}

fn may_work_later(problem: &Problem) -> bool {
    problem.retryable && is_not_published(problem)
}

fn is_not_published(problem: &Problem) -> bool {
    problem.outcome.as_deref() != Some("unknown")
}

/// Which messages of a batch the wrong fields belong to.
fn wrong_messages(problem: &Problem) -> HashSet<usize> {
    let index = |pointer: &str| pointer.strip_prefix("/messages/")?.split('/').next()?.parse().ok();
    problem.errors.iter().filter_map(|error| error.pointer.as_deref().and_then(index)).collect()
}

/// What of the problem is about this message, with pointers into it.
fn only(problem: &Problem, index: usize) -> Problem {
    let prefix = format!("/messages/{index}");
    let own = problem.errors.iter().filter_map(|error| {
        let inside = error.pointer.as_deref()?.strip_prefix(&prefix)?;
        (inside.is_empty() || inside.starts_with('/')).then(|| {
            let mut error = error.clone();
            error.pointer = Some(inside.to_owned());
            error
        })
    });
    let errors: Vec<_> = own.collect();
    let detail = errors.first().map_or_else(String::new, |first| {
        let place = first.pointer.as_deref().unwrap_or_default();
        if place.is_empty() { first.detail.clone() } else { format!("{place}: {}", first.detail) }
    });
    Problem { detail, errors, ..problem.clone() }
}

/// How long, and how soon, something is tried again.
struct Retries {
    patience: Duration,
    /// Since the first failure after a success.
    until: Option<Instant>,
    pause: Duration,
}

impl Retries {
    fn have_time(&mut self) -> bool {
        let now = Instant::now();
        now < *self.until.get_or_insert(now + self.patience)
    }

    fn next_pause(&mut self, after_seconds: Option<u64>) -> Duration {
        let own = self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let wanted = after_seconds.map_or(own, |seconds| own.max(Duration::from_secs(seconds)));
        // A last try at the end of our patience, whatever was asked for.
        let left = self.until.map_or(self.patience, |until| until.saturating_duration_since(Instant::now()));
        wanted.min(left.max(FIRST_PAUSE))
    }

    fn progress(&mut self) {
        self.until = None;
        self.pause = FIRST_PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(errors: &str) -> Problem {
        let text = format!(r#"{{"status":422,"code":"validation-failed","detail":"d","errors":{errors}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_batchs_problem_is_told_to_the_messages_that_have_it() {
        let both = problem(
            r#"[{"pointer":"/messages/1/tag","detail":"a"},{"pointer":"/messages/12","detail":"b"},{"pointer":"/messages","detail":"c"}]"#,
        );
        assert_eq!(wrong_messages(&both), HashSet::from([1, 12]));
        assert_eq!(only(&both, 1).to_string(), "/tag: a (validation-failed, 422)");
        assert_eq!(only(&both, 12).to_string(), "b (validation-failed, 422)");
        assert!(wrong_messages(&problem("[]")).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn patience_begins_anew_after_each_success() {
        let mut retries = Retries { patience: Duration::from_secs(10), until: None, pause: FIRST_PAUSE };
        assert!(retries.have_time());
        assert_eq!(retries.next_pause(None), Duration::from_millis(250));
        assert_eq!(retries.next_pause(Some(3)), Duration::from_secs(3));
        assert_eq!(retries.next_pause(Some(60)), Duration::from_secs(10), "never past the end");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!retries.have_time());
        retries.progress();
        assert!(retries.have_time());
        let mut none = Retries { patience: Duration::ZERO, until: None, pause: FIRST_PAUSE };
        assert!(!none.have_time());
    }
}

//! `POST /v1/dead-letters/{topic}/messages:redrive` and `…:drop`: one step of it.
//!
//! A step takes some dead letters and does what is asked for with those that are wanted, one after the other. It is acknowledged only
//! once its subscription's target took it or the MQ confirmed its publish: an end at any point leaves a dead letter that is
//! still there, at worst beside its copy. What was not wanted, or did not succeed, stays hidden until it is released, so that a later step gets
//! others.
//!
//! One is begun only where the step has the time for it; the first in any case, as no step could do it else. What was begun is
//! acknowledged whatever the time is by then.

use std::time::Duration;

use actix_web::HttpResponse;
use serde::Serialize;
use tokio::time::Instant;

use super::destination::{Destination, destination};
use super::letter::{Letter, REDRIVEN_FOR};
use super::options::{self, Options};
use super::source::{ACKNOWLEDGEMENTS, SETTLE_LIMIT, Source, Taken};
use crate::embedded::DEAD_LETTER_PREFIX;
use crate::http::api::Field;
use crate::http::management::operator::{OperatorRequest, json};
use crate::http::problem::{FieldError, Problem};
use crate::model::{Feature, Outcome};
use crate::push::NotDelivered;

/// How long the first of a step waits for its turn at a busy target.
const FIRST_TURN: Duration = Duration::from_secs(10);
/// For what else is done between two waits.
const A_MOMENT: Duration = Duration::from_secs(1);

const REDRIVE: &[Field] = &[
    options::GROUP,
    options::MESSAGES,
    options::HIDDEN,
    options::IDS,
    options::SUBSCRIPTION,
    options::REASON,
    options::TAG,
    options::KEY,
    options::SINCE,
    options::UNTIL,
    options::TO,
    options::NEW_ID,
    options::CONFIRMED,
];
const DROP: &[Field] = &[
    options::GROUP,
    options::MESSAGES,
    options::HIDDEN,
    options::IDS,
    options::SUBSCRIPTION,
    options::REASON,
    options::TAG,
    options::KEY,
    options::SINCE,
    options::UNTIL,
    options::CONFIRMED,
];

#[derive(Serialize)]
struct Stepped {
    group: String,
    /// How many were taken.
    received: usize,
    results: Vec<ItemResult>,
}

/// What became of one dead letter.
#[derive(Debug, Default, Serialize)]
struct ItemResult {
    message_id: String,
    /// `redriven`, `dropped`, `left` (not wanted), `not_begun` (there was no time for it), `failed`, `unknown`.
    result: &'static str,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<String>,
    /// What it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_message_id: Option<String>,
    /// Whether it is out of the topic of dead letters: one that was sent again and is not will be there once more.
    acknowledged: bool,
    /// For `…:release`, where it is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_handle: Option<String>,
}

/// Sends dead letters again.
pub(in crate::http::management) async fn redrive(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let options = Options::of_body(&request, REDRIVE).await?;
    let source = Source::of(&request, &options).await?;
    let to = match &options.to {
        None => None,
        Some(to) => {
            let wrong = |detail: &str| Problem::invalid(vec![FieldError::at("/to", detail)]);
            let route = source.gateway.topic(to).map_err(|error| wrong(&error.to_string()))?;
            if route.topic == *source.topic() {
                return Err(wrong("must be another topic than that of the dead letters"));
            }
            Some(route)
        }
    };
    if !options.confirmed.unwrap_or(false)
        && let Some(warning) = warning(&source, options.to.as_deref()).await?
    {
        return Err(Problem::invalid(vec![FieldError::at("/confirmed", warning)]));
    }
    let step = source.take(&options, request.subscriptions().longest_timeout()).await?;
    let received = step.letters.len();
    let mut results = Vec::with_capacity(received);
    let mut is_first = true;
    for taken in step.letters {
        if !taken.letter.is_wanted(&options) {
            results.push(left(taken, "left", None));
            continue;
        }
        let destination = destination(&source, &taken.letter, to.as_ref());
        let needed = match &destination {
            Ok(Destination::Subscription(name)) => request.subscriptions().timeout(name).unwrap_or_default(),
            Ok(Destination::Topic(..)) | Err(_) => Duration::ZERO,
        };
        if let Some(detail) = no_time(&request, &taken, if is_first { Duration::ZERO } else { needed }) {
            results.push(left(taken, "not_begun", Some(detail.to_owned())));
            continue;
        }
        let now = Instant::now();
        let turn_by = request.context.deadline().checked_sub(needed).unwrap_or(now);
        let turn_by = if is_first { turn_by.max(now + FIRST_TURN) } else { turn_by };
        is_first = false;
        let delivery = Once { new_id: options.new_id.unwrap_or(false), turn_by };
        let result = one(&request, &source, taken, destination, delivery).await;
        source.count(result.result, 1);
        results.push(result);
    }
    forget(&source, &results).await;
    json(&Stepped { group: source.group().as_str().to_owned(), received, results })
}

/// Drops dead letters.
pub(in crate::http::management) async fn drop_letters(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let options = Options::of_body(&request, DROP).await?;
    let source = Source::of(&request, &options).await?;
    if !options.confirmed.unwrap_or(false) {
        let detail = "must be true: what is dropped is gone for good (mq-gateway dead-letters drop --yes)";
        return Err(Problem::invalid(vec![FieldError::at("/confirmed", detail)]));
    }
    let step = source.take(&options, Duration::ZERO).await?;
    let received = step.letters.len();
    let mut results = Vec::with_capacity(received);
    for taken in step.letters {
        if !taken.letter.is_wanted(&options) {
            results.push(left(taken, "left", None));
            continue;
        }
        if let Some(detail) = no_time(&request, &taken, Duration::ZERO) {
            results.push(left(taken, "not_begun", Some(detail.to_owned())));
            continue;
        }
        let result = match source.acknowledge(&taken.receipt_handle).await {
            Ok(()) => ItemResult {
                message_id: taken.letter.id,
                result: "dropped",
                acknowledged: true,
                ..ItemResult::default()
            },
            Err(problem) => left(taken, "failed", Some(problem.detail)),
        };
        source.count(result.result, 1);
        results.push(result);
    }
    forget(&source, &results).await;
    json(&Stepped { group: source.group().as_str().to_owned(), received, results })
}

/// What has to be confirmed before anything is taken: where several groups may get what is sent again.
async fn warning(source: &Source<'_>, to: Option<&str>) -> Result<Option<String>, Problem> {
    let quoted = |groups: &std::collections::BTreeSet<String>| {
        if groups.is_empty() {
            "no other group that is known here".to_owned()
        } else {
            groups.iter().map(|group| format!("`{group}`")).collect::<Vec<_>>().join(", ")
        }
    };
    if let Some(to) = to {
        let others = source.other_groups(to).await?;
        return Ok(Some(format!(
            "must be true: each is published to `{to}`, where every group of it gets it: {} (--yes)",
            quoted(&others)
        )));
    }
    let Some(group) = &source.of_group else { return Ok(None) };
    let mut parts = Vec::new();
    for origin in source.origins().await? {
        parts.push(format!("`{origin}`: {}", quoted(&source.other_groups(&origin).await?)));
    }
    let known = if parts.is_empty() {
        "which topic and which groups these are is not known here".to_owned()
    } else {
        parts.join("; ")
    };
    Ok(Some(format!(
        "must be true: each is published to the topic that it came from, with the property {REDRIVEN_FOR}={group}, and other groups of \
         that topic get it, too: {known} (--yes)"
    )))
}

/// How long a step may take: all of its own time is over when the first is begun, which waits for its turn, is sent and acknowledged.
pub(super) fn longest_step(request: &OperatorRequest) -> Duration {
    let settled = (SETTLE_LIMIT + A_MOMENT).saturating_mul(ACKNOWLEDGEMENTS);
    let sent = FIRST_TURN + request.subscriptions().longest_timeout() + A_MOMENT;
    request.request_timeout() + sent + settled
}

/// Why one that needs so long is not begun: the step is over by then, or the dead letter is not hidden any more.
fn no_time(request: &OperatorRequest, taken: &Taken, needed: Duration) -> Option<&'static str> {
    if Instant::now() + needed >= request.context.deadline() {
        return Some("the step has no time for it: ask for fewer at once");
    }
    let is_short = taken.visible_again_at.since(request.resources().clock.now()) <= needed;
    is_short
        .then_some("its visibility timeout is over before it is done: ask for fewer at once, or hide them for longer")
}

/// How a subscription delivers a message again.
struct Once {
    new_id: bool,
    turn_by: Instant,
}

/// Sends one again, and acknowledges it then.
async fn one(
    request: &OperatorRequest,
    source: &Source<'_>,
    taken: Taken,
    destination: Result<Destination, String>,
    Once { new_id, turn_by }: Once,
) -> ItemResult {
    let mut done = ItemResult { message_id: taken.letter.id.clone(), result: "redriven", ..ItemResult::default() };
    match destination {
        Err(detail) => return left(taken, "failed", Some(detail)),
        Ok(Destination::Subscription(name)) => {
            let message = taken.letter.original.clone();
            let delivered = request.subscriptions().deliver_once(&name, message, new_id, turn_by).await;
            if let Err(error) = delivered {
                let (result, detail) = not_delivered(&name, &error);
                return ItemResult { subscription: Some(name), ..left(taken, result, Some(detail)) };
            }
            done.subscription = Some(name);
        }
        Ok(Destination::Topic(route, mut message)) => {
            let has_properties = source.gateway.capabilities(&route.topic).is_ok_and(|it| it.has(Feature::Properties));
            if !has_properties {
                // Only the mark: properties of the message's own are refused below, and not left out.
                message.properties.retain(|(name, _)| name != REDRIVEN_FOR);
                done.detail = Some(format!("without the property {REDRIVEN_FOR}: this protocol has none"));
            }
            done.to = Some(route.topic.topic.as_str().to_owned());
            match source.gateway.publish(&request.context, &route.topic, *message, None).await {
                Ok(accepted) => done.new_message_id = Some(accepted.published.message_id.as_str().to_owned()),
                Err(error) => {
                    let result = if error.outcome() == Outcome::NotPublished { "failed" } else { "unknown" };
                    return ItemResult { to: done.to, ..left(taken, result, Some(error.to_string())) };
                }
            }
        }
    }
    match source.acknowledge(&taken.receipt_handle).await {
        Ok(()) => ItemResult { acknowledged: true, ..done },
        Err(problem) => ItemResult {
            detail: Some(format!(
                "it was sent again, and is still here, as it was not acknowledged: {}",
                problem.detail
            )),
            receipt_handle: Some(taken.receipt_handle),
            ..done
        },
    }
}

/// What it comes to that a target did not take it, as far as is known.
fn not_delivered(name: &str, error: &NotDelivered) -> (&'static str, String) {
    if *error == NotDelivered::Unknown {
        let detail =
            format!("this gateway has no subscription `{name}`: ask one that has, or send it to a topic (--to)");
        return ("failed", detail);
    }
    (if error.may_have_it() { "unknown" } else { "failed" }, error.to_string())
}

/// One that stays.
fn left(taken: Taken, result: &'static str, detail: Option<String>) -> ItemResult {
    let Taken { letter: Letter { id, .. }, receipt_handle, .. } = taken;
    let receipt_handle = Some(receipt_handle);
    ItemResult { message_id: id, result, detail, receipt_handle, ..ItemResult::default() }
}

/// On the embedded endpoint the MQ's own dead letters that are dealt with go at once, so that what is counted is what is left.
async fn forget(source: &Source<'_>, results: &[ItemResult]) {
    if let Some(engine) = source.engine
        && source.topic().as_str().starts_with(DEAD_LETTER_PREFIX)
        && results.iter().any(|result| result.acknowledged)
        && let Err(error) = engine.drop_acknowledged(source.topic()).await
    {
        // They are acknowledged all the same.
        tracing::debug!(%error, "dead letters that are dealt with wait for retention");
    }
}

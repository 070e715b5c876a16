//! Subscriptions, for operators: how they are, and pausing them in this process.

use std::collections::HashMap;

use actix_web::HttpResponse;
use serde::Serialize;

use super::operator::{OperatorRequest, json};
use crate::embedded::GroupStats;
use crate::http::api::rfc3339;
use crate::http::no_query::no_query;
use crate::http::problem::{Code, Problem};
use crate::push::SubscriptionStatus;

/// Where the system says what it is called: in a pod, its name.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

#[derive(Serialize)]
struct List {
    pod: Option<String>,
    subscriptions: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    /// In one word: `stopped`, `paused`, `failing` or `running`.
    state: &'static str,
    topic: String,
    group: String,
    url: String,
    paused: Option<Paused>,
    stopped_since: Option<String>,
    failing_since: Option<String>,
    last_success_at: Option<String>,
    last_error: Option<LastError>,
    receive_error: Option<&'static str>,
    in_flight: i64,
    allowed: usize,
    concurrency: usize,
    held: i64,
    closed_until: Option<String>,
    per_second: f64,
    backlog: Option<Backlog>,
}

#[derive(Serialize)]
struct Paused {
    reason: &'static str,
    since: String,
}

#[derive(Serialize)]
struct LastError {
    result: &'static str,
    status: Option<u16>,
    at: String,
}

/// What waits in the MQ for the group.
#[derive(Serialize)]
struct Backlog {
    ready: u64,
    in_flight: u64,
    delayed: u64,
    oldest_seconds: Option<u64>,
}

/// Every subscription of this process.
pub(super) async fn list(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    no_query(&request.request)?;
    let backlogs = backlogs(&request).await;
    let subscriptions = request.subscriptions().statuses().into_iter().map(|it| shown(it, &backlogs)).collect();
    json(&List { pod: pod(), subscriptions })
}

/// Pauses one in this process, until it is resumed or the process starts anew.
pub(super) async fn pause(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    no_query(&request.request)?;
    let status = request.subscriptions().pause(&request.path.name);
    answer(&request, status).await
}

/// Lets one go on.
pub(super) async fn resume(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    no_query(&request.request)?;
    let status = request.subscriptions().resume(&request.path.name);
    answer(&request, status).await
}

async fn answer(request: &OperatorRequest, status: Option<SubscriptionStatus>) -> Result<HttpResponse, Problem> {
    let Some(status) = status else {
        let names: Vec<_> = request.subscriptions().statuses().into_iter().map(|it| it.name).collect();
        let detail = if names.is_empty() {
            "there is no such subscription: this process has none".to_owned()
        } else {
            format!("there is no such subscription: this process has {}", names.join(", "))
        };
        return Err(Problem::new(Code::NotFound, detail));
    };
    let backlogs = backlogs(request).await;
    json(&List { pod: pod(), subscriptions: vec![shown(status, &backlogs)] })
}

/// What waits for each topic and group, where this process is the MQ.
async fn backlogs(request: &OperatorRequest) -> HashMap<(String, String), GroupStats> {
    let Ok(engine) = request.engine() else { return HashMap::new() };
    // A store that cannot tell is in the other pages.
    let Ok(stats) = engine.stats().await else { return HashMap::new() };
    let key = |it: &GroupStats| (it.topic.as_str().to_owned(), it.group.as_str().to_owned());
    stats.groups.into_iter().map(|it| (key(&it), it)).collect()
}

fn shown(it: SubscriptionStatus, backlogs: &HashMap<(String, String), GroupStats>) -> Shown {
    let state = match (&it.stopped_since, &it.paused, &it.failing_since) {
        (Some(_), _, _) => "stopped",
        (None, Some(_), _) => "paused",
        (None, None, Some(_)) => "failing",
        (None, None, None) => "running",
    };
    let backlog = it.is_embedded.then(|| backlogs.get(&(it.topic.clone(), it.group.clone()))).flatten();
    Shown {
        state,
        paused: it.paused.map(|(reason, since)| Paused { reason: reason.as_str(), since: rfc3339(since) }),
        stopped_since: it.stopped_since.map(rfc3339),
        failing_since: it.failing_since.map(rfc3339),
        last_success_at: it.last_success.map(rfc3339),
        last_error: it.last_error.map(|error| LastError {
            result: error.result.as_str(),
            status: error.status,
            at: rfc3339(error.at),
        }),
        receive_error: it.receive_error,
        in_flight: it.in_flight,
        allowed: it.allowed,
        concurrency: it.concurrency,
        held: it.held,
        closed_until: it.closed_until.map(rfc3339),
        per_second: (it.per_second * 100.0).round() / 100.0,
        backlog: backlog.map(|stats| Backlog {
            ready: stats.ready,
            in_flight: stats.in_flight,
            delayed: stats.delayed,
            oldest_seconds: stats.oldest_unacknowledged_age.map(|age| age.as_secs()),
        }),
        name: it.name,
        topic: it.topic,
        group: it.group,
        url: it.url,
    }
}

/// The name of this pod, or machine.
fn pod() -> Option<String> {
    let name = std::fs::read_to_string(HOST_NAME_FILE).ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

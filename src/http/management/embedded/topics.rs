//! `GET /v1/embedded/topics`: topics and groups with what is in them.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;

use super::names::problem;
use crate::embedded::{GroupStats, dead_letter_topic_name};
use crate::http::management::operator::{OperatorRequest, json};
use crate::http::no_query::no_query;
use crate::http::problem::Problem;

#[derive(Serialize)]
struct Topics {
    topics: Vec<Topic>,
}

#[derive(Serialize)]
struct Topic {
    topic: String,
    /// Those that are retained, acknowledged and delayed ones included.
    messages: u64,
    bytes: u64,
    groups: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    group: String,
    ready: u64,
    delayed: u64,
    in_flight: u64,
    filtered_out: u64,
    /// In the topic of the group's dead letters, whatever topic they came from.
    dead_letters: u64,
    oldest_seconds: Option<f64>,
}

/// All of them, by name.
pub(in crate::http::management) async fn topics(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    no_query(&request.request)?;
    let stats = request.engine()?.stats().await.map_err(problem)?;
    let messages: BTreeMap<&str, u64> = stats.topics.iter().map(|it| (it.topic.as_str(), it.messages)).collect();
    let shown = |group: &GroupStats| Group {
        group: group.group.as_str().to_owned(),
        ready: group.ready,
        delayed: group.delayed,
        in_flight: group.in_flight,
        filtered_out: group.filtered_out,
        dead_letters: messages.get(dead_letter_topic_name(&group.group).as_str()).copied().unwrap_or(0),
        oldest_seconds: group.oldest_unacknowledged_age.map(|age| age.as_secs_f64()),
    };
    let topics = stats
        .topics
        .iter()
        .map(|topic| Topic {
            topic: topic.topic.as_str().to_owned(),
            messages: topic.messages,
            bytes: topic.bytes,
            groups: stats.groups.iter().filter(|group| group.topic == topic.topic).map(shown).collect(),
        })
        .collect();
    json(&Topics { topics })
}

//! `GET /v1/dead-letters/{topic}`: whose dead letters these are, and what can be done with them.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::HttpResponse;
use serde::Serialize;

use super::options::{self, Options};
use super::redrive::longest_step;
use super::source::{Source, unavailable};
use crate::http::api::Field;
use crate::http::management::operator::{OperatorRequest, json};
use crate::http::problem::Problem;
use crate::model::Feature;

const SHAPE: &[Field] = &[options::GROUP];

#[derive(Serialize)]
struct Description {
    topic: String,
    /// The group that takes them.
    group: String,
    protocol: &'static str,
    /// How many are retained, where that is known.
    messages: Option<u64>,
    looks_without_taking: bool,
    /// Whether what was taken can be given back before its time.
    can_release: bool,
    /// Whether a step may choose how long it hides what it takes.
    chooses_hidden_time: bool,
    /// How long a step may take to answer.
    longest_step_seconds: u64,
    /// The group whose dead letters the MQ puts there.
    dead_letters_of: Option<String>,
    /// Topics that this group reads, each with the other groups that get what is published there.
    origins: BTreeMap<String, BTreeSet<String>>,
}

/// Describes the topic.
pub(in crate::http::management) async fn description(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let options = Options::of_query(&request, SHAPE)?;
    let source = Source::of(&request, &options).await.map_err(|problem| problem.in_query(str::to_owned))?;
    let capabilities = *source.gateway.capabilities(&source.route.topic)?;
    let messages = match source.engine {
        Some(engine) => {
            let stats = engine.stats().await.map_err(unavailable)?;
            let found = stats.topics.iter().find(|it| it.topic == *source.topic());
            Some(found.map_or(0, |it| it.messages))
        }
        None => None,
    };
    let mut origins = BTreeMap::new();
    for topic in source.origins().await? {
        let others = source.other_groups(&topic).await?;
        origins.insert(topic, others);
    }
    json(&Description {
        topic: source.topic().as_str().to_owned(),
        group: source.group().as_str().to_owned(),
        protocol: capabilities.protocol.as_str(),
        messages,
        looks_without_taking: source.engine.is_some(),
        can_release: source.gateway.can_release(&source.route),
        chooses_hidden_time: capabilities.has(Feature::VisibilityTimeout),
        longest_step_seconds: longest_step(&request).as_secs(),
        dead_letters_of: source.of_group.clone(),
        origins,
    })
}

//! `GET /v1/topics` and `GET /v1/topics/{topic}`: what callers may use, as data.

use actix_web::HttpResponse;
use serde::{Serialize, Serializer};

use crate::gateway::TopicView;
use crate::http::context::HttpContext;
use crate::http::no_query::no_query;
use crate::http::problem::Problem;
use crate::model::{Feature, Features};

#[derive(Serialize)]
struct TopicsResponse {
    topics: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    topic: String,
    groups: Vec<String>,
    #[serde(skip_serializing_if = "GroupTags::is_empty")]
    group_tags: GroupTags,
    protocol: &'static str,
    delivery: &'static str,
    on_unknown: &'static str,
    limits: Limits,
    capabilities: Capabilities,
}

#[derive(Serialize)]
struct Limits {
    max_message_bytes: usize,
    max_batch_messages: usize,
    max_receive_messages: u32,
    max_wait_seconds: u64,
    max_ack_handles: usize,
    max_delay_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_visibility_timeout_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_visibility_timeout_seconds: Option<u64>,
}

/// Every feature that there is, in declared order, and whether the topic has it; then what the gateway itself does.
struct Capabilities(Features);

/// Whether `Idempotency-Key` is heeded: it is ignored, with any protocol. The gateway's own doing and no [`Feature`], so that a topic
/// cannot ask for it in `requires`.
const IDEMPOTENCY: (&str, bool) = ("idempotency", false);

/// The tags of those groups that have some.
struct GroupTags(Vec<(String, Vec<String>)>);

impl GroupTags {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for GroupTags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(group, tags)| (group, tags)))
    }
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let features = Feature::ALL.into_iter().map(|feature| (feature.as_str(), self.0.has(feature)));
        serializer.collect_map(features.chain([IDEMPOTENCY]))
    }
}

/// Every configured topic.
pub(in crate::http) fn topics(context: &HttpContext) -> Result<HttpResponse, Problem> {
    no_query(&context.request)?;
    let views = context.gateway().topics()?;
    let topics = views.into_iter().map(|view| item(view, context)).collect();
    Ok(HttpResponse::Ok().json(TopicsResponse { topics }))
}

/// One topic.
pub(in crate::http) fn topic(context: &HttpContext) -> Result<HttpResponse, Problem> {
    no_query(&context.request)?;
    let view = context.gateway().topic_view(&context.path.topic)?;
    Ok(HttpResponse::Ok().json(item(view, context)))
}

fn item(view: TopicView, context: &HttpContext) -> Item {
    let able = view.capabilities;
    let limits = context.limits();
    Item {
        topic: view.name,
        groups: view.groups,
        group_tags: GroupTags(view.group_tags),
        protocol: able.protocol.as_str(),
        delivery: view.delivery,
        on_unknown: view.on_unknown,
        limits: Limits {
            max_message_bytes: able.limits.max_message_bytes.min(limits.body_bytes),
            max_batch_messages: limits.batch_messages,
            max_receive_messages: able.limits.max_receive_messages,
            max_wait_seconds: able.limits.max_wait.as_secs(),
            max_ack_handles: limits.ack_handles,
            max_delay_seconds: if able.has(Feature::DelayedDelivery) { able.limits.max_delay.as_secs() } else { 0 },
            min_visibility_timeout_seconds: able.limits.visibility_timeouts.map(|it| it.min.as_secs()),
            max_visibility_timeout_seconds: able.limits.visibility_timeouts.map(|it| it.max.as_secs()),
        },
        capabilities: Capabilities(able.features),
    }
}

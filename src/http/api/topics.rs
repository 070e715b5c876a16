//! `GET /v1/topics` and `GET /v1/topics/{topic}`: what callers may use, as data.

use actix_web::HttpResponse;
use serde::Serialize;

use crate::gateway::TopicView;
use crate::http::context::HttpContext;
use crate::http::problem::Problem;
use crate::model::MAX_DELAY;

#[derive(Serialize)]
struct TopicsResponse {
    topics: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    topic: String,
    groups: Vec<String>,
    protocol: &'static str,
    delivery: &'static str,
    on_unknown: &'static str,
    limits: Limits,
    capabilities: Capabilities,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the contract")]
struct Limits {
    max_message_bytes: usize,
    max_batch_messages: usize,
    max_receive_messages: u32,
    max_wait_seconds: u64,
    max_ack_handles: usize,
    max_delay_seconds: u64,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities, shown to callers one by one")]
struct Capabilities {
    properties: bool,
    delayed_delivery: bool,
    message_groups: bool,
    delayed_message_groups: bool,
    binary_bodies: bool,
    empty_bodies: bool,
    tag_filter: bool,
    ordered_groups: bool,
    visibility_timeout: bool,
    nack: bool,
    extend: bool,
    transactions: bool,
}

/// Every configured topic.
pub(in crate::http) fn topics(context: &HttpContext) -> Result<HttpResponse, Problem> {
    context.no_query()?;
    let views = context.gateway().topics()?;
    let topics = views.into_iter().map(|view| item(view, context)).collect();
    Ok(HttpResponse::Ok().json(TopicsResponse { topics }))
}

/// One topic.
pub(in crate::http) fn topic(context: &HttpContext) -> Result<HttpResponse, Problem> {
    context.no_query()?;
    let view = context.gateway().topic_view(&context.path.topic)?;
    Ok(HttpResponse::Ok().json(item(view, context)))
}

fn item(view: TopicView, context: &HttpContext) -> Item {
    let able = view.capabilities;
    let limits = context.limits();
    Item {
        topic: view.name,
        groups: view.groups,
        protocol: able.protocol,
        delivery: view.delivery,
        on_unknown: view.on_unknown,
        limits: Limits {
            max_message_bytes: able.max_message_bytes.min(limits.body_bytes),
            max_batch_messages: limits.batch_messages,
            max_receive_messages: able.max_receive_messages,
            max_wait_seconds: able.max_wait.as_secs(),
            max_ack_handles: limits.ack_handles,
            max_delay_seconds: if able.delayed_delivery { MAX_DELAY.as_secs() } else { 0 },
        },
        capabilities: Capabilities {
            properties: able.properties,
            delayed_delivery: able.delayed_delivery,
            message_groups: able.message_groups,
            delayed_message_groups: able.delayed_message_groups,
            binary_bodies: able.binary_bodies,
            empty_bodies: able.empty_bodies,
            tag_filter: able.tag_filter,
            ordered_groups: able.ordered_groups,
            visibility_timeout: able.visibility_timeout,
            nack: able.nack,
            extend: able.extend,
            transactions: able.transactions,
        },
    }
}

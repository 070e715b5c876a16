//! `GET /v1/topics` and `GET /v1/topics/{topic}`: what callers may use, as data.

use actix_web::HttpResponse;
use serde::Serialize;

use crate::gateway::TopicView;
use crate::http::data::Exchange;
use crate::http::problem::Problem;
use crate::model::{MAX_DELAY, MAX_TAG_CHARS};

#[derive(Serialize)]
struct Answer {
    topics: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    topic: String,
    groups: Vec<String>,
    default_tag: Option<String>,
    default_key: Option<String>,
    delivery: &'static str,
    protocol: &'static str,
    limits: Limits,
    capabilities: Capabilities,
}

#[derive(Serialize)]
struct Limits {
    message_bytes: usize,
    batch_messages: usize,
    receive_messages: u32,
    wait_seconds: u64,
    receipt_handles: usize,
    tag_characters: usize,
    key_characters: usize,
    delay_seconds: u64,
    deadline_seconds: f64,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities, shown to callers one by one")]
struct Capabilities {
    properties: bool,
    delayed_delivery: bool,
    message_groups: bool,
    delayed_message_groups: bool,
    binary_bodies: bool,
    tag_filter: bool,
    visibility_timeout: bool,
    nack: bool,
    extend: bool,
}

/// Every configured topic.
pub(in crate::http) fn topics(exchange: &Exchange) -> Result<HttpResponse, Problem> {
    exchange.no_query()?;
    let views = exchange.gateway().topics()?;
    let topics = views.into_iter().map(|view| item(view, exchange)).collect();
    Ok(HttpResponse::Ok().json(Answer { topics }))
}

/// One topic.
pub(in crate::http) fn topic(exchange: &Exchange) -> Result<HttpResponse, Problem> {
    exchange.no_query()?;
    let view = exchange.gateway().topic_view(&exchange.found.topic)?;
    Ok(HttpResponse::Ok().json(item(view, exchange)))
}

fn item(view: TopicView, exchange: &Exchange) -> Item {
    let able = view.capabilities;
    let limits = exchange.limits();
    Item {
        topic: view.name,
        groups: view.groups,
        default_tag: view.default_tag,
        default_key: view.default_key,
        delivery: view.delivery,
        protocol: able.protocol,
        limits: Limits {
            message_bytes: able.max_message_bytes,
            batch_messages: limits.batch_messages,
            receive_messages: able.max_receive_messages,
            wait_seconds: able.max_wait.as_secs(),
            receipt_handles: limits.ack_handles,
            tag_characters: MAX_TAG_CHARS,
            key_characters: MAX_TAG_CHARS,
            delay_seconds: if able.delayed_delivery { MAX_DELAY.as_secs() } else { 0 },
            deadline_seconds: view.deadline.as_secs_f64(),
        },
        capabilities: Capabilities {
            properties: able.properties,
            delayed_delivery: able.delayed_delivery,
            message_groups: able.message_groups,
            delayed_message_groups: able.delayed_message_groups,
            binary_bodies: able.binary_bodies,
            tag_filter: able.tag_filter,
            visibility_timeout: able.visibility_timeout,
            nack: able.nack,
            extend: able.extend,
        },
    }
}

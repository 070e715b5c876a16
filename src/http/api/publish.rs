//! `POST /v1/topics/{topic}/messages`.

use actix_web::HttpResponse;
use serde::Serialize;

use super::content_type::{self, Kind};
use super::envelope::{Envelope, FIELDS};
use super::shape::object;
use super::{prefer, raw};
use crate::gateway::Accepted;
use crate::http::data::Exchange;
use crate::http::problem::{FieldError, Problem};
use crate::model::{Durability, Message};

/// The answer to one stored message.
#[derive(Serialize)]
pub(super) struct Stored<'a> {
    message_id: &'a str,
    topic: &'a str,
    outcome: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    durability: Option<&'static str>,
}

impl<'a> Stored<'a> {
    pub(super) fn new(accepted: &'a Accepted, topic: &'a str) -> Self {
        Self {
            message_id: accepted.published.message_id.as_str(),
            topic,
            outcome: "published",
            attempts: accepted.attempts,
            durability: match accepted.published.durability {
                Durability::Full => None,
                Durability::Degraded => Some("degraded"),
            },
        }
    }
}

/// Reads the message, publishes it, and tells what became of it.
pub(in crate::http) async fn publish(exchange: &Exchange) -> Result<HttpResponse, Problem> {
    let kind = content_type::of_publish(exchange.request.headers()).map_err(Problem::closing)?;
    let route =
        exchange.gateway().topic_to_publish(&exchange.found.topic).map_err(|error| Problem::from(error).closing())?;
    let body = exchange.body(exchange.limits().body_bytes).await?;
    let query = exchange.request.uri().query().unwrap_or_default();
    let now = exchange.gateway().clock().now();
    let topic = route.topic.clone();
    let message: Message = match kind {
        Kind::Raw => raw::message(topic, body, query, now)?,
        Kind::Json => {
            if !query.is_empty() {
                let name = query.split(['=', '&']).next().unwrap_or_default();
                let detail = "does not go with a JSON envelope: put it into the envelope";
                return Err(Problem::invalid(vec![FieldError::parameter(raw::shown(name), detail)]));
            }
            let envelope: Envelope<'_> = object(&body, FIELDS, exchange.limits().json_depth)?;
            envelope.into_message(topic, now, &body, "").map_err(Problem::invalid)?
        }
    };
    let wait = prefer::wait(exchange.request.headers());
    let property = message.properties.first().map(|(name, _)| format!("property.{}", raw::shown(name)));
    let accepted = exchange.gateway().publish(&exchange.context, &route, message, wait).await.map_err(|error| {
        exchange.log_failures(&exchange.found.topic, std::iter::once(&error));
        let problem = Problem::from(error);
        if kind == Kind::Json { problem } else { problem.in_query(|field| raw::parameter(field, property.as_deref())) }
    })?;
    Ok(HttpResponse::Created().json(Stored::new(&accepted, route.topic.as_str())))
}

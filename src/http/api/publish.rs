//! `POST /v1/topics/{topic}/messages`.

use actix_web::HttpResponse;
use serde::Serialize;

use super::content_type::{self, BodyFormat};
use super::envelope::{Envelope, FIELDS};
use super::shape::object;
use super::{prefer, raw};
use crate::gateway::Accepted;
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};
use crate::model::{Durability, Message};

/// The answer to one stored message.
#[derive(Serialize)]
pub(super) struct PublishResponse<'a> {
    message_id: &'a str,
    topic: &'a str,
    outcome: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    durability: Option<&'static str>,
}

impl<'a> PublishResponse<'a> {
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

/// Reads the message, publishes it, and answers what became of it.
pub(in crate::http) async fn publish(context: HttpContext) -> Result<HttpResponse, Problem> {
    let format = content_type::of_publish(context.request.headers()).map_err(Problem::closing)?;
    let route = context.topic_to_publish()?;
    let body = context.body(context.limits().body_bytes).await?;
    let query = context.request.uri().query().unwrap_or_default();
    let now = context.now();
    let topic = route.topic.clone();
    let message: Message = match format {
        BodyFormat::Raw => raw::message(topic, body, query, now)?,
        BodyFormat::Json => {
            if !query.is_empty() {
                let name = query.split(['=', '&']).next().unwrap_or_default();
                let detail = "does not go with a JSON envelope: put it into the envelope";
                return Err(Problem::invalid(vec![FieldError::parameter(raw::shown(name), detail)]));
            }
            let envelope: Envelope<'_> = object(&body, FIELDS, context.limits().json_depth)?;
            let message = envelope.into_message(topic, now, &body, "").map_err(Problem::invalid)?;
            // What was decoded is not longer than what it was decoded from, which is not held beside it.
            drop(body);
            message
        }
    };
    let wait = prefer::wait(context.request.headers());
    let property = message.properties.first().map(|(name, _)| format!("property.{}", raw::shown(name)));
    let accepted =
        context.gateway().publish(&context.request_context, &route, message, wait).await.map_err(|error| {
            context.log_failures(&context.path.topic, std::iter::once(&error));
            let problem = Problem::from(error);
            if format == BodyFormat::Json {
                problem
            } else {
                problem.in_query(|field| raw::parameter(field, property.as_deref()))
            }
        })?;
    Ok(HttpResponse::Created().json(PublishResponse::new(&accepted, route.topic.as_str())))
}

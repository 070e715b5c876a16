//! `POST /v1/topics/{topic}/messages`.

use actix_web::HttpResponse;

use super::content_type::{self, BodyFormat};
use super::envelope::Place;
use super::prefer::Patience;
use super::published::stored;
use super::{cloud_events, forgotten_type, raw, read_envelope};
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, Problem};
use crate::http::shown::shown_name;
use crate::model::Message;

/// Reads the message, publishes it, and answers what became of it.
pub(in crate::http) async fn publish(context: HttpContext) -> Result<HttpResponse, Problem> {
    let format = content_type::of_publish(context.request.headers()).map_err(Problem::closing)?;
    let route = context.topic_to_publish()?;
    let body = context.body(context.limits().body_bytes).await?;
    let query = context.request.uri().query().unwrap_or_default();
    let now = context.now();
    let topic = route.topic.clone();
    let message: Message = match format {
        // In a box, so that other publishes do not carry it along.
        BodyFormat::Event(mode) => return Box::pin(cloud_events::publish(&context, &route, mode, body)).await,
        BodyFormat::Raw(raw_type) => {
            forgotten_type::check(&body, raw_type)?;
            raw::message(topic, body, query, now)?
        }
        BodyFormat::Json => {
            if !query.is_empty() {
                let name = query.split(['=', '&']).next().unwrap_or_default();
                let detail = "does not go with a JSON envelope: put it into the envelope";
                return Err(Problem::invalid(vec![FieldError::parameter(shown_name(name), detail)]));
            }
            let envelope = read_envelope::read(&body, context.limits().json_depth)?;
            let message = envelope.into_message(topic, now, &body, Place::Alone).map_err(Problem::invalid)?;
            context.holds_copies(body.len(), || message.overhead())?;
            // What was decoded is not longer than what it was decoded from, which is not held beside it.
            drop(body);
            message
        }
    };
    let patience = Patience::of(context.request.headers(), route.deadline());
    let property = message.properties.first().map(|(name, _)| format!("property.{}", shown_name(name)));
    let published = context.gateway().publish(&context.request_context, &route, message, patience.time()).await;
    patience.tell(match published {
        Ok(accepted) => Ok(stored(&accepted, route.topic.as_str())),
        Err(error) => {
            let problem = Problem::from(error);
            Err(if format == BodyFormat::Json {
                problem
            } else {
                problem.in_query(|field| raw::parameter(field, property.as_deref()))
            })
        }
    })
}

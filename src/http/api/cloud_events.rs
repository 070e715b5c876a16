//! A publish of CloudEvents: an event in structured or binary mode, or a batch of them. What an event says of itself becomes the message's
//! tag, keys, message group and properties (`protocol::cloud_events`); when it is delivered comes in the query.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::header::HeaderName;
use bytes::Bytes;

use super::batch::{NothingStored, publish_all};
use super::compact::compact;
use super::prefer::Patience;
use super::published::stored;
use super::shape::{json_text, wrong_count};
use super::{content_type, raw};
use crate::gateway::{EventError, TopicRoute};
use crate::http::context::HttpContext;
use crate::http::problem::{FieldError, MOST_ERRORS, Problem};
use crate::http::shown::{shown_name, shown_part};
use crate::model::{Message, UnixMillis};
use crate::protocol::cloud_events::{Batch, Event, EventFlaw, MOST_EVENTS, Mode, Place};
use crate::protocol::form;

/// The parameters of an event: all else it says itself.
const PARAMETERS: [&str; 2] = ["deliver_at", "delay_seconds"];

/// When events are delivered.
#[derive(Clone, Copy)]
struct Time {
    deliver_at: Option<UnixMillis>,
    is_delay: bool,
}

/// Publishes what a body of this mode is.
pub(super) async fn publish(
    context: &HttpContext,
    route: &TopicRoute,
    mode: Mode,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let time = time(context, route)?;
    if mode == Mode::Batch {
        let messages = batch(context, route, &body, time)?;
        context.holds_copies(body.len(), || messages.iter().map(Message::overhead).sum())?;
        drop(body);
        let explain = |index, problem: Problem| problem.renamed(|error| rename(error, mode, &format!("/{index}")));
        return publish_all(context, route, messages, NothingStored::IsProblem, explain).await;
    }
    let message = read(context, mode, &body).and_then(|event| message(context, route, &event, time));
    let message = message.map_err(|error| problem(error, mode))?;
    context.holds_copies(body.len(), || message.overhead())?;
    drop(body);
    let patience = Patience::of(context.request.headers(), route.deadline());
    let published = context.gateway().publish(&context.request_context, route, message, patience.time()).await;
    patience.tell(match published {
        Ok(accepted) => Ok(stored(&accepted, route.topic.as_str())),
        Err(error) => Err(Problem::from(error).renamed(|error| rename(error, mode, ""))),
    })
}

/// Why there is no message.
enum Refused {
    /// There is no event.
    Request(Problem),
    /// There is one that cannot be a message.
    Event(EventError),
}

impl From<Vec<EventFlaw>> for Refused {
    fn from(flaws: Vec<EventFlaw>) -> Self {
        Self::Event(EventError::Flaws(flaws))
    }
}

fn read<'a>(context: &HttpContext, mode: Mode, body: &'a Bytes) -> Result<Event<'a>, Refused> {
    if mode == Mode::Structured {
        let text = json_text(body, context.limits().json_depth).map_err(Refused::Request)?;
        return Ok(Event::read_structured(text)?.respelled(compact));
    }
    let headers = context.request.headers();
    let content_type = content_type::of(headers).map_err(Refused::Request)?;
    let values = headers.iter().map(|(name, value)| (HeaderName::as_str(name), value.as_bytes()));
    Ok(Event::read_binary(values, Some(content_type), body)?)
}

fn message(context: &HttpContext, route: &TopicRoute, event: &Event<'_>, time: Time) -> Result<Message, Refused> {
    let mut message = context.gateway().message_of_event(route, event).map_err(Refused::Event)?;
    message.deliver_at = time.deliver_at;
    message.deliver_at_is_delay = time.is_delay;
    Ok(message)
}

/// The messages of a batch; none at all where one event has a flaw.
fn batch(context: &HttpContext, route: &TopicRoute, body: &[u8], time: Time) -> Result<Vec<Message>, Problem> {
    let limits = context.limits();
    let text = json_text(body, limits.json_depth)?;
    let Some(Batch { events, count }) = Batch::read(text) else {
        return Err(Problem::invalid(vec![FieldError::at("", "must be a list of events")]));
    };
    let limit = limits.batch_messages.min(MOST_EVENTS);
    if count == 0 || count > limit {
        let detail = wrong_count("events", limit, count);
        return Err(Problem::invalid(vec![FieldError::at("", detail)]).counted(limit, count));
    }
    let mut messages = Vec::with_capacity(count);
    let mut errors = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        let event = event.map_err(Refused::from);
        match event.and_then(|event| message(context, route, &event.respelled(compact), time)) {
            Ok(message) => messages.push(message),
            Err(Refused::Event(EventError::Flaws(flaws))) => {
                errors.extend(flaws.iter().map(|flaw| field_error(flaw, Mode::Batch, &format!("/{index}"))));
            }
            Err(refused) => return Err(problem(refused, Mode::Batch)),
        }
    }
    if errors.is_empty() {
        return Ok(messages);
    }
    Err(Problem::invalid(errors))
}

/// What the query says.
fn time(context: &HttpContext, route: &TopicRoute) -> Result<Time, Problem> {
    let query = context.request.uri().query().unwrap_or_default();
    let is_unknown = |name: &str| !PARAMETERS.contains(&name);
    let unknown = form::pairs(query).map(|(name, _)| name).filter(|name| is_unknown(name));
    let errors: Vec<FieldError> = unknown
        .map(|name: Cow<'_, str>| {
            let rule = "does not go with an event, which says it itself (mqtag, mqkeys, partitionkey, extensions): known are deliver_at, \
                        delay_seconds";
            FieldError::parameter(shown_name(&name), rule)
        })
        .take(MOST_ERRORS)
        .collect();
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let message = raw::message(route.topic.clone(), Bytes::new(), query, context.now())?;
    Ok(Time { deliver_at: message.deliver_at, is_delay: message.deliver_at_is_delay })
}

fn problem(refused: Refused, mode: Mode) -> Problem {
    match refused {
        Refused::Request(problem) => problem,
        Refused::Event(EventError::Flaws(flaws)) => {
            let errors = flaws.iter().map(|flaw| field_error(flaw, mode, ""));
            Problem::invalid(errors.collect())
        }
        Refused::Event(EventError::Gateway(error)) => error.into(),
    }
}

/// A flaw at its header, or at its member of the event at `place`.
fn field_error(flaw: &EventFlaw, mode: Mode, place: &str) -> FieldError {
    let member = match &flaw.place {
        Place::Whole => return FieldError::at(place, flaw.detail.clone()),
        Place::ContentType => return FieldError::parameter("content-type", flaw.detail.clone()),
        Place::Attribute(name) => name,
        Place::Data => "data",
        Place::DataBase64 => "data_base64",
    };
    match mode {
        Mode::Binary => FieldError::parameter(format!("ce-{}", shown_name(member)), flaw.detail.clone()),
        Mode::Structured | Mode::Batch => {
            FieldError::at(format!("{place}/{}", shown_part(member)), flaw.detail.clone())
        }
    }
}

/// A field of the message as what it came of.
fn rename(error: &mut FieldError, mode: Mode, place: &str) {
    let Some(pointer) = error.pointer.take() else { return };
    let field = pointer.trim_start_matches('/');
    if PARAMETERS.contains(&field) {
        error.parameter = Some(field.to_owned());
        return;
    }
    let member = match field {
        "tag" => "mqtag",
        "keys" => "mqkeys",
        "message_group" => "partitionkey",
        "properties" => "mqproperties",
        "body" => "data",
        other => other,
    };
    match (mode, member) {
        (Mode::Binary, "data") => error.pointer = Some(String::new()),
        (Mode::Binary, _) => error.parameter = Some(format!("ce-{member}")),
        (Mode::Structured | Mode::Batch, _) => error.pointer = Some(format!("{place}/{member}")),
    }
}

//! `GET /v1/embedded/topics/{topic}/messages`: messages as they are, taken by nobody.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::names::{group, problem, topic};
use crate::embedded::{PeekRequest, PeekedMessage, PeekedState};
use crate::gateway::GatewayError;
use crate::http::api::{Field, FieldKind, rfc3339};
use crate::http::management::operator::{OperatorRequest, json};
use crate::http::management::options::of_query;
use crate::http::problem::{FieldError, Problem};
use crate::model::{MessageGroup, MessageId};

const SHAPE: &[Field] = &[
    Field::optional("group", FieldKind::Text),
    Field::optional("max_messages", FieldKind::Number { least: 1, most: MAX_MESSAGES }),
    Field::optional("after", FieldKind::Number { least: 0, most: u64::MAX }),
    Field::optional("message_id", FieldKind::Text),
];
const MAX_MESSAGES: u64 = 100;
const DEFAULT_MESSAGES: u64 = 32;
/// Bodies of one answer, besides its last one.
const BYTES: usize = 4 << 20;
/// How often a message is held while it is shown.
const COPIES: usize = 3;

#[derive(Deserialize)]
struct Options {
    group: Option<String>,
    max_messages: Option<u64>,
    after: Option<u64>,
    message_id: Option<String>,
}

#[derive(Serialize)]
struct Peeked {
    messages: Vec<Item>,
    /// `after` of the next page; null where that was all.
    next: Option<u64>,
}

#[derive(Serialize)]
struct Item {
    message_id: String,
    state: &'static str,
    body: String,
    encoding: &'static str,
    tag: Option<String>,
    keys: Vec<String>,
    properties: Vec<(String, String)>,
    message_group: Option<String>,
    /// Deliveries so far, where a group was asked about.
    delivery_attempt: u32,
    published_at: String,
    /// When it is due, or visible again.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_at: Option<String>,
}

/// A page of messages.
pub(in crate::http::management) async fn peek(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let engine = request.engine()?;
    let options: Options = of_query(&request, SHAPE)?;
    let max_messages = options.max_messages.unwrap_or(DEFAULT_MESSAGES);
    if !(1..=MAX_MESSAGES).contains(&max_messages) {
        let detail = format!("must be a whole number from 1 to {MAX_MESSAGES}");
        return Err(Problem::invalid(vec![FieldError::parameter("max_messages", detail)]));
    }
    let illegal = |_| Problem::invalid(vec![FieldError::parameter("message_id", "must not be empty: leave it out")]);
    let look = PeekRequest {
        topic: topic(&request.path.topic)?,
        group: group(options.group.as_deref()).map_err(|problem| problem.in_query(str::to_owned))?,
        after: options.after.unwrap_or(0),
        max_messages: usize::try_from(max_messages).unwrap_or(usize::MAX),
        max_bytes: BYTES,
        message_id: options.message_id.as_deref().map(MessageId::parse).transpose().map_err(illegal)?,
    };
    let mut memory = request.resources().memory.charge();
    memory.grow(BYTES.saturating_mul(COPIES)).map_err(GatewayError::from)?;
    let peeked = engine.peek(look).await.map_err(problem)?;
    json(&Peeked { messages: peeked.messages.into_iter().map(item).collect(), next: peeked.next })
}

fn item(peeked: PeekedMessage) -> Item {
    let PeekedMessage { delivery, state } = peeked;
    let (state, ready_at) = match state {
        PeekedState::Ready => ("ready", None),
        PeekedState::Delayed => ("delayed", delivery.deliver_at),
        PeekedState::InFlight => ("in_flight", Some(delivery.visible_again_at)),
        PeekedState::FilteredOut => ("filtered_out", None),
    };
    let (body, encoding) = match std::str::from_utf8(&delivery.body) {
        Ok(text) => (text.to_owned(), "text"),
        Err(_) => (STANDARD.encode(&delivery.body), "base64"),
    };
    Item {
        message_id: delivery.message_id.as_str().to_owned(),
        state,
        body,
        encoding,
        tag: delivery.tag,
        keys: delivery.keys,
        properties: delivery.properties,
        message_group: delivery.message_group.as_ref().map(|it| MessageGroup::as_str(it).to_owned()),
        delivery_attempt: delivery.delivery_attempt,
        published_at: rfc3339(delivery.published_at),
        ready_at: ready_at.map(rfc3339),
    }
}

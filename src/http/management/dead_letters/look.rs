//! Looking at dead letters: without taking them where the MQ is in this process, else by taking them for a while.

use std::time::Duration;

use actix_web::HttpResponse;
use serde::Serialize;

use super::letter::Letter;
use super::options::{self, Options};
use super::shown::Shown;
use super::source::{Source, unavailable};
use crate::embedded::{PeekRequest, PeekedState};
use crate::gateway::GatewayError;
use crate::http::api::Field;
use crate::http::management::operator::{OperatorRequest, json};
use crate::http::problem::{FieldError, Problem};
use crate::model::MessageId;

/// Bodies of one look.
const PEEK_BYTES: usize = 4 << 20;
/// How often a message is held while it is shown: as it is stored, its text, the answer.
const COPIES: usize = 3;

const LIST: &[Field] = &[
    options::GROUP,
    options::MESSAGES,
    options::AFTER,
    options::BODIES,
    options::IDS,
    options::SUBSCRIPTION,
    options::REASON,
    options::TAG,
    options::KEY,
    options::SINCE,
    options::UNTIL,
];
const TAKE: &[Field] = &[
    options::GROUP,
    options::MESSAGES,
    options::HIDDEN,
    options::BODIES,
    options::IDS,
    options::SUBSCRIPTION,
    options::REASON,
    options::TAG,
    options::KEY,
    options::SINCE,
    options::UNTIL,
];
const RELEASE: &[Field] = &[options::GROUP, options::HANDLES];

#[derive(Serialize)]
struct Listed {
    group: String,
    messages: Vec<Shown>,
    /// `after` of the next page; null where that was all.
    next: Option<u64>,
}

#[derive(Serialize)]
struct Taken {
    group: String,
    messages: Vec<Shown>,
    /// Those that were not asked for, and are hidden all the same until they are released.
    others: Vec<Other>,
}

#[derive(Serialize)]
struct Other {
    message_id: String,
    receipt_handle: String,
}

#[derive(Serialize)]
struct Released {
    /// How many others get at once.
    released: usize,
    /// How many come back only when their visibility timeout is over.
    hidden: usize,
}

/// `GET /v1/dead-letters/{topic}/messages`.
pub(in crate::http::management) async fn list(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let options = Options::of_query(&request, LIST)?;
    let source = Source::of(&request, &options).await.map_err(|problem| problem.in_query(str::to_owned))?;
    let Some(engine) = source.engine else {
        let detail = "this MQ shows no message without giving it out: POST …/messages:take takes some for a while \
                      (mq-gateway dead-letters list --take)";
        return Err(Problem::not_implemented(detail));
    };
    let mut memory = request.resources().memory.charge();
    memory.grow(PEEK_BYTES.saturating_mul(COPIES)).map_err(GatewayError::from)?;
    let message_id = match options.message_ids.as_deref() {
        Some([id]) => {
            let illegal = |_| Problem::invalid(vec![FieldError::parameter("message_ids", "must be ids of messages")]);
            Some(MessageId::parse(id).map_err(illegal)?)
        }
        Some(_) | None => None,
    };
    let look = PeekRequest {
        topic: source.topic().clone(),
        group: Some(begun(&source).await?),
        after: options.after.unwrap_or(0),
        max_messages: usize::try_from(options.max_messages()).unwrap_or(usize::MAX),
        max_bytes: PEEK_BYTES,
        message_id,
    };
    let peeked = engine.peek(look).await.map_err(unavailable)?;
    let with_content = options.bodies.unwrap_or(false);
    let messages: Vec<_> = peeked
        .messages
        .into_iter()
        .filter_map(|peeked| {
            let (state, until) = match peeked.state {
                PeekedState::Ready => ("ready", None),
                PeekedState::Delayed => ("delayed", peeked.delivery.deliver_at),
                PeekedState::InFlight => ("in_flight", Some(peeked.delivery.visible_again_at)),
                PeekedState::FilteredOut => ("filtered_out", None),
            };
            let letter = Letter::of(peeked.delivery, source.topic(), source.of_group.as_deref());
            letter.is_wanted(&options).then(|| Shown::new(letter, with_content).looked_at(state, until))
        })
        .collect();
    source.count("seen", messages.len());
    json(&Listed { group: source.group().as_str().to_owned(), messages, next: peeked.next })
}

/// The group, which from now on begins with the oldest message.
async fn begun(source: &Source<'_>) -> Result<crate::model::ConsumerGroup, Problem> {
    if let Some(engine) = source.engine {
        engine.begin_group(source.topic(), source.group()).await.map_err(unavailable)?;
    }
    Ok(source.group().clone())
}

/// `POST /v1/dead-letters/{topic}/messages:take`.
pub(in crate::http::management) async fn take(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let options = Options::of_body(&request, TAKE).await?;
    let source = Source::of(&request, &options).await?;
    let step = source.take(&options, Duration::ZERO).await?;
    let with_content = options.bodies.unwrap_or(false);
    let (mut messages, mut others) = (Vec::new(), Vec::new());
    for taken in step.letters {
        if taken.letter.is_wanted(&options) {
            messages.push(Shown::new(taken.letter, with_content).taken(taken.receipt_handle, taken.visible_again_at));
        } else {
            others.push(Other { message_id: taken.letter.id, receipt_handle: taken.receipt_handle });
        }
    }
    source.count("seen", messages.len());
    json(&Taken { group: source.group().as_str().to_owned(), messages, others })
}

/// `POST /v1/dead-letters/{topic}/messages:release`.
pub(in crate::http::management) async fn release(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let options = Options::of_body(&request, RELEASE).await?;
    let source = Source::of(&request, &options).await?;
    let handles = options.receipt_handles.unwrap_or_default();
    let released = source.gateway.release(&request.context, &source.route, &handles).await?;
    json(&Released { released, hidden: handles.len().saturating_sub(released) })
}

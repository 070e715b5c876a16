//! `POST /v1/embedded/topics/{topic}/messages:purge`: empties a topic, or a group's backlog, a piece at a time.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use super::names::{group, problem, topic};
use crate::embedded::{PurgeEnd, PurgeRequest};
use crate::http::api::{Field, FieldKind};
use crate::http::management::operator::{OperatorRequest, json};
use crate::http::management::options::of_body;
use crate::http::problem::{FieldError, Problem};
use crate::model::UnixMillis;

const SHAPE: &[Field] = &[
    Field::optional("group", FieldKind::Text),
    Field::optional("until", FieldKind::Text),
    Field::optional("confirmed", FieldKind::Flag),
];
/// Messages of one piece: a few tens of milliseconds of the store's thread.
const AT_ONCE: usize = 2000;

#[derive(Deserialize)]
struct Options {
    group: Option<String>,
    until: Option<String>,
    confirmed: Option<bool>,
}

#[derive(Serialize)]
struct Answer {
    /// How many are gone by this piece.
    purged: u64,
    /// Goes into the next piece: what is published meanwhile stays.
    until: String,
    remaining: bool,
}

/// One piece.
pub(in crate::http::management) async fn purge(request: OperatorRequest) -> Result<HttpResponse, Problem> {
    let engine = request.engine()?;
    let topic = topic(&request.path.topic)?;
    let options: Options = of_body(&request, SHAPE).await?;
    if !options.confirmed.unwrap_or(false) {
        let detail = "must be true: what is purged is gone for good (mq-gateway embedded-mq purge --yes)";
        return Err(Problem::invalid(vec![FieldError::at("/confirmed", detail)]));
    }
    let until = match &options.until {
        None => None,
        Some(text) => Some(end(text).ok_or_else(|| {
            Problem::invalid(vec![FieldError::at("/until", "must be what the piece before answered")])
        })?),
    };
    let piece = PurgeRequest { topic, group: group(options.group.as_deref())?, until, at_once: AT_ONCE };
    let purged = engine.purge(piece).await.map_err(problem)?;
    let until = format!("{}-{}", purged.until.position, purged.until.published_at.0);
    json(&Answer { purged: purged.messages, until, remaining: purged.remaining })
}

fn end(text: &str) -> Option<PurgeEnd> {
    let (position, published_at) = text.split_once('-')?;
    Some(PurgeEnd { position: position.parse().ok()?, published_at: UnixMillis(published_at.parse().ok()?) })
}

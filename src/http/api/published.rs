//! What a publish answers for a message that is stored.

use actix_web::HttpResponse;

use super::json::{self, APPLICATION_JSON, Sink};
use crate::gateway::Accepted;
use crate::model::Durability;

/// What nearly every answer fits into.
const ANSWER_BYTES: usize = 192;

/// The answer to one stored message.
pub(super) struct PublishResponse<'a> {
    message_id: &'a str,
    topic: &'a str,
    attempts: u32,
    durability: Durability,
}

impl<'a> PublishResponse<'a> {
    pub(super) fn new(accepted: &'a Accepted, topic: &'a str) -> Self {
        Self {
            message_id: accepted.published.message_id.as_str(),
            topic,
            attempts: accepted.attempts,
            durability: accepted.published.durability,
        }
    }

    /// Writes its fields.
    pub(super) fn write(&self, json: &mut impl Sink) {
        json.push(b"\"message_id\":");
        json::string(json, self.message_id);
        json.push(b",\"topic\":");
        json::string(json, self.topic);
        json.push(b",\"outcome\":\"published\",\"attempts\":");
        json::number(json, self.attempts.into());
        match self.durability {
            Durability::Full => {}
            Durability::Degraded => json.push(b",\"durability\":\"degraded\""),
        }
    }
}

/// 201.
pub(super) fn stored(accepted: &Accepted, topic: &str) -> HttpResponse {
    let mut json = Vec::with_capacity(ANSWER_BYTES);
    json.push(b'{');
    PublishResponse::new(accepted, topic).write(&mut json);
    json.push(b'}');
    HttpResponse::Created().content_type(APPLICATION_JSON).body(json)
}

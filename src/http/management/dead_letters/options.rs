//! What a verb is asked for: JSON, or a query of the same names.

use serde::Deserialize;

use crate::http::api::{Field, FieldKind};
use crate::http::management::operator::OperatorRequest;
use crate::http::management::options::{of_body, of_query};
use crate::http::problem::{FieldError, Problem};
use crate::model::UnixMillis;

/// Most dead letters of one step.
pub(super) const MAX_MESSAGES: u64 = 32;
/// Most ids or handles of one step.
pub(super) const MAX_LISTED: usize = 100;
/// Longest time that a step hides what it takes from others.
const MAX_HIDDEN_SECONDS: u64 = 43_200;

pub(super) const GROUP: Field = Field::optional("group", FieldKind::Text);
pub(super) const MESSAGES: Field = Field::optional("max_messages", FieldKind::Number { least: 1, most: MAX_MESSAGES });
pub(super) const HIDDEN: Field =
    Field::optional("hidden_seconds", FieldKind::Number { least: 1, most: MAX_HIDDEN_SECONDS });
pub(super) const IDS: Field = Field::optional("message_ids", FieldKind::Texts);
pub(super) const SUBSCRIPTION: Field = Field::optional("subscription", FieldKind::Text);
pub(super) const REASON: Field = Field::optional("reason", FieldKind::Text);
pub(super) const TAG: Field = Field::optional("tag", FieldKind::Text);
pub(super) const KEY: Field = Field::optional("key", FieldKind::Text);
pub(super) const SINCE: Field = Field::optional("since", FieldKind::Text);
pub(super) const UNTIL: Field = Field::optional("until", FieldKind::Text);
pub(super) const BODIES: Field = Field::optional("bodies", FieldKind::Flag);
pub(super) const AFTER: Field = Field::optional("after", FieldKind::Number { least: 0, most: u64::MAX });
pub(super) const TO: Field = Field::optional("to", FieldKind::Text);
pub(super) const NEW_ID: Field = Field::optional("new_id", FieldKind::Flag);
pub(super) const CONFIRMED: Field = Field::optional("confirmed", FieldKind::Flag);
pub(super) const HANDLES: Field = Field::required("receipt_handles", FieldKind::Texts);

/// The options of all verbs; each has a shape, and what is not in that is refused.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    pub(super) group: Option<String>,
    pub(super) max_messages: Option<u64>,
    pub(super) hidden_seconds: Option<u64>,
    pub(super) message_ids: Option<Vec<String>>,
    pub(super) subscription: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) key: Option<String>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    pub(super) bodies: Option<bool>,
    pub(super) after: Option<u64>,
    pub(super) to: Option<String>,
    pub(super) new_id: Option<bool>,
    pub(super) confirmed: Option<bool>,
    pub(super) receipt_handles: Option<Vec<String>>,
    /// `since` and `until` as times.
    #[serde(skip)]
    pub(super) times: (Option<UnixMillis>, Option<UnixMillis>),
}

impl Options {
    /// From the body, which may be absent where nothing in the shape is required.
    pub(super) async fn of_body(request: &OperatorRequest, shape: &[Field]) -> Result<Self, Problem> {
        of_body::<Self>(request, shape).await?.checked()
    }

    /// From the query.
    pub(super) fn of_query(request: &OperatorRequest, shape: &[Field]) -> Result<Self, Problem> {
        of_query::<Self>(request, shape)?.checked().map_err(|problem| problem.in_query(str::to_owned))
    }

    /// Messages wanted.
    pub(super) fn max_messages(&self) -> u32 {
        u32::try_from(self.max_messages.unwrap_or(MAX_MESSAGES)).unwrap_or(u32::MAX)
    }

    /// How long what is taken is to be hidden from others.
    pub(super) fn hidden_for(&self) -> Option<std::time::Duration> {
        self.hidden_seconds.map(std::time::Duration::from_secs)
    }

    fn checked(mut self) -> Result<Self, Problem> {
        let mut errors = Vec::new();
        for (name, value, most) in [
            ("max_messages", self.max_messages, MAX_MESSAGES),
            ("hidden_seconds", self.hidden_seconds, MAX_HIDDEN_SECONDS),
        ] {
            if value.is_some_and(|value| !(1..=most).contains(&value)) {
                errors.push(FieldError::at(format!("/{name}"), format!("must be a whole number from 1 to {most}")));
            }
        }
        for (name, list) in [("message_ids", &self.message_ids), ("receipt_handles", &self.receipt_handles)] {
            if list.as_ref().is_some_and(|list| list.is_empty() || list.len() > MAX_LISTED) {
                errors
                    .push(FieldError::at(format!("/{name}"), format!("must be 1 to {MAX_LISTED}: send more requests")));
            }
        }
        let mut time = |name: &str, text: &Option<String>| {
            let text = text.as_ref()?;
            match text.parse::<jiff::Timestamp>() {
                Ok(time) => Some(UnixMillis(u64::try_from(time.as_millisecond()).unwrap_or(0))),
                Err(_) => {
                    let detail = "must be a time such as 2026-11-24T08:00:00Z";
                    errors.push(FieldError::at(format!("/{name}"), detail));
                    None
                }
            }
        };
        self.times = (time("since", &self.since), time("until", &self.until));
        if errors.is_empty() { Ok(self) } else { Err(Problem::invalid(errors)) }
    }
}

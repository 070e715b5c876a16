//! Reads envelopes from a request's body: by the plain reader where it can, else by the JSON library.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::{Envelope, FIELDS};
use super::plain_envelope;
use super::shape::{Field, FieldKind, object, object_within_depth, text_within};
use crate::config::LimitsConfig;
use crate::counted::CountedList;
use crate::http::problem::Problem;

/// How deep a plain envelope is nested at most.
const PLAIN_DEPTH: usize = 2;
/// The list and the batch around an envelope.
const LEVELS_OF_BATCH: usize = 2;

const BATCH: &[Field] = &[Field::required("messages", FieldKind::Objects(FIELDS))];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    messages: CountedList<&'a RawValue, { LimitsConfig::MOST_BATCH_MESSAGES }>,
}

/// One message of a batch.
pub(super) enum Element<'a> {
    /// Read already.
    Plain(Box<Envelope<'a>>),
    /// As its caller wrote it.
    Raw(&'a RawValue),
}

impl<'a> Element<'a> {
    /// Its envelope.
    ///
    /// # Errors
    /// 422 for another shape.
    pub(super) fn read(self) -> Result<Envelope<'a>, Problem> {
        match self {
            Self::Plain(envelope) => Ok(*envelope),
            Self::Raw(raw) => object_within_depth(raw.get().as_bytes(), FIELDS),
        }
    }
}

/// Reads a JSON envelope nested at most `depth` deep.
///
/// # Errors
/// As those of [`object`].
pub(super) fn read(body: &[u8], depth: usize) -> Result<Envelope<'_>, Problem> {
    match text_within(body, depth, PLAIN_DEPTH).and_then(plain_envelope::read) {
        Some(envelope) => Ok(envelope),
        None => object(body, FIELDS, depth),
    }
}

/// Reads a batch of envelopes nested at most `depth` deep, and says how many it has: more than `most` are only counted. The list and the batch around it are two
/// levels more than an envelope alone.
///
/// # Errors
/// As those of [`object`]; what is wrong with a single message shows when that is read.
pub(super) fn read_batch(body: &[u8], depth: usize, most: usize) -> Result<(Vec<Element<'_>>, usize), Problem> {
    let plain = text_within(body, depth, PLAIN_DEPTH + LEVELS_OF_BATCH);
    if let Some(envelopes) = plain.and_then(|text| plain_envelope::read_batch(text, most)) {
        let count = envelopes.len();
        return Ok((envelopes.into_iter().map(|it| Element::Plain(Box::new(it))).collect(), count));
    }
    let Batch { messages: CountedList { first, count } } = object(body, BATCH, depth)?;
    Ok((first.into_iter().take(most).map(Element::Raw).collect(), count))
}

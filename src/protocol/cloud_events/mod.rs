//! CloudEvents 1.0 as a pure codec: events in the JSON format and in the HTTP binding's binary mode, both directions, and what an
//! event is as a message of the MQ.
//!
//! An [`Event`] is only ever a valid one: whoever makes it is told every flaw by the attribute's name. It borrows from what it
//! was read of, so that data is not copied before it is written. JSON data is the sender's own text, never a value that was
//! parsed and written again.
//!
//! What is read is forgiving where official libraries send what the specification forbids, and only there: percent signs that are
//! none, strings in quotes, JSON types whose body is no JSON. What is written is what all official libraries read alike.

mod attribute;
mod data;
mod event;
mod flaw;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod http_headers;
mod mode;
mod of_delivery;
mod properties;
mod structured;
#[cfg(test)]
mod tests;
mod time;

pub use attribute::Value;
pub use data::{Data, DataAs};
pub use event::Event;
pub use flaw::{DataFlaw, EventFlaw, Place};
pub use http_headers::Binary;
pub use mode::{BATCH_TYPE, MissingAttributes, Mode, STRUCTURED_TYPE};
pub use of_delivery::{EventSettings, default_source};
pub use properties::Form;
pub use structured::{Batch, MOST_EVENTS};

//! The embedded MQ: topics, consumer groups, redelivery and dead letters on one SQLite file.
//!
//! It is what a broker is to its clients, in one process: publish is durable when it returns, each group has its own
//! progress, what is not acknowledged in time comes back, and what comes back too often becomes a dead letter. It does
//! not cluster. [`Engine`] is the front door; each operation has a file; `schema` tells the form of the store.

mod acknowledge;
mod change_visibility;
mod columns;
mod counters;
mod credentials;
mod dead_letter;
mod deliver_new;
mod delivery_state;
mod engine;
mod error;
mod filtered_out;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod give_back;
mod handle;
mod interest;
mod locks;
mod log;
mod message_ids;
mod new_message;
mod options;
mod peek;
mod publish;
mod purge;
mod receive;
mod redeliver;
mod retention;
mod scan;
mod schema;
mod settled;
mod stats;
mod store_time;
mod stored_delivery;
mod stored_message;
mod sweep;
mod take;
mod topics;
mod vacuum;
mod waiters;

#[cfg(test)]
mod tests;

pub use acknowledge::Acknowledgement;
pub use change_visibility::VisibilityChanged;
pub use counters::Totals;
pub use credentials::{CREDENTIALS_FILE, CredentialsError, EndpointCredentials};
pub use dead_letter::{DEAD_LETTER_PREFIX, dead_letter_topic_name};
pub use engine::Engine;
pub use error::EngineError;
pub use new_message::STORED_OVERHEAD_BYTES;
pub use options::{EngineOptions, NewGroupStarts, WhenFull};
pub use peek::{PeekRequest, Peeked, PeekedMessage, PeekedState};
pub use purge::{PurgeEnd, PurgeRequest, Purged};
pub use receive::ConsumeRequest;
pub use stats::{EngineStats, GroupStats, TopicStats};
pub use sweep::SweepReport;

pub use crate::storage::{Fault, FaultKind, StoreLocation};

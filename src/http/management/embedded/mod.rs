//! Operators' verbs for the embedded endpoint: what is in its queues, and emptying them. Past HTTP and its protocols, as none of them has
//! words for that.

mod names;
mod peek;
mod purge;
mod topics;

pub(super) use peek::peek;
pub(super) use purge::purge;
pub(super) use topics::topics;

//! Operators' verbs for dead letters: which topics hold some, what they are, and sending them again or dropping them.
//!
//! The gateway holds the keys and so does the work, in bounded steps, and keeps nothing between them: a command that is broken off
//! leaves what it had taken to the MQ, which gives it out again when its visibility timeout is over.

mod description;
mod destination;
mod letter;
mod look;
mod options;
mod redrive;
mod shown;
mod source;
mod topics;

pub(super) use description::description;
pub(super) use look::{list, release, take};
pub(super) use redrive::{drop_letters, redrive};
pub(super) use topics::topics;

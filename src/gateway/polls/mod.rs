//! Polls that many share: a bounded number for each kind of receive of one group, whichever threads their callers are on.
//!
//! A poll is begun by one caller, for itself, once it has a lane. When that caller hangs up while others wait for the same, the poll
//! goes on, and what it brings is theirs: an MQ may have sent the messages already, and would hide them from everybody.

mod kind;
mod last_ask;
mod late;
mod line;
mod lines;
mod shared_poll;

pub use lines::PollLines;

pub(super) use late::LateMessages;
pub(super) use line::Turn;
pub(super) use shared_poll::SharedPoll;

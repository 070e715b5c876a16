//! Streams: messages of a group for as long as a caller reads, with at most so many unacknowledged.
//!
//! A stream has a [`MessageStream`] and, behind it, a seat in a feed: one for all streams of a thread that ask the same of one
//! group, with few polls for all of them. What a poll brings takes a place in a stream until it is settled in this process, or
//! others may get it; a stream without a place, or with a slow reader, gets nothing. Nothing is kept here: what a reader did not
//! take goes to another stream, or back to the MQ.

mod feed;
mod message;
mod open;
mod places;
mod process;
mod seat;
mod thread;
mod untaken;

pub use message::{StreamedMessage, Ticket};
pub use process::Streams;
pub use seat::StreamEvent;
pub use thread::{MessageStream, StreamsFull};

pub(super) use thread::ThreadStreams;

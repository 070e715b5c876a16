//! Listeners: sockets, servers, and the guard on callers' connections.
//!
//! The HTTP library limits only the first head of a connection. Here every connection is wrapped in a `GuardedStream`
//! that keeps, in one small `Connection` shared with the requests on it, what it waits for and since when. No request
//! makes a timer: each thread has one table that looks at all its connections a few times in the shortest limit, and
//! closes those that are overdue:
//!
//! - a head, first or later, that is not whole after `head_timeout`, answered 408 where that cannot be taken for a
//!   second answer; the same for bytes that belong to no request, such as the rest of a body that nobody reads;
//! - an idle connection after `keep_alive`;
//! - an answer of which too little was taken in `write_timeout`; what the kernel has taken, it watches itself;
//! - where the cap is near, those that have waited longest.
//!
//! Every byte counts against a limit. `framing` follows where requests begin and end, and stops the stream where one has more
//! framing than its body excuses, or a header's name that would make the HTTP library panic; of a body that nobody reads, no
//! more is thrown away after its answer than a few bodies may have.
//!
//! The HTTP library gets no more of what comes than somebody waits for (`ahead`): what a connection holds beside the memory
//! budget has a bound of its own, whatever is sent on it.
//!
//! An answer that hands something over, such as messages, tells its connection what to do when it is not taken
//! (`Untaken`). A stream of messages (`StreamAccount`) is an answer that does not end: nothing is overdue of it while there is nothing
//! to write, and it is told how much of it the kernel has.
//!
//! Bodies that are read have their deadline where they are read (`http::body`).

mod addresses;
mod ahead;
mod blocked;
mod closing;
mod connection;
mod eviction;
mod framing;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod guard;
mod half_close;
mod intake;
mod request;
mod server;
mod socket;
mod stream;
mod stream_account;
mod table;
mod thread_state;
mod tick;
mod untaken;

pub(crate) use connection::Connection;
pub(crate) use request::connection_of;
pub use server::{Listener, ListenerOptions, serve};
pub use socket::{ListenAddress, ListenError};
pub(crate) use untaken::Untaken;

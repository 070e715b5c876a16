//! What the connections of one thread share.

use std::cell::Cell;

use super::tick::Tick;

/// One thread's coarse time, and what else all its connections share.
#[derive(Debug)]
pub(super) struct ThreadState {
    pub(super) now: Cell<Tick>,
    /// How many of its connections are to be closed.
    pub(super) closing: Cell<usize>,
    /// Most bytes that a connection throws away after an answer.
    pub(super) most_unread: usize,
    /// The longest head that the HTTP library gets to see.
    pub(super) longest_head: usize,
}

impl ThreadState {
    pub(super) fn new(most_unread: usize, longest_head: usize) -> Self {
        Self { now: Cell::new(0), closing: Cell::new(0), most_unread, longest_head }
    }
}

//! Messages that came for a feed's streams and that none of them has written: they go back to the MQ where it takes that, those
//! that came together in their order; of the others one line tells now and then how many there were.

use std::cell::{Cell, RefCell};

use crate::gateway::polls::LateMessages;
use crate::model::UpstreamHandle;

/// Those of one feed.
#[derive(Debug)]
pub(super) struct Untaken {
    late: LateMessages,
    /// Those that go back next.
    handles: RefCell<Vec<UpstreamHandle>>,
    /// Those that could not, and were not told of.
    untold: Cell<usize>,
}

impl Untaken {
    pub(super) fn new(late: LateMessages) -> Self {
        Self { late, handles: RefCell::default(), untold: Cell::new(0) }
    }

    /// Whether the MQ takes them back.
    pub(super) fn go_back(&self) -> bool {
        self.late.give_back.is_some()
    }

    /// One more, behind those that were added before.
    pub(super) fn add(&self, handle: UpstreamHandle) {
        self.handles.borrow_mut().push(handle);
    }

    /// Gives back what was added.
    pub(super) fn let_go(&self) {
        let handles = self.handles.take();
        if !handles.is_empty() {
            let left = self.late.nobody_takes_those(handles);
            self.untold.set(self.untold.get().saturating_add(left));
        }
    }

    /// Tells of those that could not be given back.
    pub(super) fn tell(&self) {
        let left = self.untold.take();
        if left > 0 {
            self.late.tell_of(left);
        }
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        self.let_go();
        self.tell();
    }
}

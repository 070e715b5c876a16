//! How many calls are under way.

use std::cell::Cell;

use super::call::CallError;

/// One call under way.
pub(super) struct Slot<'a>(&'a Cell<usize>);

impl<'a> Slot<'a> {
    pub(super) fn take(in_flight: &'a Cell<usize>, limit: usize) -> Result<Self, CallError> {
        if in_flight.get() >= limit {
            return Err(CallError::Full(limit));
        }
        in_flight.set(in_flight.get() + 1);
        Ok(Self(in_flight))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

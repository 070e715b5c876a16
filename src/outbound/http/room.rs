//! The memory that an answer may take.

use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use crate::memory::{Charge, MemoryBudget, MemoryFull};

/// Waiting for memory ends so long before the call does: that there was no room is not taken for a silent server.
const MEMORY_MARGIN: Duration = Duration::from_millis(100);

/// Held from before the answer is read until it is done with.
pub(super) struct Room {
    /// What is held for it.
    pub(super) memory: Charge,
    copies: usize,
    deadline: Instant,
}

impl Room {
    /// Nothing is held yet.
    pub(super) fn new(budget: &MemoryBudget, call: &Call<'_>) -> Self {
        let deadline = call.deadline.checked_sub(MEMORY_MARGIN).unwrap_or(call.deadline);
        Self { memory: budget.charge(), copies: call.copies, deadline }
    }

    /// Waits for room for a body of `length` bytes and its copies.
    pub(super) async fn make(&mut self, length: usize) -> Result<(), MemoryFull> {
        let wanted = length.saturating_mul(self.copies);
        let more = wanted.saturating_sub(self.memory.bytes());
        if more > 0 { self.memory.wait_to_grow(more, self.deadline).await } else { Ok(()) }
    }
}

//! An answer that the caller does not take as fast as we could send it.

use std::cell::Cell;

use super::tick::Tick;

/// The times of what a connection waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) head: Tick,
    pub(super) idle: Tick,
    pub(super) write: Tick,
    /// Fewest bytes taken in `write`.
    pub(super) taken: usize,
}

/// One connection's account.
#[derive(Debug, Default)]
pub(super) struct Blocked(Cell<Option<Since>>);

#[derive(Debug, Clone, Copy)]
struct Since {
    since: Tick,
    /// Bytes taken since.
    taken: usize,
}

impl Blocked {
    /// The kernel takes no more.
    pub(super) fn begin(&self, now: Tick) {
        self.0.set(self.0.get().or(Some(Since { since: now, taken: 0 })));
    }

    /// The kernel took bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        if let Some(blocked) = self.0.get() {
            self.0.set(Some(Since { taken: blocked.taken.saturating_add(bytes), ..blocked }));
        }
    }

    /// The kernel took all there is. Whether it had not before.
    pub(super) fn end(&self) -> bool {
        self.0.take().is_some()
    }

    /// Since when it takes no more.
    pub(super) fn since(&self) -> Option<Tick> {
        self.0.get().map(|blocked| blocked.since)
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether too little was taken in its time; where it was enough, another time begins.
    pub(super) fn is_overdue(&self, now: Tick, timeouts: &Timeouts) -> bool {
        let Some(blocked) = self.0.get().filter(|it| now.wrapping_sub(it.since) >= timeouts.write) else {
            return false;
        };
        if blocked.taken >= timeouts.taken {
            self.0.set(Some(Since { since: now, taken: 0 }));
            return false;
        }
        true
    }
}

//! A connection whose answer is a stream without an end: how much of it the kernel has, and when it is to be asked for more.

use std::cell::Cell;

/// One connection's account.
#[derive(Debug, Default)]
pub(crate) struct StreamAccount {
    is_open: Cell<bool>,
    /// The HTTP library was given something, and the kernel does not have all of it yet.
    has_given: Cell<bool>,
    /// Bytes that the kernel took since the connection began.
    written: Cell<u64>,
}

impl StreamAccount {
    /// An answer that is a stream begins.
    pub(super) fn open(&self) {
        self.is_open.set(true);
        self.has_given.set(false);
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.get()
    }

    /// The stream has ended. Whether there was one.
    #[must_use]
    pub(super) fn close(&self) -> bool {
        self.is_open.take()
    }

    /// The HTTP library was given a part of it. It is asked for more when that is written.
    pub(crate) fn gave(&self) {
        self.has_given.set(true);
    }

    /// Whether the kernel has all that was given.
    pub(crate) fn is_written(&self) -> bool {
        !self.has_given.get()
    }

    pub(super) fn wrote(&self, bytes: usize) {
        self.written.set(self.written.get().saturating_add(bytes as u64));
    }

    /// Bytes that the kernel took since the connection began.
    pub(crate) fn written(&self) -> u64 {
        self.written.get()
    }

    /// The kernel has all there was. Whether a stream waits to hear that.
    #[must_use]
    pub(super) fn all_written(&self) -> bool {
        self.has_given.take() && self.is_open.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_hears_once_that_all_was_written() {
        let account = StreamAccount::default();
        account.wrote(7);
        assert!(!account.all_written(), "an ordinary answer");
        account.open();
        assert!(!account.all_written() && account.is_written());
        account.gave();
        assert!(!account.is_written());
        account.wrote(3);
        assert!(account.all_written() && account.is_written());
        assert!(!account.all_written());
        assert_eq!(account.written(), 10);
        account.gave();
        assert!(account.close() && !account.close());
        assert!(!account.all_written(), "nobody waits any more");
    }
}

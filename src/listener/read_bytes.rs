//! Whether all bytes that came on a connection belong to requests that have been answered.
//!
//! Only the HTTP library knows where a request ends, and it does not say. What is known: every byte that was read, when
//! a request's head is whole, how long its body was, and when it is answered. A request's bytes are accounted for when
//! the count fits, or when the last bytes read are the empty line that ends a head or a chunked body. If neither holds,
//! something is left over, such as part of a next head that came along.

use std::cell::Cell;

use memchr::memmem::Finder;

pub(super) const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";

/// The account of one connection.
#[derive(Debug, Default)]
pub(super) struct ReadBytes {
    /// Bytes read so far, modulo 2^32.
    received: Cell<u32>,
    /// What `received` was at the end of the head that is being read or answered, where that is known.
    head_end: Cell<Option<u32>>,
    /// The last bytes read.
    tail: Cell<[u8; 4]>,
    has_body: Cell<bool>,
    /// Length of the body that was read to its end.
    body_length: Cell<Option<usize>>,
}

impl ReadBytes {
    /// The next bytes begin a head.
    pub(super) fn begin_head(&self) {
        self.tail.set([0; 4]);
    }

    /// Bytes were read; `end_of_head` finds its pattern in them where they may be of a head.
    pub(super) fn add(&self, bytes: &[u8], end_of_head: Option<&Finder<'_>>) {
        if let Some(finder) = end_of_head {
            self.find_end_of_head(bytes, finder);
        }
        self.received.set(self.received.get().wrapping_add(truncated(bytes.len())));
        self.tail.set(match bytes.last_chunk::<4>() {
            Some(tail) => *tail,
            None => bytes.iter().fold(self.tail.get(), |[_, b, c, d], byte| [b, c, d, *byte]),
        });
    }

    fn find_end_of_head(&self, bytes: &[u8], finder: &Finder<'_>) {
        if self.head_end.get().is_some() {
            return;
        }
        let received = self.received.get();
        let mut last = self.tail.get();
        // Split between two reads?
        for (count, byte) in (1..).zip(bytes.iter().take(3)) {
            let [_, b, c, d] = last;
            last = [b, c, d, *byte];
            if last == *END_OF_HEAD {
                self.head_end.set(Some(received.wrapping_add(count)));
                return;
            }
        }
        if let Some(at) = finder.find(bytes) {
            self.head_end.set(Some(received.wrapping_add(truncated(at)).wrapping_add(4)));
        }
    }

    /// A head is whole.
    pub(super) fn begin_request(&self, has_body: bool) {
        self.has_body.set(has_body);
        self.body_length.set(None);
    }

    /// The request's body was read to its end.
    pub(super) fn body_was_read(&self, length: usize) {
        self.body_length.set(Some(length));
    }

    /// Whether nothing is left over after the request that was answered. `empty` says whether a body that nobody read
    /// had no bytes.
    pub(super) fn end_request(&self, empty: impl FnOnce() -> bool) -> bool {
        let end_of_head = self.head_end.take();
        let after_head = |bytes| end_of_head.is_some_and(|end| end.wrapping_add(bytes) == self.received.get());
        let tail = self.tail.get();
        let after_line = tail == *END_OF_HEAD || tail.ends_with(b"\n\n");
        match (self.has_body.get(), self.body_length.get()) {
            (false, _) => after_line,
            (true, Some(length)) => after_line || after_head(truncated(length)),
            (true, None) => after_line && empty(),
        }
    }
}

/// Counts wrap, as [`ReadBytes::received`] does.
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32")]
fn truncated(count: usize) -> u32 {
    count as u32
}

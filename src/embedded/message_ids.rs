//! Message ids: 32 upper-case hexadecimal digits, as RocketMQ's unique keys (protocol notes ONS 3.5).
//!
//! `PPPPPPPPPPPP TTTTTTTTTTTT CCCCCCCC`: six random bytes of this process, six of the time in milliseconds, four of a
//! counter. No two are equal: within a process the counter differs, between processes the random bytes.

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::model::{MessageId, NameError, UnixMillis};
use crate::random::{Random, RandomError};

/// Makes the ids of one process.
#[derive(Debug)]
pub(super) struct MessageIds {
    prefix: u64,
    counter: AtomicU32,
}

impl MessageIds {
    pub(super) fn new(random: &Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 8];
        let (_, prefix) = bytes.split_at_mut(2);
        random.fill(prefix)?;
        Ok(Self { prefix: u64::from_be_bytes(bytes), counter: AtomicU32::new(0) })
    }

    /// The next id.
    ///
    /// # Errors
    /// None in practice: only an empty text is no id.
    pub(super) fn next(&self, now: UnixMillis) -> Result<MessageId, NameError> {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let (prefix, millis) = (self.prefix, now.0 & 0xFFFF_FFFF_FFFF);
        let mut id = String::with_capacity(32);
        // Writing to a string cannot fail.
        write!(id, "{prefix:012X}{millis:012X}{counter:08X}").ok();
        MessageId::parse(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_32_digits_and_differ_at_the_same_time_and_between_processes() {
        let ids = MessageIds::new(&Random::seeded(1)).unwrap();
        let others = MessageIds::new(&Random::seeded(2)).unwrap();
        let now = UnixMillis(1_503_907_519_123);
        let all: std::collections::HashSet<_> =
            (0..1_000).flat_map(|_| [ids.next(now).unwrap(), others.next(now).unwrap()]).collect();
        assert_eq!(all.len(), 2_000);
        for id in &all {
            let id = id.as_str();
            assert_eq!(id.len(), 32);
            assert!(id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{id}");
        }
        assert!(ids.next(now).unwrap().as_str().contains("015E27DF9A93"), "the time stands in the middle");
    }
}

//! Message ids, made by the sender as the official clients make them: `01`, six bytes for the machine, two for the process, four
//! for the seconds since 2021, four that count up; in capital hex.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::model::{MessageId, UnixMillis};
use crate::random::{Random, RandomError};

/// 2021-01-01 UTC, in seconds.
const EPOCH_SECONDS: u64 = 1_609_459_200;
const VERSION: &str = "01";

/// The ids of one process. Machine and process are random: no address of the gateway's leaves it, and two replicas with the same
/// process number never meet.
#[derive(Debug)]
pub struct MessageIds {
    origin: [u8; 8],
    counter: AtomicU32,
}

impl MessageIds {
    /// Begins anywhere.
    ///
    /// # Errors
    /// [`RandomError`].
    pub fn new(random: &Random) -> Result<Self, RandomError> {
        let mut origin = [0; 8];
        random.fill(&mut origin)?;
        Ok(Self { origin, counter: AtomicU32::new(0) })
    }

    /// The next id.
    #[must_use]
    pub fn next(&self, now: UnixMillis) -> Option<MessageId> {
        let seconds = (now.0 / 1000).saturating_sub(EPOCH_SECONDS);
        // The format has four bytes for it, and wraps in 2157.
        let seconds = u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or(0);
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut text = String::with_capacity(34);
        text.push_str(VERSION);
        for byte in self.origin.iter().chain(&seconds.to_be_bytes()).chain(&counter.to_be_bytes()) {
            // Writing into a string does not fail.
            let _written = write!(text, "{byte:02X}");
        }
        MessageId::parse(&text).ok()
    }
}

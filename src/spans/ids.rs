//! Ids of traces and spans.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::{Random, RandomError};
use crate::trace_context::{SpanId, TraceId};

/// Makes ids that no other process makes, without a system call for each: two random starting points, and steps from them that
/// look as random.
#[derive(Debug)]
pub(super) struct Ids([AtomicU64; 2]);

impl Ids {
    pub(super) fn new(random: &Random) -> Result<Self, RandomError> {
        let bytes = random.bytes16()?;
        let (high, low) = bytes.split_at(8);
        let start = |bytes: &[u8]| AtomicU64::new(bytes.first_chunk().copied().map_or(0, u64::from_be_bytes));
        Ok(Self([start(high), start(low)]))
    }

    pub(super) fn trace_id(&self) -> TraceId {
        let [high, low] = &self.0;
        TraceId(((u128::from(next(high)) << 64) | u128::from(next(low).max(1))).to_be_bytes())
    }

    pub(super) fn span_id(&self) -> SpanId {
        let [_, low] = &self.0;
        SpanId(next(low).max(1).to_be_bytes())
    }
}

/// `SplitMix64`: its numbers come again only after all others.
fn next(state: &AtomicU64) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut z = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

//! Which traces are recorded.

use std::fmt;

use crate::trace_context::{TraceContext, TraceId};

/// Decided where a trace begins, or where it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// What is decided where nobody has decided before.
    pub root: Root,
    /// A trace that comes from a caller is recorded where the caller records it; `root` decides only on those that begin here.
    pub follows_parent: bool,
}

/// Which of the traces that begin here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// All of them.
    Always,
    /// None.
    Never,
    /// A part, by the trace's id, so that everybody who decides so decides alike.
    Part(Ratio),
}

/// A part of all: 2⁶³ is everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(u64);

const ALL: u64 = 1 << 63;

impl Ratio {
    /// Everything.
    pub const ALL: Self = Self(ALL);

    /// Reads a number from 0 to 1.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let part: f64 = text.trim().parse().ok()?;
        if !(0.0..=1.0).contains(&part) {
            return None;
        }
        // Between 0 and 2⁶³, so nothing is cut off but digits that no float has.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "as above"
        )]
        let bound = (part * ALL as f64) as u64;
        Some(Self(bound))
    }

    /// Whether it is none at all.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// Whether these random bits are in that part.
    #[must_use]
    pub const fn takes(self, bits: u64) -> bool {
        bits >> 1 < self.0
    }

    fn has(self, trace_id: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g, h] = trace_id.0;
        // The last 63 bits, as OpenTelemetry's own SDKs compare them.
        self.takes(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "a number for people")]
        let part = self.0 as f64 / ALL as f64;
        write!(f, "{part}")
    }
}

impl Sampling {
    pub(super) fn records(self, trace_id: TraceId, caller: Option<&TraceContext>) -> bool {
        if self.follows_parent
            && let Some(caller) = caller
        {
            return caller.is_sampled;
        }
        match self.root {
            Root::Always => true,
            Root::Never => false,
            Root::Part(ratio) => ratio.has(trace_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace_context::SpanId;

    #[test]
    fn a_ratio_is_a_number_from_0_to_1() {
        for (text, expected) in [("0", 0), ("1", ALL), ("1.0", ALL), ("0.5", ALL / 2), (" 0.25 ", ALL / 4)] {
            assert_eq!(Ratio::parse(text), Some(Ratio(expected)), "{text}");
        }
        for bad in ["", "x", "-0.1", "1.1", "NaN", "inf", "50%"] {
            assert_eq!(Ratio::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_part_is_taken_by_the_last_63_bits_of_the_id() {
        let id = |end: u64| {
            let mut bytes = [0xff; 16];
            bytes[8..].copy_from_slice(&end.to_be_bytes());
            TraceId(bytes)
        };
        let half = Ratio::parse("0.5").unwrap();
        assert!(half.has(id(0)) && half.has(id((ALL / 2 - 1) << 1)) && !half.has(id((ALL / 2) << 1)));
        assert!(!half.has(id(u64::MAX)) && Ratio::ALL.has(id(u64::MAX)) && !Ratio::parse("0").unwrap().has(id(0)));
    }

    #[test]
    fn who_follows_its_parent_asks_the_root_only_where_there_is_none() {
        let (trace_id, span_id) = (TraceId([1; 16]), SpanId([1; 8]));
        let caller = |is_sampled| Some(TraceContext { trace_id, span_id, is_sampled });
        for (root, of_its_own) in [(Root::Always, true), (Root::Never, false), (Root::Part(Ratio::ALL), true)] {
            for parent in [None, caller(true), caller(false)] {
                let records = |follows_parent| Sampling { root, follows_parent }.records(trace_id, parent.as_ref());
                assert_eq!(records(false), of_its_own, "{root:?} {parent:?}");
                let expected = parent.map_or(of_its_own, |parent| parent.is_sampled);
                assert_eq!(records(true), expected, "{root:?} {parent:?}");
            }
        }
    }
}

//! Operations on deliveries that not every protocol has.

use super::{Feature, words};

words! {
    /// An operation on deliveries that not every protocol has.
    pub enum Verb {
        /// Give a delivery back.
        Nack = "nack",
        /// Keep a delivery longer.
        Extend = "extend",
    }
}

impl Verb {
    /// What a protocol has that can do it.
    #[must_use]
    pub const fn feature(self) -> Feature {
        match self {
            Self::Nack => Feature::Nack,
            Self::Extend => Feature::Extend,
        }
    }
}

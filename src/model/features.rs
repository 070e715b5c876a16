//! What not every protocol can do, and sets of it.

use std::fmt;
use std::ops::{BitAnd, BitOr};

use super::words;

words! {
    /// One ability that a protocol may have or lack. The words are those of the configuration and of discovery, the order
    /// is discovery's.
    pub enum Feature {
        /// Carries `properties`.
        Properties = "properties",
        /// Carries `deliver_at` and `delay_seconds`.
        DelayedDelivery = "delayed_delivery",
        /// Carries `message_group`.
        MessageGroups = "message_groups",
        /// A message may have both a time and a message group.
        DelayedMessageGroups = "delayed_message_groups",
        /// Carries bodies that are not UTF-8.
        BinaryBodies = "binary_bodies",
        /// Carries an empty body.
        EmptyBodies = "empty_bodies",
        /// Filters a receive by tags.
        TagFilter = "tag_filter",
        /// Delivers to a group in order: nothing more of a message group until what is out of it is acknowledged.
        OrderedGroups = "ordered_groups",
        /// A receive may choose its visibility timeout.
        VisibilityTimeout = "visibility_timeout",
        /// Can give a delivery back.
        Nack = "nack",
        /// Can keep a delivery longer.
        Extend = "extend",
        /// Carries half messages, which a transaction commits or rolls back.
        Transactions = "transactions",
    }
}

/// A set of features. What a profile has and what a topic allows is `profile & topic`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u32);

impl Features {
    /// No feature at all.
    pub const NONE: Self = Self(0);

    /// The set with one more.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | (1 << feature as u32))
    }

    /// Whether the set has it.
    #[must_use]
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }

    /// Those in the set, in declared order.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.has(*feature))
    }
}

impl BitAnd for Features {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Features {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word as _;

    #[test]
    fn every_feature_has_its_own_word_and_its_own_place_in_the_set() {
        for feature in Feature::ALL {
            assert_eq!(Feature::named(feature.as_str()), Some(feature));
            assert!(!Features::NONE.has(feature));
            assert_eq!(Features::NONE.with(feature).iter().collect::<Vec<_>>(), [feature]);
        }
        assert_eq!(Feature::named("idempotency"), None);
    }

    #[test]
    fn sets_are_cut_and_joined() {
        let profile = Features::NONE.with(Feature::Nack).with(Feature::TagFilter);
        let topic = Features::NONE.with(Feature::TagFilter).with(Feature::Properties);
        assert_eq!(profile & topic, Features::NONE.with(Feature::TagFilter));
        let all: Vec<&str> = (profile | topic).iter().map(Feature::as_str).collect();
        assert_eq!(all, ["properties", "tag_filter", "nack"], "in declared order");
    }
}

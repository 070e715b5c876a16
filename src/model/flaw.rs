//! What the MQ behind a topic has against a request, as a type: each protocol of callers says it by its own names, with what its
//! callers can do about it.

/// Why a request cannot be carried out for the sake of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// There are no empty bodies.
    EmptyBody,
    /// Bodies are text.
    BinaryBody,
    /// There are no further name-value pairs.
    NoProperties,
    /// There is no order.
    NoMessageGroups,
    /// There is no delayed delivery.
    NoDelay,
    /// There is no selecting by tags.
    NoTagFilter,
    /// There is no receiving in order.
    NoOrderedGroups,
    /// The visibility timeout cannot be chosen.
    NoVisibilityTimeout,
    /// A time beside a message group.
    DelayedMessageGroup,
    /// The time is further ahead.
    TooFarAhead {
        /// How far it may be.
        hours: u64,
    },
    /// The tag breaks this rule, `must not …`.
    Tag(&'static str),
    /// A key breaks this rule.
    Key(&'static str),
    /// The keys joined by blanks, in characters.
    KeysTooLong {
        /// How long they may be.
        limit: usize,
        /// How long they are.
        actual: usize,
    },
    /// The message group breaks this rule.
    MessageGroup(&'static str),
    /// The message group, in bytes.
    MessageGroupTooLong {
        /// How long it may be.
        limit: usize,
        /// How long it is.
        actual: usize,
    },
    /// A property's name breaks this rule.
    PropertyName(&'static str),
    /// A property's name or value breaks this rule.
    Property(&'static str),
    /// The number of properties.
    TooManyProperties {
        /// How many there may be.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// The properties, and what is written among them, in bytes.
    PropertiesTooLong {
        /// How much there may be.
        limit: usize,
        /// How much there is.
        actual: usize,
    },
    /// The group selects by other tags, and its filter acknowledges what it leaves out.
    OtherTags,
    /// The group does not select by tags, and a filter would acknowledge what it leaves out.
    GroupWithoutTags,
}

#[cfg(test)]
impl Flaw {
    /// Every one, with values that can be looked for. A new one belongs here, too.
    pub(crate) fn all() -> Vec<Self> {
        let rule = "must not be so";
        let (limit, actual) = (701, 709);
        vec![
            Self::EmptyBody,
            Self::BinaryBody,
            Self::NoProperties,
            Self::NoMessageGroups,
            Self::NoDelay,
            Self::NoTagFilter,
            Self::NoOrderedGroups,
            Self::NoVisibilityTimeout,
            Self::DelayedMessageGroup,
            Self::TooFarAhead { hours: 701 },
            Self::Tag(rule),
            Self::Key(rule),
            Self::KeysTooLong { limit, actual },
            Self::MessageGroup(rule),
            Self::MessageGroupTooLong { limit, actual },
            Self::PropertyName(rule),
            Self::Property(rule),
            Self::TooManyProperties { limit, actual },
            Self::PropertiesTooLong { limit, actual },
            Self::OtherTags,
            Self::GroupWithoutTags,
        ]
    }
}

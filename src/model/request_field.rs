//! The fields of a request that not every protocol has: each names its feature and its refusal once.

use super::{Capabilities, Feature, Flaw};

/// A field of a request that needs a feature.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestField {
    /// The field's name.
    pub name: &'static str,
    feature: Feature,
    /// What is lacking, for those who say it in other words.
    pub flaw: Flaw,
    /// Why it is refused and what to do; `{protocol}` stands for the protocol's name.
    refusal: &'static str,
}

impl RequestField {
    /// The body of a message, where it is empty.
    pub const EMPTY_BODY: Self =
        Self::new("body", Feature::EmptyBodies, Flaw::EmptyBody, "{protocol} carries no empty body: send something");
    /// Further name-value pairs of a message.
    pub const PROPERTIES: Self = Self::new(
        "properties",
        Feature::Properties,
        Flaw::NoProperties,
        "{protocol} carries no properties: put them into the body",
    );
    /// The message group of a message.
    pub const MESSAGE_GROUP: Self = Self::new(
        "message_group",
        Feature::MessageGroups,
        Flaw::NoMessageGroups,
        "{protocol} keeps no order: leave message_group out",
    );
    /// The time of a message.
    pub const DELIVER_AT: Self = Self::new(
        "deliver_at",
        Feature::DelayedDelivery,
        Flaw::NoDelay,
        "{protocol} has no delayed delivery: leave the time out",
    );
    /// The tags that a receive selects by.
    pub const TAGS: Self = Self::new(
        "tags",
        Feature::TagFilter,
        Flaw::NoTagFilter,
        "{protocol} has no tag filter: leave tags out and select by tag yourself",
    );
    /// A receive in order.
    pub const ORDERED: Self = Self::new(
        "ordered",
        Feature::OrderedGroups,
        Flaw::NoOrderedGroups,
        "{protocol} has no ordered groups: receive without order",
    );
    /// The visibility timeout that a receive chooses.
    pub const VISIBILITY_TIMEOUT: Self = Self::new(
        "visibility_timeout_seconds",
        Feature::VisibilityTimeout,
        Flaw::NoVisibilityTimeout,
        "is not supported by the protocol behind this topic: leave it out: the profile's visibility timeout applies",
    );

    const fn new(name: &'static str, feature: Feature, flaw: Flaw, refusal: &'static str) -> Self {
        Self { name, feature, flaw, refusal }
    }

    /// The first of the fields which a request uses (`true`) and the profile lacks.
    #[must_use]
    pub fn first_lacking<'a>(able: &Capabilities, used: &[(bool, &'a Self)]) -> Option<&'a Self> {
        used.iter().find(|(used, field)| *used && !able.has(field.feature)).map(|(_, field)| *field)
    }

    /// Why a profile that lacks the field refuses it, and what to do; with the profile's setting that would help, if there is one.
    #[must_use]
    pub fn refusal(&self, lacking: &Capabilities) -> String {
        let mut refusal = self.refusal.replace("{protocol}", lacking.protocol.as_str());
        if let Some(setting) = lacking.setting_for(self.feature) {
            refusal += &format!(", or set {setting} on the profile");
        }
        refusal
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Features, OptionalFeatures, Protocol, ProtocolLimits};

    const FIELDS: [&RequestField; 7] = [
        &RequestField::EMPTY_BODY,
        &RequestField::PROPERTIES,
        &RequestField::MESSAGE_GROUP,
        &RequestField::DELIVER_AT,
        &RequestField::TAGS,
        &RequestField::ORDERED,
        &RequestField::VISIBILITY_TIMEOUT,
    ];

    fn able(features: Features, optional: Features) -> Capabilities {
        let limits = ProtocolLimits {
            max_message_bytes: 1,
            max_receive_messages: 1,
            max_wait: Duration::ZERO,
            max_delay: Duration::ZERO,
            visibility_timeouts: None,
        };
        let optional = OptionalFeatures { features: optional, setting: "key = 1" };
        Capabilities { protocol: Protocol::MqHttp, limits, features, optional }
    }

    #[test]
    fn a_field_is_lacking_exactly_where_its_feature_is() {
        for field in FIELDS {
            let only = able(Features::NONE.with(field.feature), Features::NONE);
            for other in FIELDS {
                let expected = (other.feature != field.feature).then_some(other);
                assert_eq!(RequestField::first_lacking(&only, &[(false, field), (true, other)]), expected);
                assert_eq!(RequestField::first_lacking(&only, &[(false, other)]), None);
            }
        }
    }

    #[test]
    fn a_refusal_names_the_protocol_and_the_setting_that_helps() {
        let refusal = |able: Capabilities| RequestField::EMPTY_BODY.refusal(&able);
        let none = able(Features::NONE, Features::NONE);
        assert_eq!(refusal(none), "mq-http carries no empty body: send something");
        let settable = able(Features::NONE, Features::NONE.with(Feature::EmptyBodies));
        assert_eq!(refusal(settable), "mq-http carries no empty body: send something, or set key = 1 on the profile");
    }
}

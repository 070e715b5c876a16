//! What of a request not every protocol has: each field and each operation names its feature and its refusal once.

use super::{Gateway, GatewayError, GroupRoute};
use crate::model::{Capabilities, Feature, words};

/// A field of a request that needs a feature.
#[derive(Debug)]
pub(super) struct FeatureField {
    name: &'static str,
    feature: Feature,
    /// Why it is refused and what to do; `{protocol}` stands for the protocol's name.
    refusal: &'static str,
}

pub(super) const EMPTY_BODY: FeatureField = FeatureField {
    name: "body",
    feature: Feature::EmptyBodies,
    refusal: "{protocol} carries no empty body: send something",
};
pub(super) const PROPERTIES: FeatureField = FeatureField {
    name: "properties",
    feature: Feature::Properties,
    refusal: "{protocol} carries no properties: put them into the body",
};
pub(super) const MESSAGE_GROUP: FeatureField = FeatureField {
    name: "message_group",
    feature: Feature::MessageGroups,
    refusal: "{protocol} keeps no order: leave message_group out",
};
pub(super) const DELIVER_AT: FeatureField = FeatureField {
    name: "deliver_at",
    feature: Feature::DelayedDelivery,
    refusal: "{protocol} has no delayed delivery: leave the time out",
};
pub(super) const VISIBILITY_TIMEOUT: FeatureField = FeatureField {
    name: "visibility_timeout_seconds",
    feature: Feature::VisibilityTimeout,
    refusal: "is not supported by the protocol behind this topic: leave it out, the profile's visibility timeout holds",
};
pub(super) const TAGS: FeatureField = FeatureField {
    name: "tags",
    feature: Feature::TagFilter,
    refusal: "{protocol} has no tag filter: leave tags out and select by tag yourself",
};
pub(super) const ORDERED: FeatureField = FeatureField {
    name: "ordered",
    feature: Feature::OrderedGroups,
    refusal: "{protocol} has no ordered groups: receive without order",
};

/// Refuses the first field that a request uses and the profile lacks.
///
/// # Errors
/// [`GatewayError::UnsupportedField`], with the profile's setting that would help, if there is one.
pub(super) fn require(capabilities: &Capabilities, used: &[(bool, &FeatureField)]) -> Result<(), GatewayError> {
    let lacking = used.iter().find(|(used, field)| *used && !capabilities.has(field.feature));
    let Some((_, field)) = lacking else { return Ok(()) };
    let mut detail = field.refusal.replace("{protocol}", capabilities.protocol.as_str());
    if let Some(setting) = capabilities.setting_for(field.feature) {
        detail += &format!(", or set {setting} on the profile");
    }
    Err(GatewayError::UnsupportedField { field: field.name, detail })
}

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
    const fn feature(self) -> Feature {
        match self {
            Self::Nack => Feature::Nack,
            Self::Extend => Feature::Extend,
        }
    }
}

impl Gateway {
    /// Refuses an operation that the protocol behind the topic lacks.
    ///
    /// # Errors
    /// [`GatewayError::UnsupportedVerb`].
    pub fn require_verb(&self, route: &GroupRoute, verb: Verb) -> Result<(), GatewayError> {
        let capabilities = self.upstream(&route.topic)?.capabilities();
        if capabilities.has(verb.feature()) {
            return Ok(());
        }
        Err(GatewayError::UnsupportedVerb { verb, protocol: capabilities.protocol })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Features, OptionalFeatures, Protocol, ProtocolLimits};

    const FIELDS: [&FeatureField; 7] =
        [&EMPTY_BODY, &PROPERTIES, &MESSAGE_GROUP, &DELIVER_AT, &VISIBILITY_TIMEOUT, &TAGS, &ORDERED];

    fn able(features: Features, optional: Features) -> Capabilities {
        let limits = ProtocolLimits { max_message_bytes: 1, max_receive_messages: 1, max_wait: Duration::ZERO };
        let optional = OptionalFeatures { features: optional, setting: "key = 1" };
        Capabilities { protocol: Protocol::MqHttp, limits, features, optional }
    }

    #[test]
    fn a_field_is_refused_exactly_where_its_feature_is_lacking() {
        for field in FIELDS {
            let only = able(Features::NONE.with(field.feature), Features::NONE);
            for other in FIELDS {
                assert_eq!(require(&only, &[(true, other)]).is_ok(), other.feature == field.feature, "{other:?}");
                assert_eq!(require(&only, &[(false, other)]), Ok(()));
            }
        }
    }

    #[test]
    fn a_refusal_names_the_protocol_and_the_setting_that_helps() {
        let refused =
            |able: Capabilities| require(&able, &[(true, &EMPTY_BODY), (true, &TAGS)]).unwrap_err().to_string();
        let none = able(Features::NONE, Features::NONE);
        assert_eq!(refused(none), "mq-http carries no empty body: send something");
        let settable = able(Features::NONE, Features::NONE.with(Feature::EmptyBodies));
        assert_eq!(refused(settable), "mq-http carries no empty body: send something, or set key = 1 on the profile");
    }
}

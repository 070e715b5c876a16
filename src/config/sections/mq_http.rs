//! What only profiles of the MQ HTTP protocol have.

use super::abilities::Abilities;
use super::profile_keys::{CREDENTIALS, max_message_bytes};
use crate::config::section::section;
use crate::config::values::{BinaryBodies, INSTANCE, Kind, seconds};
use crate::model::{Feature, Features, OptionalFeatures};

section! {
    /// The keys of a profile with `protocol = "mq-http"`.
    pub struct MqHttpConfig at "profiles.*" for MqHttp with [CREDENTIALS, max_message_bytes("\"4MiB\"")] {
        /// The instance that topics and groups are in (`ns`, `MQ_INST_…`).
        instance_id: Option<String>, Kind::Text(INSTANCE), unset("the default instance, which has no namespace");
        /// Bodies that are not UTF-8. `false` or `"refuse"`: such messages are refused. `"base64"`: they travel in base64, and
        /// the gateway decodes them again.
        binary_bodies: BinaryBodies, Kind::BinaryBodies(BinaryBodies::Base64), default(false);
        /// Whether a message carries the trace that it was published in, as its properties `traceparent` and `tracestate`, and a receive's span
        /// is linked to those of the messages.
        propagate_trace: bool, Kind::Flag, default(false);
    }
}

impl MqHttpConfig {
    pub(super) const ABILITIES: Abilities = Abilities {
        always: Features::NONE
            .with(Feature::Properties)
            .with(Feature::DelayedDelivery)
            .with(Feature::MessageGroups)
            .with(Feature::TagFilter)
            .with(Feature::OrderedGroups),
        optional: OptionalFeatures {
            // What the protocol cannot carry goes with a mark, an empty body as well.
            features: Features::NONE.with(Feature::BinaryBodies).with(Feature::EmptyBodies),
            setting: "binary_bodies = \"base64\"",
        },
        embedded: Features::NONE,
        max_receive_messages: 16,
        max_wait: seconds(30),
    };
}

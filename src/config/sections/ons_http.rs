//! What only profiles of the ONS HTTP protocol have.

use std::time::Duration;

use super::abilities::Abilities;
use super::profile_keys::{CREDENTIALS, max_message_bytes};
use crate::config::section::section;
use crate::config::values::{BinaryBodies, CONTENT_TYPE, Kind, PRODUCER_GROUP, hours, millis, seconds};
use crate::model::{Feature, Features, OptionalFeatures, VisibilityTimeouts};

section! {
    /// The keys of a profile with `protocol = "ons-http"`.
    pub struct OnsHttpConfig at "profiles.*" for OnsHttp with [CREDENTIALS, max_message_bytes("\"64KiB\"")] {
        /// Who sends (ProducerID, PID).
        producer_group: String, Kind::Text(PRODUCER_GROUP), required;
        /// How long the MQ hides a delivered message from others. Set it to what the MQ does; the gateway only reports it. With the endpoint `embedded`, what that one does is reported.
        visibility_timeout: Duration, Kind::duration(millis(100), hours(24)), default("300s");
        /// Bodies that are not UTF-8. `false` or `"refuse"`: such messages are refused. `true`: the MQ takes them as they are.
        binary_bodies: BinaryBodies, Kind::BinaryBodies(BinaryBodies::AsIs), default(false);
        /// A receive that does not wait sends `timeout=0`; otherwise it sends no timeout at all.
        zero_timeout: bool, Kind::Flag, default(false);
        /// The content type that messages are sent with.
        content_type: String, Kind::Text(CONTENT_TYPE), default("text/html;charset=UTF-8");
    }
}

impl OnsHttpConfig {
    /// The contract's own bounds.
    pub(super) const EMBEDDED_VISIBILITY_TIMEOUTS: VisibilityTimeouts =
        VisibilityTimeouts { min: seconds(1), max: hours(12) };

    pub(super) const ABILITIES: Abilities = Abilities {
        always: Features::NONE.with(Feature::DelayedDelivery).with(Feature::MessageGroups).with(Feature::EmptyBodies),
        optional: OptionalFeatures {
            features: Features::NONE.with(Feature::BinaryBodies),
            setting: "binary_bodies = true",
        },
        embedded: Features::NONE.with(Feature::VisibilityTimeout).with(Feature::Nack).with(Feature::Extend),
        max_receive_messages: 32,
        max_wait: seconds(30),
    };
}

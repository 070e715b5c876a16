//! What only profiles of RocketMQ 5 have.

use std::time::Duration;

use super::abilities::Abilities;
use super::profile_keys::max_message_bytes;
use crate::config::section::{Key, Preset, section};
use crate::config::values::{INSTANCE, Kind, TABLE_NAME, hours, seconds};
use crate::model::{Feature, Features, OptionalFeatures, VisibilityTimeouts};

/// `credentials` of a cluster that may check none.
const CREDENTIALS: Key = Key {
    name: "credentials",
    kind: Kind::Text(TABLE_NAME),
    preset: Preset::Unset("requests are not signed, for a cluster that checks no keys"),
    meaning: "Name of a table below `credentials`.",
};

section! {
    /// The keys of a profile with `protocol = "rocketmq"`: the addresses in `endpoints` are the cluster's proxies, gRPC,
    /// `http://` without and `https://` with TLS.
    pub struct RocketMqConfig at "profiles.*" for RocketMq with [CREDENTIALS, max_message_bytes("\"4MiB\"")] {
        /// The instance that topics and groups are in, on Aliyun.
        namespace: Option<String>, Kind::Text(INSTANCE), unset("topics and groups are in none");
        /// How long the MQ hides a delivered message from others, unless the receive says otherwise.
        visibility_timeout: Duration, Kind::duration(seconds(10), hours(12)), default("300s");
        /// How far ahead the time of a message may be. The cluster has a limit of its own, a day unless it is configured.
        max_delay: Duration, Kind::duration(seconds(1), hours(960)), default("24h");
        /// Whether what is about a broker goes to the address that the MQ's routes name for it, as a proxy in local mode needs it,
        /// which serves its own broker only. `false` where those addresses cannot be reached from here: everything goes to
        /// `endpoints` then.
        follow_routes: bool, Kind::Flag, default(true);
        /// Most consumer groups that are received for at once: each is a client of its own for the MQ, from its first receive
        /// until two minutes after its last; at every address that the routes of its topics name.
        max_sessions: usize, Kind::integer(1, 10_000), default(256);
        /// Whether a message carries the trace that it was published in, in the protocol's own field for it, and a receive's span
        /// is linked to those of the messages.
        propagate_trace: bool, Kind::Flag, default(false);
    }
}

impl RocketMqConfig {
    /// The server's own bounds; it can be configured otherwise.
    pub(super) const VISIBILITY_TIMEOUTS: VisibilityTimeouts = VisibilityTimeouts { min: seconds(10), max: hours(12) };

    pub(super) const ABILITIES: Abilities = Abilities {
        always: Features::NONE
            .with(Feature::Properties)
            .with(Feature::DelayedDelivery)
            .with(Feature::MessageGroups)
            .with(Feature::BinaryBodies)
            .with(Feature::OrderedGroups)
            .with(Feature::VisibilityTimeout)
            .with(Feature::Nack)
            .with(Feature::Extend),
        optional: OptionalFeatures { features: Features::NONE, setting: "" },
        embedded: Features::NONE,
        max_receive_messages: 32,
        max_wait: seconds(30),
    };
}

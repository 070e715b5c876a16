//! What the section of one protocol is made of, besides its own keys.

use std::time::Duration;

use crate::config::section::{Key, Preset};
use crate::config::values::{Kind, TABLE_NAME};
use crate::model::{Feature, Features, OptionalFeatures};

/// What a protocol can do, the same for every profile. The numbers are the protocols' own: this layer may not ask them, so a
/// test of the upstream compares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    pub(super) always: Features,
    /// Where the profile's `setting` says so.
    pub(super) optional: OptionalFeatures,
    /// What the embedded endpoint of this process has besides, by extensions of ours.
    pub(crate) embedded: Features,
    pub(super) max_receive_messages: u32,
    pub(super) max_wait: Duration,
}

impl Abilities {
    /// Whether some profile can have a feature, wherever its MQ is.
    pub(crate) fn may_have(&self, feature: Feature) -> bool {
        (self.always | self.optional.features).has(feature)
    }
}

/// `credentials` of a protocol that signs.
pub(super) const CREDENTIALS: Key = Key {
    name: "credentials",
    kind: Kind::Text(TABLE_NAME),
    preset: Preset::Required,
    meaning: "Name of a table below `credentials`; `\"embedded\"` is the embedded endpoint's own pair.",
};

/// `max_message_bytes` of a protocol with this default.
pub(super) const fn max_message_bytes(default: &'static str) -> Key {
    Key {
        name: "max_message_bytes",
        kind: Kind::size(1, 64 << 20),
        preset: Preset::Value(default),
        meaning: "Largest body of one message; more is answered 413.",
    }
}

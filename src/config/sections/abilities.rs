//! What a protocol can do.

use std::time::Duration;

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

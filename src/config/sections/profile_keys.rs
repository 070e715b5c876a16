//! Keys that several protocols have in a profile.

use crate::config::section::{Key, Preset};
use crate::config::values::{Kind, TABLE_NAME};

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

//! The drop-in relay: the data listener answers the vendors' own protocols, so that clients of theirs need another
//! address and nothing else.

use std::time::Duration;

use serde::Deserialize;

use super::kind::Kind;
use super::schema::{Key, Preset, Section};
use super::units::millis;

/// `[dropin]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DropInConfig {
    /// The vendors' protocols are answered on the data listener.
    pub enabled: bool,
    /// Whose signatures are asked for.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// How far the time of a signed ONS HTTP request may be behind ours.
    #[serde(deserialize_with = "millis")]
    pub clock_past: Duration,
    /// How far the time of a signed ONS HTTP request may be ahead of ours.
    #[serde(deserialize_with = "millis")]
    pub clock_future: Duration,
    /// How far the date of a signed MQ HTTP request may be off, both ways.
    #[serde(deserialize_with = "millis")]
    pub clock_window: Duration,
    /// How long an ONS HTTP poll that names no timeout is held when there is no message.
    #[serde(deserialize_with = "millis")]
    pub default_wait: Duration,
    /// How long an error answer to an ONS HTTP poll is held, so that a client in a loop does not spin.
    #[serde(deserialize_with = "millis")]
    pub error_hold: Duration,
}

/// What callers of the drop-in relay sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// Nobody has decided: topics on the embedded endpoint's own profile are signed with its pair, others are refused.
    #[default]
    #[serde(skip_deserializing)]
    EmbeddedOnly,
    /// Nobody is asked for keys, as with `/v1`.
    None,
    /// Each caller has a pair of its own, below `[callers]`.
    Keys,
}

impl ClientAuth {
    /// The name in the configuration, where it has one.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::EmbeddedOnly => None,
            Self::None => Some("none"),
            Self::Keys => Some("keys"),
        }
    }
}

const fn key(name: &'static str, kind: Kind, preset: Preset, meaning: &'static str) -> Key {
    Key { name, kind, preset, meaning }
}

const fn duration(min_secs: u64, max_secs: u64) -> Kind {
    Kind::Duration { min: Duration::from_secs(min_secs), max: Duration::from_secs(max_secs) }
}

pub(super) const SECTION: Section = Section {
    path: "dropin",
    meaning: "The drop-in relay: the data listener answers the vendors' own protocols at `/message/` (ONS HTTP) and \
              `/topics/{topic}/messages` (MQ HTTP), so that their clients need another address and nothing else.",
    keys: &[
        key("enabled", Kind::Flag, Preset::Value("true"), "The vendors' protocols are answered."),
        key(
            "client_auth",
            Kind::Choice { allowed: &["none", "keys"], later: &[] },
            Preset::Unset(
                "callers of topics on the embedded endpoint's own profile sign with its pair; other topics are refused until this is set",
            ),
            "`none`: nobody is asked for keys, as with `/v1`, and whatever a caller signs with is not looked at; `keys`: \
             callers sign with a pair of `[callers.NAME]`. Keys are asked of the vendors' clients only. `/v1` on the same \
             port asks nobody: with `keys`, too, whoever reaches the port can publish and receive there. Where that \
             matters, let a proxy pass `/topics/` and `/message/` alone, and the NetworkPolicy nobody but the proxy.",
        ),
        key(
            "clock_past",
            duration(0, 3600),
            Preset::Value("\"15s\""),
            "How far the time of a signed request may be behind ours (ONS HTTP).",
        ),
        key(
            "clock_future",
            duration(0, 3600),
            Preset::Value("\"60s\""),
            "How far the time of a signed request may be ahead of ours (ONS HTTP).",
        ),
        key(
            "clock_window",
            duration(1, 3600),
            Preset::Value("\"15m\""),
            "How far the Date of a signed request may be from our time, both ways (MQ HTTP).",
        ),
        key(
            "default_wait",
            duration(0, 30),
            Preset::Value("\"3s\""),
            "How long a poll that names no timeout is held when there is no message (ONS HTTP).",
        ),
        key(
            "error_hold",
            duration(0, 30),
            Preset::Value("\"1s\""),
            "How long an error answer to a poll is held, so that a client in a loop does not spin (ONS HTTP).",
        ),
    ],
};

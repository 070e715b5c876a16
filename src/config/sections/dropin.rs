//! The drop-in relay: the data listener answers the vendors' own protocols, so that clients of theirs need another
//! address and nothing else.

use std::time::Duration;

use serde_json::Value;

use crate::config::section::section;
use crate::config::values::{Kind, Setting, hours, seconds};

section! {
    /// The drop-in relay: the data listener answers the vendors' own protocols at `/message/` (ONS HTTP) and
    /// `/topics/{topic}/messages` (MQ HTTP), so that their clients need another address and nothing else.
    pub struct DropInConfig at "dropin" {
        /// The vendors' protocols are answered.
        enabled: bool, Kind::Flag, default(true);
        /// `none`: nobody is asked for keys, as with `/v1`, and whatever a caller signs with is not looked at; `keys`:
        /// callers sign with a pair of `[callers.NAME]`. Keys are asked of the vendors' clients only. `/v1` on the same
        /// port asks nobody: with `keys`, too, whoever reaches the port can publish and receive there. Where that
        /// matters, let a proxy pass `/topics/` and `/message/` alone, and the NetworkPolicy nobody but the proxy.
        client_auth: ClientAuth, Kind::choice(&["none", "keys"]),
            unset("callers of topics on the embedded endpoint's own profile sign with its pair; other topics are refused until this is set");
        /// How far the time of a signed request may be behind ours (ONS HTTP).
        clock_past: Duration, Kind::duration(seconds(0), hours(1)), default("15s");
        /// How far the time of a signed request may be ahead of ours (ONS HTTP).
        clock_future: Duration, Kind::duration(seconds(0), hours(1)), default("60s");
        /// How far the Date of a signed request may be from our time, both ways (MQ HTTP).
        clock_window: Duration, Kind::duration(seconds(1), hours(1)), default("15m");
        /// How long a poll that names no timeout is held when there is no message (ONS HTTP).
        default_wait: Duration, Kind::duration(seconds(0), seconds(30)), default("3s");
        /// How long an error answer to a poll is held, so that a client in a loop does not spin (ONS HTTP).
        error_hold: Duration, Kind::duration(seconds(0), seconds(30)), default("1s");
    }
}

/// What callers of the drop-in relay sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nobody has decided: topics on the embedded endpoint's own profile are signed with its pair, others are refused.
    EmbeddedOnly,
    /// Nobody is asked for keys, as with `/v1`.
    None,
    /// Each caller has a pair of its own, below `[callers]`.
    Keys,
}

impl Setting for ClientAuth {
    fn read(value: &Value) -> Option<Self> {
        match value.as_str() {
            None => Some(Self::EmbeddedOnly),
            Some("none") => Some(Self::None),
            Some("keys") => Some(Self::Keys),
            Some(_) => None,
        }
    }
}

//! What the protocol does not carry of a message.

use super::limits::MAX_KEY_CHARS;
use crate::model::{Capabilities, Feature, Flaw, Message};
use crate::protocol::objection::{Objection, lacking};

/// Why the protocol, used as `able` says, does not carry a message.
#[must_use]
pub fn objection(message: &Message, able: &Capabilities) -> Option<Objection> {
    if let Some(objection) = lacking(message, message.body.len(), able) {
        return Some(objection);
    }
    if !able.has(Feature::BinaryBodies) && simdutf8::basic::from_utf8(&message.body).is_err() {
        let detail = format!(
            "{} carries no bytes that are not UTF-8: encode them (base64) or set binary_bodies on the profile where the \
             MQ gives them back unchanged",
            able.protocol
        );
        return Some(Objection::Unsupported { field: "body", flaw: Flaw::BinaryBody, detail });
    }
    // One key parameter; several keys are joined by a blank (protocol notes ONS 3.2).
    let joined: usize = message.keys.iter().map(|key| key.as_str().chars().count() + 1).sum();
    if joined > MAX_KEY_CHARS + 1 {
        let actual = joined - 1;
        let detail = format!(
            "the keys have {actual} characters when joined by blanks, the limit is {MAX_KEY_CHARS}: send fewer or shorter keys"
        );
        let flaw = Flaw::KeysTooLong { limit: MAX_KEY_CHARS, actual };
        return Some(Objection::Invalid { field: "keys", flaw, detail });
    }
    None
}

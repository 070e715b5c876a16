//! Receipt handles: `E1`, then 64 hexadecimal digits, opaque to everybody else.
//!
//! The digits are the subscription (which binds the handle to a topic and a group), the position in the topic's log, and
//! sixteen random bytes that are new for every delivery. The first two find the delivery by its primary key; the random
//! bytes prove that it is this one. Letters and digits only: clients put handles into URLs raw (protocol notes ONS 4).

use std::fmt::Write;

const PREFIX: &str = "E1";
const DIGITS: usize = 64;

/// A handle in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) subscription_id: i64,
    pub(super) position: i64,
    pub(super) nonce: Nonce,
}

/// The part of a handle that is new for every delivery.
pub(super) type Nonce = [u8; 16];

impl Handle {
    /// The token that the consumer gets.
    pub(super) fn encode(&self) -> String {
        let mut text = String::with_capacity(PREFIX.len() + DIGITS);
        // Writing to a string cannot fail.
        write!(text, "{PREFIX}{:016x}{:016x}", self.subscription_id, self.position).ok();
        write!(text, "{:032x}", u128::from_be_bytes(self.nonce)).ok();
        text
    }

    /// The parts of a token; `None` when it is not of this form.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        // `from_str_radix` would take a sign and capital letters.
        if digits.len() != DIGITS || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let number = |part: &str| i64::from_str_radix(part, 16).ok();
        Some(Self {
            subscription_id: number(digits.get(..16)?)?,
            position: number(digits.get(16..32)?)?,
            nonce: u128::from_str_radix(digits.get(32..)?, 16).ok()?.to_be_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_survives_encoding() {
        let handle = Handle { subscription_id: 7, position: i64::MAX, nonce: [0xA5; 16] };
        let text = handle.encode();
        assert_eq!(text, "E100000000000000077fffffffffffffffa5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
        assert!(text.len() < 200 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(Handle::decode(&text), Some(handle));
    }

    #[test]
    fn other_texts_are_no_handles() {
        let good = Handle { subscription_id: 1, position: 1, nonce: [1; 16] }.encode();
        let changed = [
            String::new(),
            "E1".to_owned(),
            format!("{good}0"),
            good.replacen("E1", "E2", 1),
            good.replacen('0', "+", 1),
            good.replacen('0', "A", 1),
            good.replacen("00", "é", 1),
            good.replacen("E10", "E1f", 1),
        ];
        for bad in changed {
            assert_eq!(Handle::decode(&bad), None, "{bad}");
        }
    }
}

//! Receipt handles: what the server puts into them, and the form in which they travel on from here.
//!
//! The server's own is text with blanks: `startOffset retrieveTime invisibleTime reviveQueue topicType broker queue offset
//! [commitLogOffset]`, to which a change of visibility adds a field more. It is judged by its time alone (protocol notes
//! RocketMQ 5, 3.4), so the message's id goes with it.

use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::UnixMillis;

/// Servers read the first nine, and leave what follows alone.
const FIELDS: RangeInclusive<usize> = 8..=16;

/// Which of them is the broker's name.
const BROKER: usize = 5;

/// A text that is none of the server's handles: it would answer with an internal error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a receipt handle of a RocketMQ 5 server, or it is damaged")]
pub struct MalformedHandle;

/// One delivery, as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The message.
    pub message_id: String,
    /// The server's own handle.
    pub text: String,
}

impl Handle {
    /// Takes a server's handle over.
    ///
    /// # Errors
    /// [`MalformedHandle`].
    pub fn new(message_id: &str, text: &str) -> Result<Self, MalformedHandle> {
        let fields: Vec<&str> = text.split(' ').collect();
        let numbers = [0, 1, 2, 3, 4, 6, 7, 8];
        let is_number = |index: &usize| fields.get(*index).is_none_or(|field| field.parse::<i64>().is_ok());
        let is_text = |field: &&str| !field.is_empty() && !field.chars().any(char::is_control);
        if !FIELDS.contains(&fields.len()) || !fields.iter().all(is_text) || !numbers.iter().all(is_number) {
            return Err(MalformedHandle);
        }
        Ok(Self { message_id: message_id.to_owned(), text: text.to_owned() })
    }

    /// Reads what [`Handle::encode`] wrote.
    ///
    /// # Errors
    /// [`MalformedHandle`].
    pub fn decode(text: &str) -> Result<Self, MalformedHandle> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedHandle)?;
        let inside = String::from_utf8(bytes).map_err(|_| MalformedHandle)?;
        let (handle, message_id) = inside.split_once('\n').ok_or(MalformedHandle)?;
        Self::new(message_id, handle)
    }

    /// In letters that go anywhere: base64url of the server's handle, a LF, and the message's id.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{}", self.text, self.message_id))
    }

    /// The broker that delivered it, by name.
    #[must_use]
    pub fn broker(&self) -> &str {
        self.text.split(' ').nth(BROKER).unwrap_or_default()
    }

    /// When it was delivered, by the broker's clock.
    #[must_use]
    pub fn delivered_at(&self) -> UnixMillis {
        UnixMillis(self.number(1))
    }

    /// How long others do not get the message unless it is acknowledged, from the delivery on.
    #[must_use]
    pub fn hidden_for(&self) -> Duration {
        Duration::from_millis(self.number(2))
    }

    /// When others get the message unless it is acknowledged; by the broker's clock.
    #[must_use]
    pub fn visible_again_at(&self) -> UnixMillis {
        self.delivered_at() + self.hidden_for()
    }

    fn number(&self, index: usize) -> u64 {
        self.text.split(' ').nth(index).and_then(|field| field.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: &str = "3 1795938245000 30000 0 0 broker-a 2 17 4711";

    #[test]
    fn a_handle_comes_back_as_it_was() {
        for (message_id, text) in [
            ("01A1B2C3D4E5F60F2B0B2A1C0000000007", HANDLE),
            ("any\ntext", HANDLE),
            ("", "3 1795938245000 30000 0 0 broker-a 2 17"),
            ("x", "-1 1795938245000 30000 0 1 代理 2 17 4711"),
            ("changed", "3 1795938245000 30000 0 0 broker-a 2 17 0 4711"),
        ] {
            let handle = Handle::new(message_id, text).unwrap();
            let encoded = handle.encode();
            assert!(
                encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')),
                "{encoded}"
            );
            assert_eq!(Handle::decode(&encoded), Ok(handle));
        }
    }

    #[test]
    fn a_handle_tells_when_its_time_is_over() {
        let handle = Handle::new("x", HANDLE).unwrap();
        assert_eq!(
            (handle.delivered_at(), handle.hidden_for()),
            (UnixMillis(1_795_938_245_000), Duration::from_secs(30))
        );
        assert_eq!(handle.visible_again_at(), UnixMillis(1_795_938_275_000));
        assert_eq!(handle.broker(), "broker-a");
    }

    #[test]
    fn what_the_server_would_choke_on_is_no_handle() {
        for text in [
            "",
            "x",
            "3 1795938245000 30000 0 0 broker-a 2",
            "3 1795938245000 30000 0 0 broker-a 2 17 4711 1 2 3 4 5 6 7 8",
            "3 now 30000 0 0 broker-a 2 17 4711",
            "3 1795938245000 30000 0 0  2 17 4711",
            "3 1795938245000 30000 0 0 bro\nker 2 17 4711",
            "3 1795938245000 30000 0 0 broker-a x 17 4711",
            "3  1795938245000 30000 0 0 broker-a 2 17 4711",
        ] {
            assert_eq!(Handle::new("x", text), Err(MalformedHandle), "{text:?}");
        }
        for text in ["", "!", "MyAxIDI", "AAAA", HANDLE] {
            assert_eq!(Handle::decode(text), Err(MalformedHandle), "{text:?}");
        }
    }
}

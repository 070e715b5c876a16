//! A message on its way to the MQ.

use std::mem::size_of;
use std::time::Duration;

use bytes::Bytes;

use super::{Key, MessageGroup, Tag, Topic, UnixMillis};

/// The latest time a delayed message may have, counted from now (protocol notes ONS 3.2).
pub const MAX_DELAY: Duration = Duration::from_secs(40 * 24 * 3600);

/// Most keys that a caller may give a message.
pub const MAX_KEYS: usize = 128;
/// Most properties that a caller may give a message.
pub const MAX_PROPERTIES: usize = 128;

/// What a small text takes on the heap, about.
const TEXT_BYTES: usize = 32;

/// What a caller publishes, parsed and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub topic: Topic,
    /// The bytes that consumers get back.
    pub body: Bytes,
    /// The MD5 of the body in lower-case hex, where somebody has computed it: it costs more than all else that is done for a small
    /// message.
    pub body_md5: Option<[u8; 32]>,
    /// What consumers may select by.
    pub tag: Option<Tag>,
    /// What people search for.
    pub keys: Vec<Key>,
    /// Further name-value pairs, in the caller's order.
    pub properties: Vec<(String, String)>,
    /// Messages of one group are kept in order.
    pub message_group: Option<MessageGroup>,
    /// Not before this time; `None` or a past time is at once.
    pub deliver_at: Option<UnixMillis>,
    /// `deliver_at` is a delay counted from now, and not a time that somebody read off a clock: who keeps the message may
    /// count it by a clock that nobody sets.
    pub deliver_at_is_delay: bool,
}

impl Message {
    /// A message with nothing but its topic and body.
    #[must_use]
    pub fn new(topic: Topic, body: Bytes) -> Self {
        Self {
            topic,
            body,
            body_md5: None,
            tag: None,
            keys: Vec::new(),
            properties: Vec::new(),
            message_group: None,
            deliver_at: None,
            deliver_at_is_delay: false,
        }
    }

    /// What it takes in memory besides its body, where its texts are small, about. That may be many times what it was written in.
    #[must_use]
    pub fn overhead(&self) -> usize {
        let keys = self.keys.len() * (size_of::<Key>() + TEXT_BYTES);
        let properties = self.properties.len() * (size_of::<(String, String)>() + 2 * TEXT_BYTES);
        size_of::<Self>() + keys + properties
    }
}

//! What a dead letter tells.

use crate::model::{ConsumerGroup, MessageId, Topic, UnixMillis};

/// Most bytes of the last answer that are kept.
pub const MAX_ANSWER_BYTES: usize = 1024;

/// What a dead letter tells besides the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The subscription that gave up.
    pub subscription: String,
    /// The topic that the message was received from.
    pub topic: Topic,
    /// The consumer group that it was received for.
    pub group: ConsumerGroup,
    /// The message's own id.
    pub message_id: MessageId,
    /// What its attempts were sent as (`webhook-id`).
    pub webhook_id: String,
    /// Why it was given up: one word of a bounded set.
    pub reason: String,
    /// The last answer's status, where there was one.
    pub status: Option<u16>,
    /// How often it was tried.
    pub attempts: u32,
    /// The first attempt.
    pub first_attempt_at: UnixMillis,
    /// The last attempt.
    pub last_attempt_at: UnixMillis,
    /// When the message was published.
    pub published_at: UnixMillis,
    /// The beginning of the last answer's body, from [`answer_excerpt`]: somebody else's text, for people only.
    pub answer: String,
    /// Where it was sent, without what may be secret: query, fragment and user.
    pub url: String,
}

/// The first KiB of an answer's body as text: what is no UTF-8 is replaced, and control characters are left out.
#[must_use]
pub fn answer_excerpt(body: &[u8]) -> String {
    let head = body.get(..MAX_ANSWER_BYTES).unwrap_or(body);
    let mut text: String =
        String::from_utf8_lossy(head).chars().map(|it| if it.is_whitespace() { ' ' } else { it }).collect();
    text.retain(|character| !character.is_control() && is_plain(character));
    // A replacement takes more room than what it stands for.
    let mut end = text.len().min(MAX_ANSWER_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.trim().to_owned()
}

/// Not one that turns the text of a line around or is seen by nobody, and one that XML carries.
fn is_plain(character: char) -> bool {
    !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

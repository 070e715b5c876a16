//! What the ONS HTTP protocol signs (protocol notes ONS, sections 1 and 3.3).
//!
//! Parts joined by one LF, none at the end; every part decoded, never percent-encoded:
//! publish `topic, producer group, md5hex(body), time`; consume `topic, consumer group, time`;
//! acknowledge `topic, consumer group, handle, time`. `time` is milliseconds as digits, exactly as sent. What the protocol
//! does not have, and the embedded endpoint does: change of visibility `topic, consumer group, handle, milliseconds, time`.

use super::hmac_sha1::StringToSign;

/// The text signed for a publish. The body enters as its MD5 in lower-case hex, over every byte.
#[must_use]
pub fn publish(topic: &str, producer_group: &str, body_md5: &[u8; 32], time: &str) -> StringToSign {
    join(&[topic, producer_group, std::str::from_utf8(body_md5).unwrap_or_default(), time])
}

/// The text signed for a consume.
#[must_use]
pub fn consume(topic: &str, consumer_group: &str, time: &str) -> StringToSign {
    join(&[topic, consumer_group, time])
}

/// The text signed for an acknowledgement.
#[must_use]
pub fn acknowledge(topic: &str, consumer_group: &str, handle: &str, time: &str) -> StringToSign {
    join(&[topic, consumer_group, handle, time])
}

/// The text signed for a change of visibility, which only the embedded endpoint has.
#[must_use]
pub fn change_visibility(topic: &str, consumer_group: &str, handle: &str, millis: &str, time: &str) -> StringToSign {
    join(&[topic, consumer_group, handle, millis, time])
}

fn join(parts: &[&str]) -> StringToSign {
    let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(part);
    }
    StringToSign(text)
}

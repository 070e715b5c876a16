//! What RocketMQ 5 signs: the time of the call, as its metadata has it, and nothing else (protocol notes RocketMQ 5, section 3).

use super::hmac_sha1::StringToSign;

/// The text that is signed: the value of `x-mq-date-time`.
#[must_use]
pub fn string_to_sign(date_time: &str) -> StringToSign {
    StringToSign(date_time.to_owned())
}

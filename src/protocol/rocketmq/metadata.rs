//! What goes with every call besides its message.

use jiff::Timestamp;

use crate::model::UnixMillis;
use crate::protocol::signed_by::SignedBy;
use crate::signature::{Pair, StringToSign, rocketmq};

/// A version that the server takes for one with today's status codes (protocol notes RocketMQ 5, section 3).
const CLIENT_VERSION: &str = "5.0.8";

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// Unique for each logical client: the server keeps settings by it.
    pub id: &'a str,
    /// The instance that topics and groups are in; empty for none.
    pub namespace: &'a str,
}

/// The names and values of a call's metadata. It has no `Debug`: a signature in a log can be replayed.
#[expect(missing_debug_implementations, reason = "a signature in a log can be replayed")]
pub struct Metadata(pub Vec<(&'static str, String)>);

/// The text that a call at this time is signed by: the value of its `x-mq-date-time`.
#[must_use]
pub fn string_to_sign(now: UnixMillis) -> StringToSign {
    rocketmq::string_to_sign(&date_time(now))
}

/// The metadata of one call, signed now where there are keys.
#[must_use]
pub fn metadata(client: Client<'_>, pair: Option<&Pair>, now: UnixMillis) -> Metadata {
    let Some(pair) = pair else { return encode_metadata(client, None, now) };
    let signature = pair.signing.sign_in_hex(&string_to_sign(now));
    encode_metadata(client, Some(&SignedBy::new(pair, signature.as_str())), now)
}

/// The metadata of one call whose signature is there already.
#[must_use]
pub fn encode_metadata(client: Client<'_>, by: Option<&SignedBy<'_>>, now: UnixMillis) -> Metadata {
    let mut pairs = vec![
        ("x-mq-client-id", client.id.to_owned()),
        ("x-mq-language", "RUST".to_owned()),
        ("x-mq-client-version", CLIENT_VERSION.to_owned()),
        ("x-mq-protocol", "v2".to_owned()),
        ("x-mq-date-time", date_time(now)),
    ];
    if !client.namespace.is_empty() {
        pairs.push(("x-mq-namespace", client.namespace.to_owned()));
    }
    if let Some(SignedBy { access_key, signature, security_token }) = by {
        let authorization =
            format!("MQv2-HMAC-SHA1 Credential={access_key}, SignedHeaders=x-mq-date-time, Signature={signature}");
        pairs.push(("authorization", authorization));
        if let Some(token) = security_token {
            pairs.push(("x-mq-session-token", (*token).to_owned()));
        }
    }
    Metadata(pairs)
}

/// `20261129T084400Z`.
fn date_time(now: UnixMillis) -> String {
    let millis = i64::try_from(now.0).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX).strftime("%Y%m%dT%H%M%SZ").to_string()
}

//! The other side: whether a request was signed with one of these secrets. As strict as the strictest official library, so that what
//! passes here passes everywhere.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::WebhookSecret;

/// How far the time of a request may be from ours, both ways.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// A request that says that it was signed: the values of its headers, where it has them, and its body.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`.
    pub signature: Option<&'a str>,
    /// The bytes that came.
    pub body: &'a [u8],
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A header is not there, or empty.
    #[error("has no {0}")]
    Missing(&'static str),
    /// The time is no whole number of seconds.
    #[error("has a webhook-timestamp that is not a number of seconds")]
    Timestamp,
    /// It was signed too long ago.
    #[error("was signed more than five minutes ago")]
    TooOld,
    /// It was signed in the future.
    #[error("was signed more than five minutes ahead")]
    TooNew,
    /// The list of signatures has something in it that is none.
    #[error("has a webhook-signature that is not a list of signatures, separated by one blank")]
    Malformed,
    /// It was signed with another secret, or is not what was signed.
    #[error("has no signature of this secret over these bytes")]
    NoMatch,
}

/// Whether a request was signed with one of `secrets`; `now` is in seconds since 1970.
///
/// # Errors
/// Why not.
pub fn verify<'a>(
    secrets: impl IntoIterator<Item = &'a WebhookSecret>,
    signed: &Signed<'_>,
    now: u64,
) -> Result<(), Refused> {
    let id = header(signed.id, "webhook-id")?;
    let timestamp = header(signed.timestamp, "webhook-timestamp")?;
    let signature = header(signed.signature, "webhook-signature")?;
    // The libraries sign the number again, and not its digits.
    let timestamp: i64 = timestamp.parse().map_err(|_| Refused::Timestamp)?;
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let tolerance = TOLERANCE.as_secs().cast_signed();
    if timestamp < now.saturating_sub(tolerance) {
        return Err(Refused::TooOld);
    }
    if timestamp > now.saturating_add(tolerance) {
        return Err(Refused::TooNew);
    }
    let head = format!("{id}.{timestamp}.");
    let tags: Vec<_> = secrets.into_iter().map(|secret| secret.tag(head.as_bytes(), signed.body)).collect();
    let mut is_good = false;
    for entry in signature.strip_suffix(' ').unwrap_or(signature).split(' ') {
        let (version, encoded) = entry.split_once(',').ok_or(Refused::Malformed)?;
        if encoded.contains(',') {
            return Err(Refused::Malformed);
        }
        let bytes = STANDARD.decode(encoded).unwrap_or_default();
        for tag in tags.iter().filter(|_| version == "v1") {
            is_good |= bool::from(tag.ct_eq(&bytes));
        }
    }
    if is_good { Ok(()) } else { Err(Refused::NoMatch) }
}

fn header<'a>(value: Option<&'a str>, name: &'static str) -> Result<&'a str, Refused> {
    value.filter(|value| !value.is_empty()).ok_or(Refused::Missing(name))
}

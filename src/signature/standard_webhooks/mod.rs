//! Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, HMAC-SHA256 over `id.timestamp.body`.
//!
//! Only forms are written that the official libraries of all languages accept: one header, entries separated by one blank, a
//! time in decimal digits, an id of visible ASCII characters without a dot.

mod id;
mod secret;
#[cfg(test)]
mod tests;
mod verify;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use id::webhook_id;
pub use secret::{WebhookSecret, WebhookSecretError};
pub use verify::{Refused, Signed, TOLERANCE, verify};

/// The value of `webhook-signature`. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSignature(String);

impl WebhookSignature {
    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSignature([redacted])")
    }
}

/// Signs one attempt with each secret, in their order: the newest first. `timestamp` is the attempt's own, in seconds since 1970.
/// None without a secret.
#[must_use]
pub fn sign<'a>(
    secrets: impl IntoIterator<Item = &'a WebhookSecret>,
    id: &str,
    timestamp: u64,
    body: &[u8],
) -> Option<WebhookSignature> {
    let head = format!("{id}.{timestamp}.");
    let entries =
        secrets.into_iter().map(|secret| format!("v1,{}", STANDARD.encode(secret.tag(head.as_bytes(), body))));
    let value = entries.collect::<Vec<_>>().join(" ");
    (!value.is_empty()).then_some(WebhookSignature(value))
}

//! A secret to sign with: read in the one form that every library reads alike.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";
/// What asymmetric keys begin with, which no official library uses.
const ASYMMETRIC: [&str; 2] = ["whsk_", "whpk_"];
const MIN_BYTES: usize = 24;
const MAX_BYTES: usize = 64;
/// Fewest and most bytes of a secret that is taken as it is.
const MIN_RAW_BYTES: usize = 16;
const MAX_RAW_BYTES: usize = 1024;

/// A secret, absorbed once: the secret itself is not kept, only the HMAC state that was made from it, which is zeroed with it.
#[derive(Clone)]
pub struct WebhookSecret(Hmac<Sha256>);

/// Why a text is no secret. Says what is expected, and nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookSecretError {
    /// There is nothing.
    #[error("is empty")]
    Empty,
    /// It does not begin with `whsec_`.
    #[error("does not begin with whsec_: it has to be whsec_ and the base64 of 24 to 64 random bytes")]
    Prefix,
    /// It is a key of the asymmetric scheme.
    #[error(
        "is a key of the asymmetric scheme, which is not supported: it has to be whsec_ and the base64 of 24 to 64 random bytes"
    )]
    Asymmetric,
    /// After `whsec_` comes something else.
    #[error(
        "has after whsec_ something else than base64 (A-Z a-z 0-9 + / and = at its end, padded to a multiple of four characters)"
    )]
    Base64,
    /// The bytes are too few or too many.
    #[error("has {actual} bytes after whsec_, and 24 to 64 are expected")]
    Length {
        /// How many there are.
        actual: usize,
    },
    /// As they are, the bytes are too few or too many.
    #[error("has {actual} bytes, and 16 to 1024 are expected")]
    RawLength {
        /// How many there are.
        actual: usize,
    },
}

impl WebhookSecret {
    /// Reads `whsec_` and padded base64 of 24 to 64 bytes. One line end after it is no part of it.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(text: &[u8]) -> Result<Self, WebhookSecretError> {
        let text = without_line_end(text);
        if text.is_empty() {
            return Err(WebhookSecretError::Empty);
        }
        if ASYMMETRIC.iter().any(|prefix| text.starts_with(prefix.as_bytes())) {
            return Err(WebhookSecretError::Asymmetric);
        }
        let encoded = text.strip_prefix(PREFIX.as_bytes()).ok_or(WebhookSecretError::Prefix)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| WebhookSecretError::Base64)?);
        match bytes.len() {
            MIN_BYTES..=MAX_BYTES => Ok(Self::of_bytes(&bytes)),
            actual => Err(WebhookSecretError::Length { actual }),
        }
    }

    /// Takes 16 to 1,024 bytes as they are. One line end after them is no part of them.
    ///
    /// # Errors
    /// They are too few or too many.
    pub fn raw(bytes: &[u8]) -> Result<Self, WebhookSecretError> {
        match without_line_end(bytes) {
            [] => Err(WebhookSecretError::Empty),
            bytes if (MIN_RAW_BYTES..=MAX_RAW_BYTES).contains(&bytes.len()) => Ok(Self::of_bytes(bytes)),
            bytes => Err(WebhookSecretError::RawLength { actual: bytes.len() }),
        }
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        // HMAC takes keys of every length; the error exists for other MACs.
        match Hmac::new_from_slice(bytes) {
            Ok(mac) => Self(mac),
            Err(_) => unreachable!("HMAC takes a key of any length"),
        }
    }

    /// Whether two secrets sign alike; the secrets themselves are not there to be compared.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.tag(b"", b"").ct_eq(&other.tag(b"", b"")).into()
    }

    /// HMAC-SHA256 over a head and what follows it.
    pub(super) fn tag(&self, head: &[u8], body: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(head);
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

/// A CR alone is none: bytes that are taken as they are may end so.
fn without_line_end(text: &[u8]) -> &[u8] {
    match text.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => text,
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret([redacted])")
    }
}

//! HMAC-SHA1(secret, text), the arithmetic of every protocol: in base64 for those over HTTP, in hex for RocketMQ 5.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

use super::digest::hex;

/// A secret key, absorbed once: signing clones the state instead of hashing the key again.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha1>);

impl SigningKey {
    /// Prepares `secret`, used as UTF-8 and never decoded.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        // HMAC takes keys of every length; the error exists for other MACs.
        match Hmac::new_from_slice(secret.as_bytes()) {
            Ok(mac) => Self(mac),
            Err(_) => unreachable!("HMAC takes a key of any length"),
        }
    }

    /// Whether two keys sign alike; the secrets themselves are not there to be compared.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let text = StringToSign(String::new());
        self.sign(&text).matches(other.sign(&text).as_bytes())
    }

    /// Signs `text`.
    #[must_use]
    pub fn sign(&self, text: &StringToSign) -> Signature {
        let mut encoded = [0; 28];
        // 20 bytes are 28 characters of padded base64: the slice always fits.
        let written = STANDARD.encode_slice(self.tag(text), &mut encoded).unwrap_or(0);
        debug_assert_eq!(written, encoded.len());
        Signature(encoded)
    }

    /// Signs `text` for RocketMQ 5, which wants hex.
    #[must_use]
    pub fn sign_in_hex(&self, text: &StringToSign) -> HexSignature {
        HexSignature(hex(&self.tag(text)))
    }

    fn tag(&self, text: &StringToSign) -> [u8; 20] {
        let mut mac = self.0.clone();
        mac.update(text.0.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

/// The text that is signed: compare it before the signature, and a failure says where it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringToSign(pub(super) String);

impl StringToSign {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 28 characters of base64. `Debug` hides it: a signature in a log can be replayed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 28]);

impl Signature {
    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The header's value as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a received header value is this signature, in constant time.
    #[must_use]
    pub fn matches(&self, received: &[u8]) -> bool {
        self.0.ct_eq(received).into()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature([redacted])")
    }
}

/// 40 characters of lower-case hex. `Debug` hides it, as that of [`Signature`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HexSignature([u8; 40]);

impl HexSignature {
    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for HexSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HexSignature([redacted])")
    }
}

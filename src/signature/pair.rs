//! A pair of keys that is ready to sign.

use std::fmt;

use super::credentials::{Credentials, Secret};
use super::hmac_sha1::SigningKey;

/// One pair, ready to sign with. The secret itself is not kept: only the HMAC state that was made from it.
#[derive(Clone)]
pub struct Pair {
    /// The access key id.
    pub access_key: String,
    /// The secret, absorbed.
    pub signing: SigningKey,
    /// The token of temporary credentials.
    pub security_token: Option<Secret>,
}

impl Pair {
    /// Prepares credentials for signing.
    #[must_use]
    pub fn new(credentials: &Credentials) -> Self {
        Self {
            access_key: credentials.access_key.clone(),
            signing: SigningKey::new(credentials.secret_key.expose()),
            security_token: credentials.security_token.clone(),
        }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair([redacted])")
    }
}

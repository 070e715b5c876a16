//! Who signs a request, as the request shows it.

use crate::signature::{Pair, Secret};

/// What the head of a request says of its sender. It has no `Debug`: a signature in a log can be replayed.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a signature in a log can be replayed")]
pub struct SignedBy<'a> {
    /// The access key id.
    pub access_key: &'a str,
    /// The signature.
    pub signature: &'a str,
    /// The token of temporary credentials, where the protocol has them.
    pub security_token: Option<&'a str>,
}

impl<'a> SignedBy<'a> {
    /// `pair` with its signature of this request.
    #[must_use]
    pub fn new(pair: &'a Pair, signature: &'a str) -> Self {
        Self {
            access_key: &pair.access_key,
            signature,
            security_token: pair.security_token.as_ref().map(Secret::expose),
        }
    }
}

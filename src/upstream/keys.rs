//! The credentials that sign now.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::signature::{Credentials, SigningKey};

/// One pair, ready to sign with.
pub struct Pair {
    /// The access key id.
    pub access_key: String,
    /// The secret, absorbed.
    pub signing: SigningKey,
}

/// The newest pair, shared by every thread: a rotation swaps it while requests run.
#[derive(Clone)]
pub struct Keys(Arc<ArcSwap<Pair>>);

impl Keys {
    /// Starts with `credentials`.
    #[must_use]
    pub fn new(credentials: &Credentials) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Pair::new(credentials))))
    }

    /// The pair to sign the next attempt with.
    #[must_use]
    pub fn current(&self) -> Guard<Arc<Pair>> {
        self.0.load()
    }
}

impl Pair {
    fn new(credentials: &Credentials) -> Self {
        Self { access_key: credentials.access_key.clone(), signing: SigningKey::new(credentials.secret_key.expose()) }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair([redacted])")
    }
}

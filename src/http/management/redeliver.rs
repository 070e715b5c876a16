//! Delivering a dead letter again by the subscription that gave it up: the way to whoever has the subscriptions.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::Delivery;

/// The target did not take it, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRedelivered {
    /// Why, for people.
    pub detail: String,
    /// Whether the target may have it.
    pub may_have_it: bool,
}

/// The target's status, or why there is none that will do.
pub type Redelivered = Result<u16, NotRedelivered>;

/// Delivers a message once by a subscription: its name, the message as it was, and whether it goes out under an id of its own. Clones
/// are the same.
#[derive(Clone)]
pub struct Redeliver(Arc<dyn Fn(String, Delivery, bool) -> BoxFuture<'static, Redelivered> + Send + Sync>);

impl Redeliver {
    /// By `deliver`, on any thread.
    #[must_use]
    pub fn new(
        deliver: impl Fn(String, Delivery, bool) -> BoxFuture<'static, Redelivered> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(deliver))
    }

    /// Delivers once.
    pub(super) async fn deliver(&self, subscription: &str, original: Delivery, new_id: bool) -> Redelivered {
        (self.0)(subscription.to_owned(), original, new_id).await
    }
}

impl fmt::Debug for Redeliver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redeliver").finish_non_exhaustive()
    }
}

//! Giving back what was received for a caller who did not take it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::model::{Delivery, UpstreamHandle};

/// The way back to the MQ that this process is: no protocol over HTTP has one.
#[derive(Clone)]
pub struct GiveBack {
    send: Arc<dyn Fn(Vec<UpstreamHandle>) + Send + Sync>,
    release: Arc<dyn Fn(Vec<UpstreamHandle>) -> Releasing + Send + Sync>,
}

/// How many deliveries were still out, and are no more.
type Releasing = Pin<Box<dyn Future<Output = usize> + Send>>;

impl GiveBack {
    /// Both ways skip handles that are none of its own. `send` returns at once; `release` waits until it is done, and says how many
    /// deliveries were still out.
    #[must_use]
    pub fn new<R: Future<Output = usize> + Send + 'static>(
        send: impl Fn(Vec<UpstreamHandle>) + Send + Sync + 'static,
        release: impl Fn(Vec<UpstreamHandle>) -> R + Send + Sync + 'static,
    ) -> Self {
        Self { send: Arc::new(send), release: Arc::new(move |handles| Box::pin(release(handles))) }
    }

    /// Others get these at once.
    pub(super) fn send(&self, handles: Vec<UpstreamHandle>) {
        (self.send)(handles);
    }

    /// The same, and how many of them were still out.
    pub(super) async fn release(&self, handles: Vec<UpstreamHandle>) -> usize {
        (self.release)(handles).await
    }

    /// For tests that look at what was sent.
    #[cfg(test)]
    pub(super) fn for_tests(send: impl Fn(Vec<UpstreamHandle>) + Send + Sync + 'static) -> Self {
        Self::new(send, |_| std::future::ready(0))
    }
}

impl fmt::Debug for GiveBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GiveBack").finish_non_exhaustive()
    }
}

/// Takes back what a receive has brought.
#[derive(Debug)]
pub struct Recall {
    give_back: GiveBack,
    handles: Vec<UpstreamHandle>,
}

impl Recall {
    /// None of nothing.
    pub(super) fn of(give_back: &GiveBack, deliveries: &[Delivery]) -> Option<Self> {
        let handles: Vec<_> = deliveries.iter().map(|delivery| delivery.handle.clone()).collect();
        (!handles.is_empty()).then(|| Self { give_back: give_back.clone(), handles })
    }

    /// Others get the messages at once.
    pub fn give_back(self) {
        self.give_back.send(self.handles);
    }
}

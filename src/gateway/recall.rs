//! Giving back what was received for a caller who did not take it.

use std::fmt;
use std::sync::Arc;

use crate::model::{Delivery, UpstreamHandle};

/// The way back to the MQ that this process is: no protocol over HTTP has one.
#[derive(Clone)]
pub struct GiveBack(Arc<dyn Fn(Vec<UpstreamHandle>) + Send + Sync>);

impl GiveBack {
    /// `give_back` returns at once, and skips handles that are none of its own.
    #[must_use]
    pub fn new(give_back: impl Fn(Vec<UpstreamHandle>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(give_back))
    }

    /// Others get these at once.
    pub(super) fn of(&self, handles: Vec<UpstreamHandle>) {
        (self.0)(handles);
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
        (self.give_back.0)(self.handles);
    }
}

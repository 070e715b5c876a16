//! What belongs to one caller's request on its whole way: made at the edge, passed down through the use cases into the
//! upstream, so that every log line about the request names it, whoever writes it.

use std::sync::Arc;

use tokio::time::Instant;

use crate::spans::{Scope, Span, SpanKind};
use crate::trace_context::TraceContext;

/// The context of a piece of work. Clones are cheap.
#[derive(Debug, Clone)]
pub struct RequestContext {
    id: Option<Arc<str>>,
    /// What the caller says; where traces are on, `scope` says it.
    trace: Option<TraceContext>,
    scope: Option<Arc<Scope>>,
    deadline: Instant,
}

impl RequestContext {
    /// The context of one caller's request; `id` is what the answer's `x-request-id` says, `trace` what the caller's
    /// `traceparent` says, and nothing new is begun for the request after `deadline`.
    #[must_use]
    pub fn new(id: Arc<str>, trace: Option<TraceContext>, deadline: Instant) -> Self {
        Self { id: Some(id), trace, scope: None, deadline }
    }

    /// The context of work that many requests share: log lines about it name none of them.
    #[must_use]
    pub fn shared(deadline: Instant) -> Self {
        Self { id: None, trace: None, scope: None, deadline }
    }

    /// The request's id; `None` for shared work, which `tracing` leaves out of the line.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The same work as a part of `scope`.
    #[must_use]
    pub fn under(&self, scope: Arc<Scope>) -> Self {
        Self { trace: Some(scope.context()), scope: Some(scope), ..self.clone() }
    }

    /// The trace that the request belongs to, and where in it this is: what goes on to others.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// Where spans begin, where traces are on.
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_deref()
    }

    /// Begins a span; `None` where the trace is not recorded.
    #[must_use]
    pub fn begin_span(&self, kind: SpanKind, name: impl FnOnce() -> String) -> Option<Span> {
        self.scope.as_ref()?.begin(kind, name)
    }

    /// Nothing new is begun after this time.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The same request with `deadline`, where that is earlier than its own.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { deadline: self.deadline.min(deadline), ..self.clone() }
    }

    /// The same request with `deadline` in place of its own: for a wait that its own deadline leaves out.
    #[must_use]
    pub fn lasting_until(&self, deadline: Instant) -> Self {
        Self { deadline, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_deadline_is_lowered_and_never_raised() {
        let now = Instant::now();
        let context = RequestContext::new("r1".into(), None, now + Duration::from_secs(5));
        assert_eq!(context.until(now).deadline(), now);
        assert_eq!(context.until(now + Duration::from_secs(9)).deadline(), context.deadline());
        assert_eq!(context.until(now).id(), Some("r1"));
        let waiting = context.lasting_until(now + Duration::from_secs(9));
        assert_eq!((waiting.id(), waiting.deadline()), (Some("r1"), now + Duration::from_secs(9)));
        assert_eq!(RequestContext::shared(now).id(), None);
    }
}

//! Begins traces, and goes on with those of callers.

use std::sync::Arc;
use std::time::Instant;

use super::ids::Ids;
use super::queue::Queue;
use super::record::SpanKind;
use super::recorder::{Moment, Recorder};
use super::sampling::Sampling;
use super::span::{Scope, Span};
use crate::clock::Clock;
use crate::random::{Random, RandomError};
use crate::trace_context::{TraceContext, TraceState};

/// Begins traces, and goes on with those of callers. Clones are the same.
#[derive(Debug, Clone)]
pub struct Tracer {
    sampling: Sampling,
    clock: Clock,
    recorder: Recorder,
}

impl Tracer {
    /// Spans go to `queue`.
    ///
    /// # Errors
    /// [`RandomError`], without which ids would be those of another process.
    pub fn new(sampling: Sampling, clock: Clock, random: &Random, queue: Arc<Queue>) -> Result<Self, RandomError> {
        let ids = Arc::new(Ids::new(random)?);
        Ok(Self { sampling, clock, recorder: Recorder { queue, ids } })
    }

    /// Begins what one request is here, in the trace that its caller says, or in a new one. The span is there where the trace
    /// is recorded; the scope always.
    #[must_use]
    pub fn serve(
        &self,
        caller: Option<TraceContext>,
        state: Option<TraceState>,
        began: Instant,
        name: impl FnOnce() -> String,
    ) -> (Arc<Scope>, Option<Span>) {
        self.begin(SpanKind::Server, caller, state, (began, name))
    }

    /// Begins a trace with something that nobody asked for; as [`Tracer::serve`] otherwise.
    #[must_use]
    pub fn originate(&self, kind: SpanKind, name: impl FnOnce() -> String) -> (Arc<Scope>, Option<Span>) {
        self.begin(kind, None, None, (Instant::now(), name))
    }

    fn begin(
        &self,
        kind: SpanKind,
        caller: Option<TraceContext>,
        state: Option<TraceState>,
        (began, name): (Instant, impl FnOnce() -> String),
    ) -> (Arc<Scope>, Option<Span>) {
        let ids = &self.recorder.ids;
        let trace_id = caller.map_or_else(|| ids.trace_id(), |caller| caller.trace_id);
        let is_sampled = self.sampling.records(trace_id, caller.as_ref());
        let context = TraceContext { trace_id, span_id: ids.span_id(), is_sampled };
        let (now, unix_nanos) = (Instant::now(), self.clock.unix_nanos());
        let earlier = u64::try_from(now.saturating_duration_since(began).as_nanos()).unwrap_or(0);
        let moment = Moment { instant: began, unix_nanos: unix_nanos.saturating_sub(earlier) };
        // Without its parent nobody could say what a state is of.
        let state = state.filter(|_| caller.is_some());
        let scope = Arc::new(Scope::new(context, state, moment, self.recorder.clone()));
        let name = if is_sampled { name() } else { String::new() };
        let span = scope.own_span(kind, name, caller.map(|caller| caller.span_id));
        (scope, span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;
    use crate::spans::{QueueLimits, Root, SpanRecord, Status, Value};

    fn tracer(root: Root) -> (Tracer, Arc<Queue>) {
        let queue = Arc::new(Queue::new(QueueLimits { spans: 10, bytes: 1 << 20, batch: 10 }, || {}));
        let sampling = Sampling { root, follows_parent: true };
        let clock = Clock::manual(UnixMillis(5000));
        (Tracer::new(sampling, clock, &Random::seeded(1), Arc::clone(&queue)).unwrap(), queue)
    }

    #[test]
    fn a_trace_from_the_request_to_what_is_done_for_it() {
        let (tracer, queue) = tracer(Root::Never);
        let caller = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        let state = TraceState::parse(std::iter::once("a=1"));
        let (scope, span) = tracer.serve(Some(caller), state.clone(), Instant::now(), || "POST /".to_owned());
        let mut span = span.unwrap();
        let mut inner = scope.begin(SpanKind::Client, || "publish T".to_owned()).unwrap();
        let innermost = inner.scope(&scope).begin(SpanKind::Client, || "QueryRoute".to_owned()).unwrap();
        drop(innermost);
        inner.fail("upstream-timeout");
        inner.end();
        span.set("http.response.status_code", 504_u16);
        span.end();
        let batch = queue.take();
        let [innermost, inner, server]: [SpanRecord; 3] =
            batch.into_iter().map(|span| *span).collect::<Vec<_>>().try_into().unwrap();
        assert!(batch_is_one_trace(&[&innermost, &inner, &server], caller));
        assert_eq!((server.parent, server.has_remote_parent), (Some(caller.span_id), true));
        assert_eq!((inner.parent, inner.has_remote_parent), (Some(server.span_id), false));
        assert_eq!(innermost.parent, Some(inner.span_id));
        assert_eq!((server.span_id, &server.state), (scope.context().span_id, &state));
        assert_eq!(server.attributes, [("http.response.status_code", Value::Number(504))]);
        assert_eq!(
            (inner.status, &inner.attributes[..]),
            (Status::Error, &[("error.type", "upstream-timeout".into())][..])
        );
        assert_eq!(innermost.attributes, [("error.type", "cancelled".into())]);
        assert!((4_900_000_000..=5_000_000_000).contains(&server.start), "{}", server.start);
        assert!(server.start <= inner.start && inner.start <= inner.end && inner.end <= server.end);
    }

    fn batch_is_one_trace(spans: &[&SpanRecord], caller: TraceContext) -> bool {
        spans.iter().all(|span| span.trace_id == caller.trace_id)
    }

    #[test]
    fn what_is_not_recorded_has_ids_all_the_same() {
        let (tracer, queue) = tracer(Root::Never);
        let (scope, span) = tracer.serve(None, None, Instant::now(), || panic!("nobody needs its name"));
        assert!(span.is_none() && !scope.context().is_sampled);
        assert!(scope.begin(SpanKind::Client, || panic!("nobody needs its name")).is_none());
        let (other, _) = tracer.serve(None, None, Instant::now(), String::new);
        assert_ne!(scope.context().trace_id, other.context().trace_id);
        assert_ne!(scope.context().span_id, other.context().span_id);
        assert!(queue.take().is_empty());
    }
}

//! Spans that are under way, and the scopes in which others begin under them.

use std::sync::Arc;
use std::time::Instant;

use super::record::{Link, SpanKind, SpanRecord, Status, Value};
use super::recorder::{Moment, Recorder};
use crate::trace_context::{SpanId, TraceContext, TraceState};

/// OpenTelemetry's name for why something failed.
const ERROR_TYPE: &str = "error.type";
/// As many as most spans have.
const ATTRIBUTES: usize = 14;
/// Why a span failed that was dropped before its end: whoever waited for it has left.
const CANCELLED: &str = "cancelled";

/// A span of ours as those see it who begin others under it. It may be one that is not recorded: then nothing under it is.
#[derive(Debug)]
pub struct Scope {
    context: TraceContext,
    state: Option<TraceState>,
    began: Moment,
    recorder: Recorder,
}

/// A span that is under way. Dropped before [`Span::end`] it ends as one that was broken off.
#[derive(Debug)]
pub struct Span {
    /// Taken at the end.
    record: Option<Box<SpanRecord>>,
    began: Moment,
    recorder: Recorder,
}

impl Scope {
    pub(super) fn new(context: TraceContext, state: Option<TraceState>, began: Moment, recorder: Recorder) -> Self {
        Self { context, state, began, recorder }
    }

    /// Where this is: what goes on to others.
    #[must_use]
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// What tracing systems say of the trace.
    #[must_use]
    pub fn state(&self) -> Option<&TraceState> {
        self.state.as_ref()
    }

    /// Begins a span under this one; `None`, and no name is made, where the trace is not recorded.
    #[must_use]
    pub fn begin(&self, kind: SpanKind, name: impl FnOnce() -> String) -> Option<Span> {
        if !self.context.is_sampled {
            return None;
        }
        let began = Instant::now();
        let moment = Moment { instant: began, unix_nanos: self.began.unix_nanos_at(began) };
        let record = SpanRecord {
            parent: Some(self.context.span_id),
            name: name(),
            ..self.record(self.recorder.ids.span_id(), kind, moment)
        };
        Some(Span::new(record, moment, self.recorder.clone()))
    }

    /// The span of this scope itself, with `parent` above it.
    pub(super) fn own_span(&self, kind: SpanKind, name: String, parent: Option<SpanId>) -> Option<Span> {
        if !self.context.is_sampled {
            return None;
        }
        let own = self.record(self.context.span_id, kind, self.began);
        let record = SpanRecord { parent, has_remote_parent: parent.is_some(), name, ..own };
        Some(Span::new(record, self.began, self.recorder.clone()))
    }

    fn record(&self, span_id: SpanId, kind: SpanKind, began: Moment) -> SpanRecord {
        SpanRecord {
            trace_id: self.context.trace_id,
            span_id,
            parent: None,
            has_remote_parent: false,
            state: self.state.clone(),
            name: String::new(),
            kind,
            start: began.unix_nanos,
            end: began.unix_nanos,
            attributes: Vec::with_capacity(ATTRIBUTES),
            links: Vec::new(),
            status: Status::Unset,
        }
    }
}

impl Span {
    fn new(record: SpanRecord, began: Moment, recorder: Recorder) -> Self {
        Self { record: Some(Box::new(record)), began, recorder }
    }

    /// Says something of it, by OpenTelemetry's names.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(record) = &mut self.record {
            record.attributes.push((name, value.into()));
        }
    }

    /// Another trace that it has to do with.
    pub fn link(&mut self, link: Link) {
        if let Some(record) = &mut self.record {
            record.links.push(link);
        }
    }

    /// It failed, and why.
    pub fn fail(&mut self, why: impl Into<Value>) {
        self.set(ERROR_TYPE, why);
        if let Some(record) = &mut self.record {
            record.status = Status::Error;
        }
    }

    /// It was refused, and why: nothing went wrong here.
    pub fn refuse(&mut self, why: impl Into<Value>) {
        self.set(ERROR_TYPE, why);
    }

    /// The scope of what is a part of it.
    #[must_use]
    pub fn scope(&self, under: &Scope) -> Arc<Scope> {
        let span_id = self.record.as_ref().map_or(under.context().span_id, |record| record.span_id);
        let context = TraceContext { span_id, ..under.context() };
        Arc::new(Scope::new(context, under.state().cloned(), self.began, self.recorder.clone()))
    }

    /// It is over.
    pub fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.end = self.began.unix_nanos_at(Instant::now());
            self.recorder.queue.push(record);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.record.is_some() {
            self.refuse(CANCELLED);
            self.finish();
        }
    }
}

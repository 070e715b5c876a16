//! Spans of distributed traces (OpenTelemetry's model): who begins them, what they say, and the queue in which they wait for the
//! exporter.
//!
//! A [`Tracer`] is there only where traces are on. It makes a [`Scope`] for each request: the place in the trace under which
//! further spans begin, which goes down with the request's context. Whether a trace is recorded is decided once, at its root
//! ([`Sampling`]); where it is not, the scope passes the ids on and no span is made.
//!
//! A span goes to the [`Queue`] when it ends, or is dropped. That costs a lock for a few words, never a wait: what does not fit is
//! dropped and counted. What waits is bounded in number and in bytes.

mod ids;
mod queue;
mod record;
mod recorder;
mod sampling;
mod span;
mod tracer;

pub use queue::{Batch, Queue, QueueLimits};
pub use record::{Link, SpanKind, SpanRecord, Status, Value};
pub use sampling::{Ratio, Root, Sampling};
pub use span::{Scope, Span};
pub use tracer::Tracer;

//! Traces of messages: what a message carries of the trace that it was published in, and the span of a receive, which is linked to
//! those of its messages.

use super::GroupRoute;
use crate::context::RequestContext;
use crate::gateway::GatewayError;
use crate::model::{Delivery, Message};
use crate::spans::{Link, Span, SpanKind, Value};
use crate::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
use crate::upstream::Upstream;

/// Gives the message the trace that it is published in, where its profile says so and the message has nothing of its own: half of
/// ours beside half of the publisher's would be neither's trace. What its protocol could not carry is left out.
pub(super) fn carry(context: &RequestContext, upstream: &Upstream, message: &mut Message) {
    let Some(trace) = context.trace().filter(|_| upstream.carries_trace_as_properties()) else { return };
    if message.properties.iter().any(|(name, _)| name == TRACEPARENT || name == TRACESTATE) {
        return;
    }
    let mut with_trace = message.clone();
    with_trace.properties.push((TRACEPARENT.to_owned(), trace.to_string()));
    if let Some(state) = context.scope().and_then(|scope| scope.state()) {
        with_trace.properties.push((TRACESTATE.to_owned(), state.as_str().to_owned()));
        if upstream.objection(&with_trace).is_some() {
            with_trace.properties.pop();
        }
    }
    if upstream.objection(&with_trace).is_none() {
        *message = with_trace;
    }
}

/// A receive as a span, and the context of what is done for it.
pub(super) struct Receiving(Option<Span>);

impl Receiving {
    pub(super) fn begin(context: &RequestContext, route: &GroupRoute) -> (Self, RequestContext) {
        let topic = route.topic.topic.as_str();
        let Some(mut span) = context.begin_span(SpanKind::Client, || format!("receive {topic}")) else {
            return (Self(None), context.clone());
        };
        span.set("messaging.system", "rocketmq");
        span.set("messaging.operation.name", "receive");
        span.set("messaging.operation.type", "receive");
        span.set("messaging.destination.name", Value::text(topic));
        span.set("messaging.consumer.group.name", Value::text(route.group.as_str()));
        let within = context.scope().map(|scope| context.under(span.scope(scope)));
        (Self(Some(span)), within.unwrap_or_else(|| context.clone()))
    }

    /// It is over; `links` says whether it is linked to the spans that published the messages.
    pub(super) fn end(self, messages: Result<&[Delivery], &GatewayError>, links: bool) {
        let Some(mut span) = self.0 else { return };
        match messages {
            Ok(messages) => {
                span.set("messaging.batch.message_count", messages.len());
                messages.iter().filter(|_| links).filter_map(link).for_each(|link| span.link(link));
            }
            Err(error) => match error.upstream() {
                Some(error) => span.fail(error.kind.problem_code()),
                None => span.refuse(error.label()),
            },
        }
        span.end();
    }
}

fn link(message: &Delivery) -> Option<Link> {
    let (_, text) = message.properties.iter().find(|(name, _)| name == TRACEPARENT)?;
    let attributes = vec![("messaging.message.id", Value::text(message.message_id.as_str()))];
    Some(Link { to: TraceContext::parse(text)?, attributes })
}

//! One exchange with the MQ as a span, where traces are on: one for each server that is asked, so that what was repeated is seen.
//!
//! The names are those of OpenTelemetry's conventions for messaging. What is sent is never part of a span: no body, no key.

use std::net::SocketAddr;

use super::profile::Profile;
use super::{Polled, UpstreamError};
use crate::context::RequestContext;
use crate::model::{ChangedDelivery, ConsumerGroup, Published, Topic};
use crate::outbound::EndpointAddress;
use crate::spans::{Span, SpanKind, Value};

/// What the MQ is asked for, in the words of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    /// `publish`, `poll`.
    pub(super) name: &'static str,
    /// The kind of operation, where it is one on messages.
    pub(super) kind: Option<&'static str>,
    pub(super) topic: &'a Topic,
    pub(super) group: Option<&'a ConsumerGroup>,
}

/// Whom it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server<'a> {
    pub(super) address: &'a EndpointAddress,
    /// The address that a connection goes to, where that is known.
    pub(super) peer: Option<SocketAddr>,
    /// How many were asked for the same, with this one.
    pub(super) number: u32,
}

/// One exchange. Dropped before its end it is one that was broken off.
#[derive(Debug)]
pub(super) struct Exchange(Option<Span>);

impl Exchange {
    /// Begins one, before anything is sent.
    pub(super) fn begin(profile: &Profile, context: &RequestContext, asked: Asked<'_>, server: Server<'_>) -> Self {
        let name = || format!("{} {}", asked.name, asked.topic.as_str());
        let Some(mut span) = context.begin_span(SpanKind::Client, name) else { return Self(None) };
        span.set("messaging.system", "rocketmq");
        span.set("messaging.operation.name", asked.name);
        if let Some(kind) = asked.kind {
            span.set("messaging.operation.type", kind);
        }
        span.set("messaging.destination.name", Value::text(asked.topic.as_str()));
        if let Some(group) = asked.group {
            span.set("messaging.consumer.group.name", Value::text(group.as_str()));
        }
        span.set("server.address", Value::text(&server.address.host));
        span.set("server.port", server.address.port);
        if let Some(peer) = server.peer {
            span.set("network.peer.address", Value::text(&peer.ip().to_string()));
            span.set("network.peer.port", peer.port());
        }
        span.set("mq_gateway.profile", Value::text(&profile.name));
        span.set("mq_gateway.protocol", profile.capabilities.protocol.as_str());
        span.set("mq_gateway.attempt", server.number);
        Self(Some(span))
    }

    /// How the MQ answered, over HTTP.
    pub(super) fn status(&mut self, status: u16) {
        if let Some(span) = &mut self.0 {
            span.set("http.response.status_code", status);
        }
    }

    /// It is over, and this came of it.
    pub(super) fn came_to<T: Told>(mut self, result: Result<T, UpstreamError>) -> Result<T, UpstreamError> {
        if let (Some(span), Ok(done)) = (&mut self.0, &result) {
            done.tell(span);
        }
        self.end(result.as_ref().err());
        result
    }

    /// It is over, and failed.
    pub(super) fn failed(self, error: UpstreamError) -> UpstreamError {
        self.end(Some(&error));
        error
    }

    /// It is over, and failed or not.
    pub(super) fn end(self, error: Option<&UpstreamError>) {
        let Some(mut span) = self.0 else { return };
        if let Some(error) = error {
            span.fail(error.kind.problem_code());
        }
        span.end();
    }
}

/// What is told of a success.
pub(super) trait Told {
    fn tell(&self, _span: &mut Span) {}
}

impl Told for Published {
    fn tell(&self, span: &mut Span) {
        span.set("messaging.message.id", Value::text(self.message_id.as_str()));
    }
}

impl Told for Polled {
    fn tell(&self, span: &mut Span) {
        span.set("messaging.batch.message_count", self.deliveries.len());
    }
}

impl Told for ChangedDelivery {}
impl Told for () {}
impl<T> Told for Vec<T> {}

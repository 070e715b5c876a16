//! Spans as OTLP has them.

use super::wire::{
    self, Any, AnyValue, ExportTraceServiceRequest, IS_REMOTE, IS_SAMPLED, InstrumentationScope, KeyValue, Resource,
    ResourceSpans, SAYS_WHETHER_REMOTE, ScopeSpans, StatusCode,
};
use crate::spans::{Link, SpanKind, SpanRecord, Status, Value};

/// The names of attributes are those of this version of OpenTelemetry's conventions.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

/// The request that exports spans of the process that `resource` describes.
pub(super) fn request(resource: &[(String, String)], spans: &[Box<SpanRecord>]) -> ExportTraceServiceRequest {
    let attribute = |(key, value): &(String, String)| key_value(key, Any::Text(value.clone()));
    let scope =
        InstrumentationScope { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let spans = spans.iter().map(|span| encoded(span)).collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: resource.iter().map(attribute).collect() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, schema_url: SCHEMA_URL.to_owned() }],
        }],
    }
}

fn encoded(span: &SpanRecord) -> wire::Span {
    let remote = if span.has_remote_parent { IS_REMOTE } else { 0 };
    wire::Span {
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        trace_state: span.state.as_ref().map_or_else(String::new, |state| state.as_str().to_owned()),
        parent_span_id: span.parent.map_or_else(Vec::new, |parent| parent.0.to_vec()),
        name: span.name.clone(),
        kind: match span.kind {
            SpanKind::Server => wire::SpanKind::Server,
            SpanKind::Client => wire::SpanKind::Client,
        }
        .into(),
        start_time_unix_nano: span.start,
        end_time_unix_nano: span.end,
        attributes: attributes(&span.attributes),
        links: span.links.iter().map(link).collect(),
        status: match span.status {
            Status::Unset => None,
            Status::Error => Some(wire::Status { code: StatusCode::Error.into() }),
        },
        flags: IS_SAMPLED | SAYS_WHETHER_REMOTE | remote,
    }
}

fn link(link: &Link) -> wire::Link {
    let sampled = if link.to.is_sampled { IS_SAMPLED } else { 0 };
    wire::Link {
        trace_id: link.to.trace_id.0.to_vec(),
        span_id: link.to.span_id.0.to_vec(),
        attributes: attributes(&link.attributes),
        flags: sampled | SAYS_WHETHER_REMOTE | IS_REMOTE,
    }
}

fn attributes(attributes: &[(&'static str, Value)]) -> Vec<KeyValue> {
    let value = |value: &Value| match value {
        Value::Word(word) => Any::Text((*word).to_owned()),
        Value::Text(text) => Any::Text(text.clone()),
        Value::Number(number) => Any::Number(*number),
    };
    attributes.iter().map(|(key, it)| key_value(key, value(it))).collect()
}

fn key_value(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::super::wire::ExportTraceServiceResponse;
    use super::*;
    use crate::trace_context::{SpanId, TraceContext, TraceState};

    /// A message that OpenTelemetry's own classes have written (`tests/fixtures/otlp_vectors.py`).
    fn vector(name: &str) -> Vec<u8> {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/otlp-vectors.json")).unwrap();
        let digits = vectors[name].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap(), 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn a_request_is_written_as_opentelemetrys_own_classes_write_it() {
        let context = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        let other = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        let start = 1_795_938_240_123_456_789;
        let server = SpanRecord {
            trace_id: context.trace_id,
            span_id: other.span_id,
            parent: Some(context.span_id),
            has_remote_parent: true,
            state: TraceState::parse(["a=1", "b=2"].into_iter()),
            name: "POST /v1/topics/{topic}/messages".to_owned(),
            kind: SpanKind::Server,
            start,
            end: start + 5_000_000,
            attributes: vec![("http.request.method", "POST".into()), ("http.response.status_code", 504_u16.into())],
            links: Vec::new(),
            status: Status::Error,
        };
        let linked = Link { to: other, attributes: vec![("messaging.message.id", Value::text("A1"))] };
        let unsampled = Link { to: TraceContext { is_sampled: false, ..other }, attributes: Vec::new() };
        let receive = SpanRecord {
            trace_id: context.trace_id,
            span_id: SpanId([1, 2, 3, 4, 5, 6, 7, 8]),
            parent: Some(other.span_id),
            has_remote_parent: false,
            state: None,
            name: "receive 订单".to_owned(),
            kind: SpanKind::Client,
            start: start + 1,
            end: start + 2,
            attributes: vec![("messaging.destination.name", Value::text("订单")), ("odd", Value::Number(-1))],
            links: vec![linked, unsampled],
            status: Status::Unset,
        };
        let resource = [("service.name", "mq-gateway"), ("team", "a,b")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let mut request = request(&resource, &[Box::new(server), Box::new(receive)]);
        request.resource_spans[0].scope_spans[0].scope.as_mut().unwrap().version = "VERSION".to_owned();
        assert_eq!(request.encode_to_vec(), vector("request"));
        assert_eq!(ExportTraceServiceRequest::decode(vector("request").as_slice()), Ok(request));
    }

    #[test]
    fn an_answer_says_what_was_not_taken() {
        let read = |name| ExportTraceServiceResponse::decode(vector(name).as_slice()).unwrap().partial_success;
        let rejected = read("partial_success").unwrap();
        assert_eq!((rejected.rejected_spans, rejected.error_message.as_str()), (3, "no room"));
        assert_eq!(read("success"), None);
    }

    #[test]
    fn a_span_takes_less_than_twice_its_counted_bytes() {
        let span = |attributes: Vec<(&'static str, Value)>, links| SpanRecord {
            trace_id: crate::trace_context::TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            parent: Some(SpanId([3; 8])),
            has_remote_parent: true,
            state: TraceState::parse(["a=1"].into_iter()),
            name: "x".to_owned(),
            kind: SpanKind::Client,
            start: u64::MAX,
            end: u64::MAX,
            attributes,
            links,
            status: Status::Error,
        };
        let context = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        let id = || ("messaging.message.id", Value::text(&"x".repeat(32)));
        let links = vec![Link { to: context, attributes: vec![id()] }; 16];
        let words = vec![("messaging.consumer.group.name", Value::Word("circuit-open")); 20];
        let texts = vec![("messaging.consumer.group.name", Value::text(&"订".repeat(256))); 20];
        let numbers = vec![("messaging.batch.message_count", Value::Number(-1)); 20];
        for (attributes, links) in
            [(vec![], vec![]), (words, vec![]), (texts, vec![]), (numbers, vec![]), (vec![], links)]
        {
            let span = span(attributes, links);
            let (counted, sent) = (span.bytes(), encoded(&span).encoded_len());
            assert!(sent < 2 * counted, "{sent} bytes, counted as {counted}: {span:?}");
        }
    }
}

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

//! Traces: where spans go, which, and how many may wait.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::config::section::section;
use crate::config::values::{
    COLLECTOR, Endpoint, Kind, RESOURCE_ATTRIBUTES, SAMPLER_RATIO, SERVICE_NAME, Setting, millis, minutes,
    read_resource_attributes,
};
use crate::model::words;
use crate::spans::{Ratio, Root, Sampling};

section! {
    /// Spans of requests, and of what was asked of the MQ for them, to an OpenTelemetry collector. Without `endpoint` there are none,
    /// and nothing runs for them. OpenTelemetry's own variables set the same keys: see below the table.
    pub struct TracingConfig at "tracing" {
        /// Address of the collector, http or https, without a path: OTLP over gRPC.
        endpoint: Option<Endpoint>, Kind::Text(COLLECTOR), unset("no traces");
        /// `"none"` switches traces off where an endpoint is set.
        exporter: TraceExporter, Kind::choice(TraceExporter::WORDS), default("otlp");
        /// The protocol spoken with the collector.
        protocol: TraceProtocol, Kind::Choice { allowed: TraceProtocol::WORDS, later: &["http/protobuf", "http/json"] },
            default("grpc");
        /// How exported spans are compressed.
        compression: TraceCompression, Kind::Choice { allowed: TraceCompression::WORDS, later: &["gzip"] }, default("none");
        /// File with headers that go with every call, such as a key of the collector's: `name: value`, one a line. Read anew before
        /// each call, so that keys rotate without a restart. Relative to the configuration file.
        headers_file: Option<PathBuf>, Kind::File, unset("no further headers");
        /// PEM file of a private CA, trusted instead of the public ones, for an https endpoint. Relative to the configuration file.
        ca_file: Option<PathBuf>, Kind::File, unset("the public CAs are trusted");
        /// How long one call may take.
        timeout: Duration, Kind::duration(millis(10), minutes(1)), default("10s");
        /// `service.name` of the spans.
        service_name: Option<String>, Kind::Text(SERVICE_NAME),
            unset("that of `resource_attributes`, else `mq-gateway`");
        /// Further attributes of the process: `key=value,key=value`, with `%2C` for a comma in a value.
        resource_attributes: String, Kind::Text(RESOURCE_ATTRIBUTES), default("");
        /// Which traces are recorded. `parentbased_…`: those of callers that record them, and of those that begin here what the rest of
        /// the word says.
        sampler: TraceSampler, Kind::choice(TraceSampler::WORDS), default("parentbased_always_on");
        /// The part that the samplers with `traceidratio` record.
        sampler_ratio: Ratio, Kind::Text(SAMPLER_RATIO), default("1");
        /// Longest time that a span waits for others to be exported with.
        schedule_delay: Duration, Kind::duration(millis(10), minutes(5)), default("5s");
        /// How long exporting spans is tried, repetitions included, before they are dropped.
        export_timeout: Duration, Kind::duration(millis(10), minutes(5)), default("30s");
        /// Most spans that wait; more are dropped.
        max_queue_size: usize, Kind::integer(1, 1_000_000), default(2048);
        /// Most bytes that waiting spans take; more are dropped. One call takes at most 2 MiB of them, which are on their way besides.
        max_queue_bytes: usize, Kind::size(64 << 10, 1 << 30), default("4MiB");
        /// Most spans in one call, which takes at most 2 MiB of them.
        max_export_batch_size: usize, Kind::integer(1, 100_000), default(512);
    }
}

impl TracingConfig {
    /// Where spans go; `None` where there are no traces.
    #[must_use]
    pub fn destination(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref().filter(|_| self.exporter == TraceExporter::Otlp)
    }

    /// What is true of the process in every span.
    #[must_use]
    pub fn resource(&self) -> Vec<(String, String)> {
        const SERVICE_NAME: &str = "service.name";
        // Checked before, so there is no flaw.
        let mut attributes = read_resource_attributes(&self.resource_attributes).unwrap_or_default();
        let named = attributes.iter().position(|(key, _)| key == SERVICE_NAME);
        let name = match (named, &self.service_name) {
            (None, name) => name.clone().unwrap_or_else(|| "mq-gateway".to_owned()),
            (Some(_), None) => return attributes,
            (Some(at), Some(name)) => {
                attributes.remove(at);
                name.clone()
            }
        };
        attributes.insert(0, (SERVICE_NAME.to_owned(), name));
        attributes
    }

    /// Which traces are recorded.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        let part = Root::Part(self.sampler_ratio);
        let (root, follows_parent) = match self.sampler {
            TraceSampler::AlwaysOn => (Root::Always, false),
            TraceSampler::AlwaysOff => (Root::Never, false),
            TraceSampler::Ratio => (part, false),
            TraceSampler::ParentOrAlwaysOn => (Root::Always, true),
            TraceSampler::ParentOrAlwaysOff => (Root::Never, true),
            TraceSampler::ParentOrRatio => (part, true),
        };
        Sampling { root, follows_parent }
    }
}

words! {
    /// Whether spans go anywhere.
    pub enum TraceExporter {
        /// To the collector.
        Otlp = "otlp",
        /// Nowhere.
        None = "none",
    }
}

words! {
    /// What is spoken with the collector.
    pub enum TraceProtocol {
        /// OTLP over gRPC.
        Grpc = "grpc",
    }
}

words! {
    /// How what is sent is compressed.
    pub enum TraceCompression {
        /// Not at all.
        None = "none",
    }
}

words! {
    /// Which traces are recorded, in OpenTelemetry's words.
    pub enum TraceSampler {
        /// All.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
        /// A part.
        Ratio = "traceidratio",
        /// As the caller says, else all.
        ParentOrAlwaysOn = "parentbased_always_on",
        /// As the caller says, else none.
        ParentOrAlwaysOff = "parentbased_always_off",
        /// As the caller says, else a part.
        ParentOrRatio = "parentbased_traceidratio",
    }
}

impl Setting for Ratio {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }
}

//! `[tracing]`, and OpenTelemetry's own variables.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::sections::{TraceExporter, TraceSampler};
use super::super::{CheckReport, Config, ConfigErrors, Overrides, Source, check, load};
use crate::spans::{Ratio, Root, Sampling};

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn built_in(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    load(&Source::BuiltIn, &Overrides::default(), &variables(pairs))
}

/// A file of the embedded endpoint alone, with more lines, and what `check` says of it.
fn checked(lines: &str, pairs: &[(&str, &str)]) -> CheckReport {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, format!("[embedded]\nenabled = true\n{lines}")).unwrap();
    check(&Source::File(path), &Overrides::default(), &variables(pairs))
}

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");

#[test]
fn every_variable_sets_its_key() {
    let config = built_in(&[
        ENDPOINT,
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317/"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_SERVICE_NAME", "payments-mq"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=a%2Cb"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "3000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
        ("OTEL_PROPAGATORS", "baggage, tracecontext"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_SDK_DISABLED", "FALSE"),
    ]);
    let tracing = config.unwrap().tracing;
    assert_eq!(tracing.destination().unwrap().to_string(), "http://traces:4317");
    assert_eq!((tracing.timeout, tracing.schedule_delay), (Duration::from_millis(1500), Duration::from_millis(200)));
    assert_eq!(tracing.export_timeout, Duration::from_secs(3));
    assert_eq!((tracing.max_queue_size, tracing.max_export_batch_size), (100, 10));
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tracing.resource(), [pair("service.name", "payments-mq"), pair("team", "a,b")]);
    let root = Root::Part(Ratio::parse("0.25").unwrap());
    assert_eq!(tracing.sampling(), Sampling { root, follows_parent: true });
}

#[test]
fn the_name_of_the_service_is_somewhere() {
    let named = |pairs: &[(&str, &str)]| built_in(pairs).unwrap().tracing.resource().remove(0);
    let pair = |value: &str| ("service.name".to_owned(), value.to_owned());
    assert_eq!(named(&[ENDPOINT]), pair("mq-gateway"));
    assert_eq!(named(&[ENDPOINT, ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x")]), pair("x"));
    assert_eq!(
        named(&[ENDPOINT, ("OTEL_SERVICE_NAME", "y"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x")]),
        pair("y")
    );
}

#[test]
fn without_an_endpoint_or_switched_off_no_variable_is_looked_at() {
    let odd = [("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_EXPORTER_OTLP_HEADERS", "a=CANARY")];
    let without =
        |more: &[(&str, &str)]| built_in(&[&odd[..], more].concat()).map(|it| it.tracing.destination().is_some());
    assert_eq!(without(&[]), Ok(false));
    assert_eq!(without(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Ok(false));
    assert_eq!(without(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")]), Ok(false));
    assert_eq!(without(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), Ok(false));
    assert_eq!(without(&[ENDPOINT, ("MQ_GATEWAY__TRACING__EXPORTER", "none")]), Ok(false));
    // The positive control: with one they are.
    assert_eq!(without(&[ENDPOINT]).unwrap_err().problems().len(), 2);
    let own = ("MQ_GATEWAY__TRACING__ENDPOINT", "http://collector:4317");
    assert_eq!(without(&[own]).unwrap_err().problems().len(), 2);
}

#[test]
fn what_cannot_be_done_is_refused_by_the_variables_name() {
    for (name, value, detail) in [
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=CANARY", "keys do not belong into variables"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=CANARY", "keys do not belong into variables"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "not supported by this version"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "CANARY", "expects \"grpc\""),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "not supported by this version"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces", "must not have a path"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317", "scheme"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "whole number of milliseconds"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/CANARY", "no client certificate"),
        ("OTEL_TRACES_SAMPLER", "CANARY", "expects \"always_on\""),
        ("OTEL_TRACES_EXPORTER", "zipkin", "expects \"otlp\""),
        ("OTEL_SDK_DISABLED", "CANARY", "expects true or false"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "CANARY", "expects an integer"),
        ("OTEL_RESOURCE_ATTRIBUTES", "CANARY", "not key=value"),
        ("OTEL_PROPAGATORS", "b3", "leaves out tracecontext"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem", "has no effect, since the endpoint is not https"),
    ] {
        let errors = built_in(&[ENDPOINT, (name, value)]).unwrap_err();
        let text = errors.to_string();
        assert!(text.starts_with(&format!("environment variable {name}: ")) && text.contains(detail), "{text}");
        assert!(!text.contains("CANARY") && errors.problems().len() == 1, "{text}");
    }
}

#[test]
fn a_variable_that_another_is_above_is_not_looked_at() {
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4317");
    for (below, above) in [
        (("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")),
        (("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none")),
        (("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "10000")),
        (("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("MQ_GATEWAY__TRACING__PROTOCOL", "grpc")),
        (("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"), ("MQ_GATEWAY__TRACING__PROTOCOL", "grpc")),
        (("OTEL_TRACES_EXPORTER", "console"), ("MQ_GATEWAY__TRACING__EXPORTER", "otlp")),
        (("OTEL_SDK_DISABLED", "CANARY"), ("MQ_GATEWAY__TRACING__EXPORTER", "otlp")),
        (("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("MQ_GATEWAY__TRACING__SAMPLER", "always_on")),
        (("OTEL_EXPORTER_OTLP_HEADERS", "a=CANARY"), ("MQ_GATEWAY__TRACING__HEADERS_FILE", "/headers")),
    ] {
        let config = built_in(&[traces, below, above]).unwrap();
        assert_eq!(config.tracing.destination().unwrap().to_string(), "http://c:4317", "{below:?}");
        // The positive control: alone it refuses the start.
        assert!(built_in(&[traces, below]).is_err(), "{below:?}");
    }
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/v1");
    assert!(built_in(&[traces, general]).is_ok() && built_in(&[general]).is_err());
    // What is above is what is checked.
    let errors = built_in(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/v1")]).unwrap_err();
    assert!(errors.to_string().contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "), "{errors}");
    // Each is above what disables all, too.
    let own = ("MQ_GATEWAY__TRACING__EXPORTER", "otlp");
    assert!(built_in(&[traces, ("OTEL_SDK_DISABLED", "true"), own]).unwrap().tracing.destination().is_some());
}

#[test]
fn the_samplers_argument_is_looked_at_where_the_sampler_takes_one() {
    let argument = ("OTEL_TRACES_SAMPLER_ARG", "1.5");
    let with = |sampler: &str| built_in(&[ENDPOINT, ("OTEL_TRACES_SAMPLER", sampler), argument]);
    for sampler in ["traceidratio", "parentbased_traceidratio"] {
        let text = with(sampler).unwrap_err().to_string();
        assert!(text.contains("OTEL_TRACES_SAMPLER_ARG: ") && text.contains("a number from 0 to 1"), "{text}");
    }
    for sampler in ["always_on", "always_off", "parentbased_always_on", "parentbased_always_off"] {
        assert!(with(sampler).is_ok(), "{sampler}");
    }
    assert!(built_in(&[ENDPOINT, argument]).is_ok(), "the default sampler takes none");
    let own = |sampler| built_in(&[ENDPOINT, ("MQ_GATEWAY__TRACING__SAMPLER", sampler), argument]).is_ok();
    assert_eq!((own("always_on"), own("traceidratio")), (true, false));
    let file = |sampler| checked(&format!("[tracing]\nsampler = \"{sampler}\"\n"), &[ENDPOINT, argument]).is_ok();
    assert_eq!((file("always_on"), file("traceidratio")), (true, false));
}

#[test]
fn a_variable_is_above_the_file_and_below_our_own() {
    let lines = "[tracing]\nendpoint = \"http://file:1\"\nsampler = \"always_off\"\ntimeout = \"1s\"\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, format!("[embedded]\nenabled = true\n{lines}")).unwrap();
    let pairs = [
        ENDPOINT,
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_SERVICE_NAME", "x"),
        ("MQ_GATEWAY__TRACING__SAMPLER", "traceidratio"),
    ];
    let config = load(&Source::File(path), &Overrides::default(), &variables(&pairs)).unwrap();
    assert_eq!(config.tracing.destination().unwrap().to_string(), "http://collector:4317");
    assert_eq!((config.tracing.sampler, config.tracing.exporter), (TraceSampler::Ratio, TraceExporter::Otlp));
    assert_eq!(config.tracing.timeout, Duration::from_secs(1));
    assert_eq!(config.redacted()["tracing"]["endpoint"], "http://collector:4317");
    // `check` says so where the file has the key.
    let report = checked(lines, &pairs);
    let warnings: Vec<_> = report.warnings().iter().map(ToString::to_string).collect();
    assert!(report.is_ok() && warnings.len() == 1, "{report}");
    assert!(warnings[0].contains("gateway.toml:4:12: `tracing.endpoint`"), "{report}");
    assert!(warnings[0].contains("has no effect here: environment variable OTEL_EXPORTER_OTLP_ENDPOINT"), "{report}");
    assert!(checked(lines, &[]).warnings().is_empty());
}

#[test]
fn check_reads_the_files_of_the_collector() {
    let directory = tempfile::tempdir().unwrap();
    let headers = directory.path().join("headers");
    let of_file = |name: &str| format!("[tracing]\nendpoint = \"https://c:1\"\n{name} = \"{}\"\n", headers.display());
    std::fs::write(&headers, "x-key CANARY").unwrap();
    for (key, detail) in [("headers_file", "no header (`name: value`) in line 1"), ("ca_file", "holds no certificate")]
    {
        let report = checked(&of_file(key), &[]);
        let text = report.to_string();
        assert!(!report.is_ok() && text.contains(&format!("tracing.{key}")) && text.contains(detail), "{text}");
        assert!(!text.contains("CANARY"), "{text}");
    }
    std::fs::write(&headers, "x-key: CANARY\n").unwrap();
    let report = checked(&of_file("headers_file"), &[]);
    assert!(report.is_ok() && report.warnings().len() == 1, "{report}");
    assert!(report.to_string().contains("has a secret in it") && !report.to_string().contains("CANARY"), "{report}");
}

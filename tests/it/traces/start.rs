//! What the configuration of traces says, at the start, in `check` and in `/config`.

use super::{exporting, traced};
use crate::support::collector::Collector;
use crate::support::trap::dead_url;
use crate::support::{Endpoint, Launch, Settings};

#[test]
fn a_configuration_that_cannot_be_kept_to_is_refused() {
    let endpoint = Endpoint::start();
    for (name, value, detail) in [
        (
            "OTEL_TRACES_SAMPLER",
            "jaeger_remote",
            "environment variable OTEL_TRACES_SAMPLER: `tracing.sampler`: expects",
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "is not supported by this version"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=CANARY", "tracing.headers_file"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=CANARY", "tracing.headers_file"),
        ("MQ_GATEWAY__TRACING__HEADERS_FILE", "/nowhere/CANARY-free", "could not be read"),
    ] {
        let finished =
            exporting(Launch::towards(&endpoint, Settings::new()), &dead_url()).environment(name, value).run();
        let output = finished.output();
        assert_eq!(finished.code, Some(1), "{name}: {output}");
        assert!(output.contains(detail) && !output.contains("authorization=CANARY"), "{name}: {output}");
    }
}

#[test]
fn check_and_config_show_what_is_above_what() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let settings = || Settings::new().more("[tracing]\nendpoint = \"http://file:1\"\nservice_name = \"of-the-file\"\n");
    let launch = traced(&endpoint, settings(), &collector);
    let file = launch.path("gateway.toml").display().to_string();
    let checked =
        Launch::bare().arguments(&["check", &file]).environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()).run();
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let says = "has no effect here: environment variable OTEL_EXPORTER_OTLP_ENDPOINT is above it";
    assert!(checked.output().contains("`tracing.endpoint`") && checked.output().contains(says), "{checked:?}");
    let quiet = Launch::bare().arguments(&["check", &file]).run();
    assert!(quiet.code == Some(0) && !quiet.output().contains("has no effect here"), "{quiet:?}");
    let app = launch.start();
    let tracing = app.management_get("/config").json()["tracing"].clone();
    assert_eq!((&tracing["endpoint"], &tracing["service_name"]), (&collector.url().into(), &"of-the-file".into()));
    assert_eq!(tracing["schedule_delay"], "20ms");
    app.publish("orders", "x");
    collector.until_count("publish orders", 1);
}

#[test]
fn the_configuration_file_alone_is_enough() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let settings = format!("[tracing]\nendpoint = \"{}\"\nschedule_delay = \"20ms\"\n", collector.url());
    let app = Launch::towards(&endpoint, Settings::new().more(&settings)).start();
    app.publish("orders", "x");
    collector.until_count("publish orders", 1);
}

//! Which traces are recorded, and what is passed on of the others.

use super::{MESSAGES, TRACEPARENT, traced};
use crate::support::collector::Collector;
use crate::support::time::until;
use crate::support::{Endpoint, Settings, TestApp};

const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// Publishes with this `traceparent`, and returns the flags in the answer's.
fn flags(app: &TestApp, traceparent: Option<&str>) -> String {
    let request = app.request("POST", MESSAGES);
    let request = match traceparent {
        Some(traceparent) => request.header(format!("traceparent: {traceparent}")),
        None => request,
    };
    let answer = request.json(r#"{"body":"x"}"#).send();
    let says = answer.header("traceparent").expect("a traceparent").to_owned();
    assert_eq!((answer.status, says.len()), (201, 55));
    if let Some(traceparent) = traceparent {
        assert_eq!(says[..35], traceparent[..35], "the same trace");
        assert_ne!(says[36..52], traceparent[36..52], "another span");
    }
    says[53..].to_owned()
}

#[test]
fn samplers_decide_as_opentelemetry_says() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    // What is said to: nobody, a caller that records, a caller that does not.
    for (sampler, argument, expected) in [
        ("always_on", "", ["01", "01", "01"]),
        ("always_off", "", ["00", "00", "00"]),
        ("traceidratio", "1", ["01", "01", "01"]),
        ("traceidratio", "0", ["00", "00", "00"]),
        ("parentbased_always_on", "", ["01", "01", "00"]),
        ("parentbased_always_off", "", ["00", "01", "00"]),
        ("parentbased_traceidratio", "0", ["00", "01", "00"]),
        ("parentbased_traceidratio", "1", ["01", "01", "00"]),
    ] {
        let app = traced(&endpoint, Settings::new(), &collector)
            .environment("OTEL_TRACES_SAMPLER", sampler)
            .environment("OTEL_TRACES_SAMPLER_ARG", argument)
            .start();
        let before = collector.spans().len();
        let flags = [None, Some(TRACEPARENT), Some(UNSAMPLED)].map(|it| flags(&app, it));
        assert_eq!(flags, expected, "{sampler} {argument}");
        let recorded = expected.iter().filter(|flags| **flags == "01").count();
        // At the stop all of them are exported.
        drop(app);
        assert_eq!(collector.spans().len() - before, 2 * recorded, "{sampler} {argument}");
    }
}

#[test]
fn a_part_of_the_traces_is_recorded() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(
        &endpoint,
        Settings::new().more("[tracing]\nsampler = \"traceidratio\"\nsampler_ratio = \"0.5\"\n"),
        &collector,
    );
    let app = app.start();
    let sampled = (0..100).filter(|_| flags(&app, None) == "01").count();
    // 50 ± five standard deviations.
    assert!((25..=75).contains(&sampled), "{sampled}");
    until("all of them", || Some(()).filter(|()| collector.spans().len() == 2 * sampled));
    // The id alone decides: its last 63 bits are above half here, and below there.
    assert_eq!(flags(&app, Some("00-00000000000000000000000000000001-00f067aa0ba902b7-00")), "01");
    assert_eq!(flags(&app, Some("00-0000000000000000ffffffffffffffff-00f067aa0ba902b7-01")), "00");
}

#[test]
fn a_traceparent_that_is_none_begins_a_new_trace() {
    let (endpoint, collector) = (Endpoint::start(), Collector::start());
    let app = traced(&endpoint, Settings::new(), &collector).start();
    for bad in [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "x",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    ] {
        let request = app.request("POST", MESSAGES).header(format!("traceparent: {bad}")).header("tracestate: a=1");
        assert_eq!(request.json(r#"{"body":"x"}"#).send().status, 201);
    }
    let servers = collector.until_count("POST /v1/topics/{topic}/messages", 3);
    for server in servers {
        assert_eq!((server.parent.as_str(), server.state.as_str()), ("", ""), "{server:#?}");
        assert_ne!(server.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}

//! The span of a push, and what its request carries of it.

use super::exporting;
use crate::push::receiver::Receiver;
use crate::push::{billing, file};
use crate::support::Launch;
use crate::support::collector::Collector;

#[test]
fn a_push_carries_its_own_span() {
    let (target, collector) = (Receiver::willing(), Collector::start());
    let text = file("storage = \"memory\"", &billing(&target.url(), ""));
    let app = exporting(Launch::embedded_with(&text), &collector.url()).start();
    app.publish("orders", "1");
    let pushed = target.wait_for(1).remove(0);
    let [span] = collector.until_spans(["push billing"]);
    assert_eq!(pushed.header("traceparent"), format!("00-{}-{}-01", span.trace_id, span.span_id));
}

#[test]
fn without_traces_a_push_carries_none() {
    let target = Receiver::willing();
    let app = Launch::embedded_with(&file("storage = \"memory\"", &billing(&target.url(), ""))).start();
    app.publish("orders", "1");
    assert_eq!(target.wait_for(1).remove(0).optional("traceparent"), None);
}

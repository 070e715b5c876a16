//! What the embedded endpoint delivers in the ONS HTTP protocol: how many, when, in which order, and until when
//! (protocol notes, section 7, items 1 to 22).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::embedded::EmbeddedMq;
use crate::support::messages::bodies;
use crate::support::ons::{OnsClient, OnsRequest, handle, messages};
use crate::support::time::{AT_ONCE, now_millis, until};
use crate::support::{Connection, Launch};

type Mq = EmbeddedMq<OnsClient>;

#[test]
fn num_is_clamped() {
    let mq = Mq::start();
    for index in 0..70 {
        mq.stored(&mq.publish("T", index.to_string()));
    }
    let count = |request: OnsRequest| messages(&mq.send(&request)).len();
    assert_eq!(count(mq.consume("T").query("num", "1")), 1);
    assert_eq!(count(mq.consume("T").query("num", "0")), 1);
    assert_eq!(count(mq.consume("T").query("num", "10")), 10);
    assert_eq!(count(mq.consume("T").query("num", "1000")), 32);
    assert_eq!(count(mq.consume("T")), 26);
    let fresh = |num: &str| count(OnsRequest::consume(&mq.credentials, "T", &format!("CID_{num}")).query("num", num));
    assert_eq!(fresh("32"), 32);
    assert_eq!(count(OnsRequest::consume(&mq.credentials, "T", "CID_default")), 32);
}

#[test]
fn a_consume_does_not_filter() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", "a").query("tag", "one"));
    mq.stored(&mq.publish("T", "b").query("tag", "two"));
    let response = mq.send(&mq.consume("T").query("tag", "one").query("key", "none"));
    assert_eq!(messages(&response).len(), 2);
}

#[test]
fn a_long_poll_wakes_at_once_or_ends_empty() {
    let mq = Mq::start();
    let started = Instant::now();
    assert_eq!(mq.send(&mq.consume("T").query("timeout", "700")).text(), "[]");
    let held = started.elapsed();
    assert!((Duration::from_millis(650)..Duration::from_secs(3)).contains(&held), "{held:?}");

    let mut waiting = Connection::open(mq.address);
    waiting.send(&mq.consume("T").query("timeout", "35000").bytes());
    // The poll is there when nothing has come for a moment.
    assert!(waiting.try_receive("GET", Duration::from_millis(200)).is_err());
    let started = Instant::now();
    mq.stored(&mq.publish("T", "now"));
    assert_eq!(messages(&waiting.receive("GET"))[0]["body"], "now");
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

#[test]
fn an_empty_poll_waits_by_default() {
    let app = Launch::embedded().environment("MQ_GATEWAY__EMBEDDED__DEFAULT_WAIT", "600ms").start();
    let credentials = app.embedded_credentials();
    let started = Instant::now();
    let response = OnsRequest::consume(&credentials, "T", "CID_a").send(app.embedded_address());
    assert_eq!(response.text(), "[]");
    assert!(started.elapsed() >= Duration::from_millis(550), "{:?}", started.elapsed());
}

#[test]
fn a_poll_that_is_dropped_takes_no_message() {
    let mq = Mq::start();
    let mut waiting = Connection::open(mq.address);
    waiting.send(&mq.consume("T").query("timeout", "35000").bytes());
    assert!(waiting.try_receive("GET", Duration::from_millis(200)).is_err());
    drop(waiting);
    mq.stored(&mq.publish("T", "x"));
    let started = Instant::now();
    let message = until("the message", || mq.received("T").pop());
    assert_eq!(message["body"], "x");
    assert!(started.elapsed() < Duration::from_secs(3), "visible again at once, not after {:?}", started.elapsed());
}

#[test]
fn a_stale_handle_is_204_and_a_malformed_one_400() {
    let mq = Mq::with("visibility_timeout = \"1s\"\n");
    mq.stored(&mq.publish("T", "x"));
    let first = mq.received_one("T");
    let second = until("the redelivery", || messages(&mq.send(&mq.consume("T").query("timeout", "2000"))).pop());
    assert_ne!(handle(&first), handle(&second));
    assert_eq!(mq.send(&mq.delete("T", handle(&second))).status, 204);
    for stale in [handle(&first), handle(&second)] {
        assert_eq!(mq.send(&mq.delete("T", stale)).status, 204, "{stale}");
    }
    for malformed in ["x", "no handle of ours", "中文", "../../etc", &"A".repeat(5000)] {
        let response = mq.send(&mq.delete("T", malformed));
        assert_eq!(response.status, 400, "{response:?}");
        assert!(response.json()["code"].is_string(), "{response:?}");
    }
}

#[test]
fn a_handle_belongs_to_its_topic_and_group() {
    let mq = Mq::with("visibility_timeout = \"1s\"\n");
    mq.stored(&mq.publish("T", "x"));
    let message = mq.received_one("T");
    let handle = handle(&message);
    let other_topic = mq.send(&mq.delete("U", handle));
    let other_group = OnsRequest::delete(&mq.credentials, "T", "CID_b", handle).send(mq.address);
    for response in [other_topic, other_group] {
        assert!(response.status == 204 || response.status == 400, "{response:?}");
    }
    let again = until("the redelivery", || messages(&mq.send(&mq.consume("T").query("timeout", "2000"))).pop());
    assert_eq!(again["msgId"], message["msgId"], "nothing was acknowledged");
}

#[test]
fn redelivery_counts_and_ends_in_the_dead_letter_topic() {
    let mq = Mq::with("visibility_timeout = \"500ms\"\nmax_redeliveries = 2\n");
    let id = mq.stored(&mq.publish("T", "x"));
    for attempt in 0..3 {
        let message = until("a delivery", || messages(&mq.send(&mq.consume("T").query("timeout", "2000"))).pop());
        assert_eq!((&message["msgId"], &message["reconsumeTimes"]), (&json!(id), &json!(attempt)));
    }
    assert!(messages(&mq.send(&mq.consume("T").query("timeout", "1500"))).is_empty(), "given up");
    let dead = until("the dead letter", || messages(&mq.send(&mq.consume("%DLQ%CID_a").query("timeout", "500"))).pop());
    assert_eq!(dead["body"], "x");
}

#[test]
fn bodies_keep_their_bytes() {
    let mq = Mq::start();
    for kind in
        [None, Some("text/html"), Some("text/html;charset=UTF-8"), Some("application/octet-stream"), Some("nonsense")]
    {
        let request = mq.publish("T", "中文\r\nzwei\n\u{80}");
        let request = kind.into_iter().fold(request, |request, kind| request.header(&format!("Content-Type: {kind}")));
        mq.stored(&request);
        let message = mq.received_one("T");
        assert_eq!(message["body"], "中文\r\nzwei\n\u{80}", "{kind:?}");
        assert_eq!(message.as_object().unwrap().len(), 7, "no mark on text: {message}");
    }
    mq.stored(&mq.publish("T", [0xff, 0x00, 0x80, 0xe9]));
    let message = mq.received_one("T");
    assert_eq!((&message["body"], &message["bodyEncoding"]), (&json!("\u{ff}\u{0}\u{80}\u{e9}"), &json!("latin1")));
}

#[test]
fn an_explicit_latin1_charset_is_honoured() {
    let mq = Mq::start();
    mq.stored(&mq.publish("T", [0xe9]).header("Content-Type: text/plain; charset=ISO-8859-1"));
    assert_eq!(mq.received_one("T")["body"], "é");
}

#[test]
fn delays_hold_unless_the_message_is_ordered() {
    let mq = Mq::start();
    let soon = (now_millis() + 900).to_string();
    let late = (now_millis() + 600_000).to_string();
    mq.stored(&mq.publish("D", "delayed").query("startdelivertime", &soon));
    mq.stored(&mq.publish("D", "camel").query("startDeliverTime", &soon));
    mq.stored(
        &mq.publish("D", "empty key is no order")
            .query("startdelivertime", &late)
            .header("isOrder: true")
            .header("shardingKey: "),
    );
    mq.stored(
        &mq.publish("D", "no order").query("startdelivertime", &late).header("isOrder: no").header("shardingKey: k"),
    );
    mq.stored(&mq.publish("D", "past").query("startdelivertime", "1490692511643"));
    for order in ["true", "1", "TRUE", "True"] {
        let ordered = mq.publish("D", "ordered").query("startdelivertime", &late);
        mq.stored(&ordered.header(&format!("isOrder: {order}")).header("shardingKey: k"));
    }
    assert_eq!(bodies(&mq.received("D")), ["past", "ordered", "ordered", "ordered", "ordered"]);
    let mut delayed = Vec::new();
    until("the delayed messages", || {
        delayed.extend(messages(&mq.send(&mq.consume("D").query("timeout", "2000"))));
        (delayed.len() >= 2).then_some(())
    });
    let mut delayed = bodies(&delayed);
    delayed.sort_unstable();
    assert_eq!(delayed, ["camel", "delayed"]);
    assert!(now_millis() >= soon.parse().unwrap());
}

#[test]
fn ordered_messages_come_in_order_without_waiting_for_acknowledgements() {
    let mq = Mq::start();
    for index in 0..50 {
        mq.stored(&mq.publish("T", index.to_string()).header("isOrder: true").header("shardingKey: k"));
    }
    let received: Vec<Value> = (0..5).flat_map(|_| messages(&mq.send(&mq.consume("T").query("num", "10")))).collect();
    let expected: Vec<String> = (0..50).map(|index| index.to_string()).collect();
    assert_eq!(bodies(&received), expected);
}

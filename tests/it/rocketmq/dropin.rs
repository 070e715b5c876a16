//! The vendors' own clients on a RocketMQ 5 profile: their protocols' answers, whatever is behind.

use super::app_with;
use crate::support::mq::{MqClient, all, bodies, only};
use crate::support::ons::{Credentials, OnsClient, handle, messages};
use crate::support::rocketmq::FakeProxy;
use crate::support::{Launch, TestApp};

const OPEN: &str = "[dropin]\nclient_auth = \"none\"\nerror_hold = \"0s\"\n";

fn app(proxy: &FakeProxy) -> TestApp {
    Launch::configured(&format!("{}{OPEN}", proxy.configuration(""))).start()
}

/// Fits a URL and an XML document as it is.
#[track_caller]
fn assert_plain(handle: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    assert!(!handle.is_empty() && handle.bytes().all(plain), "{handle:?}");
}

#[track_caller]
fn assert_upper_hex(id: &str) {
    assert!(id.len() == 34 && id.bytes().all(|byte| b"0123456789ABCDEF".contains(&byte)), "{id}");
}

#[test]
fn a_client_of_ons_http_publishes_consumes_and_acknowledges() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let client = OnsClient::from((app.data(), Credentials::of("nobody")));
    let id = client.stored(&client.publish("orders", "你好").query("tag", "TagA").query("key", "k1 k2"));
    assert_upper_hex(&id);
    let sent = proxy.stored().remove(0).system_properties.unwrap();
    assert_eq!(
        (sent.tag.as_deref(), sent.keys.as_slice()),
        (Some("TagA"), ["k1".to_owned(), "k2".to_owned()].as_slice())
    );
    let found = messages(&client.send(&client.consume("orders").query("timeout", "5000")));
    let [message] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((message["msgId"].as_str(), message["body"].as_str()), (Some(id.as_str()), Some("你好")));
    assert_eq!((message["tag"].as_str(), message["key"].as_str()), (Some("TagA"), Some("k1 k2")));
    assert_eq!(message["reconsumeTimes"], 0);
    assert_plain(handle(message));
    // The second is stale for the MQ: no failure of this protocol, whose clients would repeat it for ever.
    for _ in 0..2 {
        assert_eq!(client.send(&client.delete("orders", handle(message))).status, 204);
    }
    assert_eq!(proxy.calls("AckMessage").len(), 2);
    // None of the MQ's own.
    assert_eq!(client.send(&client.delete("orders", "no handle")).status, 400);
}

#[test]
fn a_client_of_mq_http_publishes_consumes_and_acknowledges() {
    let proxy = FakeProxy::start();
    let app = app(&proxy);
    let client = MqClient::from((app.data(), Credentials::of("nobody")));
    let id = client.stored(&client.publish("orders", "<x>", "TagA", "KEYS:k1|a:值|"));
    assert_upper_hex(&id);
    let sent = proxy.stored().remove(0);
    assert_eq!(sent.user_properties.get("a").map(String::as_str), Some("值"));
    let found = client.taken("orders", 16, "&waitseconds=5");
    assert_eq!(bodies(&found), ["<x>"]);
    assert_eq!(
        (found[0].message_id.as_str(), found[0].tag.as_deref(), found[0].consumed_times),
        (id.as_str(), Some("TagA"), 1)
    );
    let properties = found[0].properties.clone().unwrap();
    assert!(properties.contains("KEYS:k1") && properties.contains("a:值"), "{properties}");
    assert!(found[0].next_consume_time > found[0].publish_time, "{found:?}");
    assert_plain(&found[0].handle);
    assert_eq!(client.send(&client.acknowledge("orders", &[&found[0].handle])).status, 204);
    let again = client.send(&client.acknowledge("orders", &[&found[0].handle]));
    assert_eq!((again.status, only(&again.text(), "ErrorCode").as_str()), (404, "ReceiptHandleError"));
    assert_eq!(all(&again.text(), "ReceiptHandle"), [found[0].handle.as_str()]);
    client.refused(&client.publish("nowhere", "x", "", ""), 500, "InternalError");
}

#[test]
fn ordered_groups_and_delays_pass_to_topics_of_their_type() {
    let proxy = FakeProxy::start();
    proxy.ordered_groups();
    let app = app(&proxy);
    let mq = MqClient::from((app.data(), Credentials::of("nobody")));
    mq.stored(&mq.publish("steps", "1", "", "__SHARDINGKEY:s|"));
    let ons = OnsClient::from((app.data(), Credentials::of("nobody")));
    let far = crate::support::time::now_millis() + 60_000;
    ons.stored(&ons.publish("later", "2").query("startdelivertime", &far.to_string()));
    let [first, second] = proxy.stored().try_into().unwrap();
    assert_eq!(first.system_properties.unwrap().message_group.as_deref(), Some("s"));
    assert!(second.system_properties.unwrap().delivery_timestamp.is_some());
    // A message of another type than its topic's is the client's to mend.
    let text = mq.refused(&mq.publish("steps", "x", "", ""), 400, "InvalidArgument");
    assert!(text.contains("FIFO"), "{text}");
}

/// Without `client_auth` the topics of a real MQ are closed to clients that sign.
#[test]
fn clients_are_refused_until_it_is_said_who_may_call() {
    let proxy = FakeProxy::start();
    let app = app_with(&proxy, "");
    let client = OnsClient::from((app.data(), Credentials::of("nobody")));
    assert_eq!(client.send(&client.publish("orders", "x")).status, 403);
    assert_eq!(proxy.stored().len(), 0);
}

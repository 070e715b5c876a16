//! Properties of messages on their way to and from MQ HTTP clients: the caller's own, and what the MQ itself says by names that begin
//! with `__` (protocol notes MQ HTTP 3).

use serde_json::json;

use crate::support::embedded::on_embedded_mq_http;
use crate::support::endpoint::respond;
use crate::support::mq::{MqClient, assert_refused, only, received};
use crate::support::ons::{Credentials, OnsRequest};
use crate::support::time::{now_millis, until};
use crate::support::{Endpoint, Settings, TestApp};

/// A consume's answer as the MQ gives it.
fn consumed(properties: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Messages xmlns=\"http://mq.aliyuncs.com/doc/v1\"><Message><MessageId>0A97</MessageId>\
         <ReceiptHandle>h1</ReceiptHandle><MessageBody>x</MessageBody><PublishTime>1000</PublishTime><FirstConsumeTime>1500\
         </FirstConsumeTime><NextConsumeTime>2000</NextConsumeTime><ConsumedTimes>1</ConsumedTimes><Properties>{properties}\
         </Properties></Message></Messages>"
    )
}

#[test]
fn what_the_mq_says_of_a_message_reaches_an_mq_http_client() {
    let endpoint = Endpoint::start_mq();
    let settings = Settings::new().more("[dropin]\nclient_auth = \"none\"\n").profile("protocol = \"mq-http\"");
    let app = TestApp::with(&endpoint, settings);
    let client = MqClient::from((app.data(), Credentials::of("nobody")));
    for (from_the_mq, to_the_client) in [
        // PHP's getStartDeliverTime reads the first of them.
        ("__STARTDELIVERTIME:1571388173000|", "__STARTDELIVERTIME:1571388173000|"),
        (
            "__BORNHOST:10.0.0.1:80|KEYS:k1 k2|__SHARDINGKEY:s|a:值|__MQ:|__STARTDELIVERTIME:7",
            "KEYS:k1 k2|a:值|__SHARDINGKEY:s|__STARTDELIVERTIME:7|__BORNHOST:10.0.0.1:80|__MQ:|",
        ),
        ("__SHARDINGKEY:订单|__STARTDELIVERTIME:soon|", "__SHARDINGKEY:订单|__STARTDELIVERTIME:soon|"),
    ] {
        endpoint.script(respond(200, &["Content-Type: text/xml"], consumed(from_the_mq)));
        let taken = client.taken("orders", 1, "");
        assert_eq!(taken[0].properties.as_deref(), Some(to_the_client), "{from_the_mq}");
    }
    // `/v1` has the caller's own properties, and no others.
    endpoint.script(respond(200, &["Content-Type: text/xml"], consumed("__BORNHOST:1|a:b|__STARTDELIVERTIME:7|")));
    let mut messages = app.receive("orders", "GID_a", "{}");
    let handle = messages[0]["receipt_handle"].take();
    assert!(handle.is_string());
    let expected = json!([{
        "message_id": "0A97", "receipt_handle": null, "body": "x", "encoding": "text", "properties": {"a": "b"}, "tag": null,
        "keys": [], "message_group": null, "delivery_attempt": 1, "published_at": "1970-01-01T00:00:01.000Z",
        "visible_again_at": "1970-01-01T00:00:02.000Z",
    }]);
    assert_eq!(json!(messages), expected);
}

#[test]
fn the_embedded_mq_tells_the_time_that_a_message_was_given() {
    let app = on_embedded_mq_http();
    let own = app.embedded_credentials();
    let listeners = [app.embedded_address(), app.data()];
    for (number, listener) in listeners.into_iter().enumerate() {
        let topic = format!("T{number}");
        let later = now_millis() + 1500;
        let mq = MqClient::from((listener, own.clone()));
        mq.stored(&mq.publish(&topic, "later", "", &format!("a:b|__STARTDELIVERTIME:{later}|")));
        // A time that is over is at once, and told all the same.
        mq.stored(&mq.publish(&topic, "past", "", "__STARTDELIVERTIME:1571388173000"));
        mq.stored(&mq.publish(&topic, "none", "", ""));
        let ons = OnsRequest::publish(&own, &topic, "PID_a", "ons").query("startdelivertime", &later.to_string());
        assert_eq!(ons.send(listener).status, 201);
        let mut taken = mq.taken(&topic, 16, "");
        until("all messages", || {
            taken.extend(mq.taken(&topic, 16, "&waitseconds=1"));
            (taken.len() == 4).then_some(())
        });
        let mut seen: Vec<_> = taken.iter().map(|it| (it.body.as_str(), it.properties.clone())).collect();
        seen.sort();
        let timed = |time: u64| format!("__STARTDELIVERTIME:{time}|");
        let expected = [
            ("later", Some(format!("a:b|{}", timed(later)))),
            ("none", None),
            ("ons", Some(timed(later))),
            ("past", Some(timed(1_571_388_173_000))),
        ];
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_publisher_cannot_speak_for_the_mq() {
    let app = on_embedded_mq_http();
    let mq = MqClient::from((app.data(), app.embedded_credentials()));
    for listener in [app.embedded_address(), app.data()] {
        for properties in ["__BORNHOST:10.0.0.1|", "a:b|__FIRST_POP_TIME:1", "TAGS:TagB|"] {
            let response = mq.publish("T", "x", "", properties).send(listener);
            assert_refused(&response, 400, "InvalidArgument");
            let text = only(&response.text(), "Message");
            assert!(text.contains("Properties: TAGS and names that begin with __ are the MQ's own"), "{text}");
        }
        // What is left to publishers, and a name that is nobody's.
        let fine = mq.publish("T", "fine", "", "__SHARDINGKEY:s|_own:1|tags:x|");
        assert_eq!(fine.send(listener).status, 201);
        let taken = received(&mq.consume("T", 16, "").send(listener));
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].properties.as_deref(), Some("_own:1|tags:x|__SHARDINGKEY:s|"));
        assert_eq!(mq.send(&mq.acknowledge("T", &[&taken[0].handle])).status, 204);
    }
}

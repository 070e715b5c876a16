//! The same with each protocol: taken at once; failing first, by the schedule; and never acknowledged while it fails.

use serde_json::json;

use super::receiver::{Answer, Receiver};
use super::{billing, wait_for_deliveries};
use crate::support::endpoint::respond;
use crate::support::{Endpoint, Launch, Settings, TestApp, time};

const TOPICS: &str = "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"billing\"]\n";

fn flaky() -> Receiver {
    Receiver::start(|_, number| Answer::Status(if number == 0 { 500 } else { 200 }))
}

/// Sent twice, acknowledged once.
#[track_caller]
fn check(app: &TestApp, target: &Receiver, body: &str, acknowledged: impl Fn() -> usize) {
    let requests = target.wait_for(2);
    for (number, pushed) in (1..).zip(&requests) {
        assert_eq!((pushed.header("mq-delivery-attempt"), pushed.data().as_str()), (&*format!("{number}"), body));
        assert_eq!(pushed.header("webhook-id"), requests[0].header("webhook-id"));
    }
    wait_for_deliveries(app, "acknowledged", 1.0);
    time::until("one acknowledgement", || (acknowledged() == 1).then_some(()));
    assert_eq!(target.count(), 2);
}

#[test]
fn over_ons_http() {
    let (endpoint, target) = (Endpoint::start(), flaky());
    let now = time::now_millis().to_string();
    endpoint.offer(
        "orders",
        json!({"bornTime": now, "key": "k", "msgId": "0A97CB496DE1137A9034915400000001", "reconsumeTimes": 0, "tag": "t", "body": "hello"}),
    );
    let settings = Settings::new().topics(TOPICS).more(&billing(&target.url(), "retry_schedule = [\"50ms\"]"));
    let app = Launch::towards(&endpoint, settings).start();
    check(&app, &target, "hello", || endpoint.deleted().len());
}

#[test]
fn over_mq_http() {
    let target = flaky();
    let settings =
        Settings::new().profile("protocol = \"mq-http\"").profile("binary_bodies = \"base64\"").topics(TOPICS);
    let app = Launch::on_embedded("", &settings.more(&billing(&target.url(), "retry_schedule = [\"50ms\"]"))).start();
    app.publish("orders", "hello");
    let acknowledged = || {
        let labels = [("topic", "orders"), ("group", "billing"), ("result", "ok")];
        app.metrics().get("mq_gateway_messages_acked_total", &labels).map_or(0, |count| usize::from(count > 0.5))
    };
    check(&app, &target, "hello", acknowledged);
}

/// The MQ's clock is behind ours or ahead by more than messages are hidden. It says so, or not.
#[test]
fn over_mq_http_whatever_its_clock_shows() {
    const HOUR: i64 = 3_600_000;
    for (difference, says_so) in [(0, false), (-HOUR, true), (HOUR, true), (-HOUR, false)] {
        let (endpoint, target) = (Endpoint::start_mq(), Receiver::willing());
        let theirs = move || time::now_millis().checked_add_signed(difference).unwrap();
        if says_so {
            endpoint.set_clock(difference);
        }
        let came = std::sync::atomic::AtomicBool::new(false);
        endpoint.rule(move |request| {
            let kind = "Content-Type: text/xml;charset=utf-8";
            let date = format!("Date: {}", time::format_http_date(theirs()));
            let headers = if says_so { vec![kind, &date] } else { vec![kind] };
            if request.method == "DELETE" {
                return Some(respond(204, &headers, ""));
            }
            if came.swap(true, std::sync::atomic::Ordering::SeqCst) {
                let none = "<Error><Code>MessageNotExist</Code><Message>none</Message></Error>";
                return Some(respond(404, &headers, none));
            }
            let now = theirs();
            let message = format!(
                "<Messages><Message><MessageId>1</MessageId><ReceiptHandle>h</ReceiptHandle><MessageBody>hello</MessageBody>\
                 <PublishTime>{now}</PublishTime><FirstConsumeTime>{now}</FirstConsumeTime>\
                 <NextConsumeTime>{}</NextConsumeTime><ConsumedTimes>1</ConsumedTimes></Message></Messages>",
                now + 300_000
            );
            Some(respond(200, &headers, message))
        });
        let settings = Settings::new().profile("protocol = \"mq-http\"").topics(TOPICS);
        let app = Launch::towards(&endpoint, settings.more(&billing(&target.url(), ""))).start();
        assert_eq!(target.wait_for(1)[0].data(), "hello", "{difference} {says_so}");
        wait_for_deliveries(&app, "acknowledged", 1.0);
    }
}

/// The MQ may deliver again what is not acknowledged: what is behind it in its group must not go before that.
#[test]
fn what_follows_a_message_that_cannot_be_acknowledged_waits() {
    const KIND: &str = "Content-Type: text/xml;charset=utf-8";
    for is_refused in [true, false] {
        let (endpoint, target) = (Endpoint::start_mq(), Receiver::willing());
        let came = std::sync::atomic::AtomicBool::new(false);
        endpoint.rule(move |request| {
            if request.method == "DELETE" {
                let failed = "<Errors><Error><ErrorCode>ReceiptHandleError</ErrorCode><ErrorMessage>x</ErrorMessage>\
                              <ReceiptHandle>h1</ReceiptHandle></Error></Errors>";
                return Some(if is_refused { respond(404, &[KIND], failed) } else { respond(204, &[KIND], "") });
            }
            if came.swap(true, std::sync::atomic::Ordering::SeqCst) {
                let none = "<Error><Code>MessageNotExist</Code><Message>none</Message></Error>";
                return Some(respond(404, &[KIND], none));
            }
            let now = time::now_millis();
            let message = |number: u8| {
                format!(
                    "<Message><MessageId>{number}</MessageId><ReceiptHandle>h{number}</ReceiptHandle><MessageBody>{number}</MessageBody>\
                     <PublishTime>{now}</PublishTime><FirstConsumeTime>{now}</FirstConsumeTime><NextConsumeTime>{}</NextConsumeTime>\
                     <ConsumedTimes>1</ConsumedTimes><Properties>__SHARDINGKEY:g|</Properties></Message>",
                    now + 300_000
                )
            };
            Some(respond(200, &[KIND], format!("<Messages>{}{}</Messages>", message(1), message(2))))
        });
        let topics =
            "[[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [{ name = \"billing\", ordered = true }]\n";
        let settings = Settings::new().profile("protocol = \"mq-http\"").topics(topics);
        let settings = settings.more(&billing(&target.url(), "ordered = true\ndead_letter = { topic = \"failed\" }"));
        let settings = settings.more("[[topics]]\nname = \"failed\"\nprofile = \"main\"\n");
        let app = Launch::towards(&endpoint, settings).start();
        if is_refused {
            wait_for_deliveries(&app, "not_acknowledged", 1.0);
            wait_for_deliveries(&app, "left", 1.0);
            assert_eq!(target.count(), 1);
        } else {
            wait_for_deliveries(&app, "acknowledged", 2.0);
            assert_eq!(target.count(), 2);
        }
    }
}

#[cfg(feature = "rocketmq")]
#[test]
fn over_rocketmq() {
    use crate::support::rocketmq::FakeProxy;
    let (proxy, target) = (FakeProxy::start(), flaky());
    let subscription = billing(&target.url(), "retry_schedule = [\"50ms\"]");
    let app = Launch::configured(&format!("{}{TOPICS}{subscription}", proxy.configuration(""))).start();
    app.publish("orders", "hello");
    let acknowledged = || {
        let labels = [("topic", "orders"), ("group", "billing"), ("result", "ok")];
        app.metrics().get("mq_gateway_messages_acked_total", &labels).map_or(0, |count| usize::from(count > 0.5))
    };
    check(&app, &target, "hello", acknowledged);
}

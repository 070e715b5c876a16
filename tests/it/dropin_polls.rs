//! How the vendors' clients poll: their spellings of "do not wait", and bodies where nobody has one, at the data listener and at the embedded
//! endpoint.

use std::time::{Duration, Instant};

use crate::support::embedded::on_embedded_mq_http;
use crate::support::mq::{MqClient, assert_refused, only, received};

/// PHP's `consumeMessage(16)` waits for -1 seconds, and so does whoever counts down and does not stop at nothing.
#[test]
fn an_mq_http_wait_of_less_than_nothing_is_a_short_poll() {
    let app = on_embedded_mq_http();
    let mq = MqClient::from((app.data(), app.embedded_credentials()));
    for listener in [app.embedded_address(), app.data()] {
        for wait in ["-1", "-30", "", "0"] {
            // In PHP's order, and with its one content type.
            let php = |group: &str| {
                let target = format!("/topics/T/messages?numOfMessages=16&consumer={group}&waitseconds={wait}");
                let mut consume = mq.consume("T", 16, "").target(&target);
                consume.content_type = Some("text/xml".into());
                consume
            };
            let body = format!("waitseconds={wait}");
            mq.stored(&mq.publish("T", &body, "", ""));
            let taken = received(&php("GID_a").send(listener));
            assert_eq!((taken.len(), taken[0].body.as_str()), (1, body.as_str()));
            assert_eq!(mq.send(&mq.acknowledge("T", &[&taken[0].handle])).status, 204);
            let started = Instant::now();
            assert_refused(&php("GID_a").send(listener), 404, "MessageNotExist");
            assert!(started.elapsed() < Duration::from_secs(2), "{wait:?} waited {:?}", started.elapsed());
        }
        for (wait, code) in [("31", "InvalidArgument"), ("x", "InvalidQueryString"), ("+5", "InvalidQueryString")] {
            let response = mq.consume("T", 16, &format!("&waitseconds={wait}")).send(listener);
            assert_refused(&response, 400, code);
            assert!(only(&response.text(), "Message").contains("waitseconds"), "{response:?}");
        }
    }
}

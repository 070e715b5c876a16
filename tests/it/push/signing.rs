//! Signatures: as Standard Webhooks wants them, with each secret, by the newest files.
//!
//! The oracle is written here, over the test's own HMAC; `tests/consuming/pushes` asks the official libraries.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::receiver::{Answer, Pushed, Receiver};
use super::{billing, file, wait_for_deliveries};
use crate::support::encoding::base64;
use crate::support::{Launch, TestApp, time};

const FIRST: [u8; 32] = [7; 32];
const SECOND: [u8; 24] = [9; 24];

fn whsec(key: &[u8]) -> String {
    format!("whsec_{}", base64(key))
}

/// What `webhook-signature` has to say for these keys.
fn expected(pushed: &Pushed, keys: &[&[u8]]) -> String {
    let (id, timestamp) = (pushed.header("webhook-id"), pushed.header("webhook-timestamp"));
    let entry = |key: &&[u8]| {
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key).unwrap();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(&pushed.body);
        format!("v1,{}", base64(mac.finalize().into_bytes()))
    };
    keys.iter().map(entry).collect::<Vec<_>>().join(" ")
}

fn start(target: &Receiver, lines: &str, files: &[(&str, &str)]) -> TestApp {
    let text = file("storage = \"memory\"", &billing(&target.url(), lines));
    let mut launch = Launch::embedded().file("gateway.toml", &text);
    for (name, content) in files {
        launch = launch.file(name, content);
    }
    launch.arguments(&["--config", "{directory}/gateway.toml"]).start()
}

#[test]
fn each_attempt_is_signed_anew_with_its_own_time() {
    let target = Receiver::start(|_, number| Answer::Status(if number == 0 { 500 } else { 204 }));
    let lines = "secrets = [\"{directory}/secret\"]\nretry_schedule = [\"1100ms\"]";
    let app = start(&target, lines, &[("secret", &whsec(&FIRST))]);
    app.publish("orders", "{\"a\":\"ü\"}");
    wait_for_deliveries(&app, "acknowledged", 1.0);
    let requests = target.requests();
    for pushed in &requests {
        assert_eq!(pushed.header("webhook-signature"), expected(pushed, &[&FIRST]));
    }
    assert_ne!(requests[0].header("webhook-timestamp"), requests[1].header("webhook-timestamp"));
    assert!(!app.output().contains(&base64(FIRST)));
}

#[test]
fn secrets_rotate_while_messages_go_out() {
    let target = Receiver::willing();
    let app = start(
        &target,
        "secrets = [\"{directory}/new\", { file = \"{directory}/old\" }, { file = \"{directory}/over\", until = \"2020-01-01T00:00:00Z\" }]",
        &[("new", &whsec(&FIRST)), ("old", &format!("{}\n", whsec(&SECOND))), ("over", &whsec(&[3; 24]))],
    );
    app.publish("orders", "1");
    let pushed = &target.wait_for(1)[0];
    assert_eq!(pushed.header("webhook-signature"), expected(pushed, &[&FIRST, &SECOND]), "the newest first");
    let newest = [1; 64];
    let path = |name: &str| app.directory().path().join(name);
    std::fs::write(path("new"), whsec(&newest)).unwrap();
    let mut number = 1;
    time::until("the new secret", || {
        app.publish("orders", "next");
        number += 1;
        let pushed = target.wait_for(number).pop().unwrap();
        (pushed.header("webhook-signature") == expected(&pushed, &[&newest, &SECOND])).then_some(())
    });
    // What is no secret changes nothing.
    std::fs::write(path("new"), "CANARY").unwrap();
    time::until("a word about it", || app.output().contains("the old ones stay").then_some(()));
    app.publish("orders", "last");
    let pushed = target.wait_for(number + 1).pop().unwrap();
    assert_eq!(pushed.header("webhook-signature"), expected(&pushed, &[&newest, &SECOND]));
    assert!(!app.output().contains("CANARY"));
    let labels = |result| [("subscription", "billing"), ("result", result)];
    let reloads = |result| app.metrics().get("mq_gateway_subscription_file_reloads_total", &labels(result));
    assert!(reloads("changed") >= Some(1.0) && reloads("kept_old") >= Some(1.0));
}

#[test]
fn headers_come_from_a_file_that_may_change() {
    let target = Receiver::willing();
    let lines = "headers_file = \"{directory}/headers\"\nheaders = [\"x-team: orders\"]";
    let app = start(&target, lines, &[("headers", "Authorization: Bearer CANARY-one\n")]);
    app.publish("orders", "1");
    let pushed = &target.wait_for(1)[0];
    assert_eq!((pushed.header("authorization"), pushed.header("x-team")), ("Bearer CANARY-one", "orders"));
    std::fs::write(app.directory().path().join("headers"), "authorization: Bearer CANARY-two").unwrap();
    let mut number = 1;
    time::until("the new header", || {
        app.publish("orders", "next");
        number += 1;
        (target.wait_for(number).pop().unwrap().header("authorization") == "Bearer CANARY-two").then_some(())
    });
    let shown = app.management_get("/config").text() + &app.management_get("/v1/subscriptions").text();
    assert!(!app.output().contains("CANARY") && !shown.contains("CANARY"));
}

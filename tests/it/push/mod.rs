//! Push subscriptions: the real program, its embedded endpoint or a fake MQ, and services that answer as tests want it.

mod dead_letters;
mod delivering;
mod failing;
mod isolation;
mod operators;
mod protocols;
pub mod receiver;
mod redriving;
mod restarting;
mod signing;

use std::time::Duration;

use crate::support::{Launch, TestApp, time};

/// The file of a gateway on its embedded endpoint: topic `orders` with the groups `billing` and `audit`, topic `failed`, and
/// these subscriptions.
pub fn file(embedded: &str, subscriptions: &str) -> String {
    format!(
        "[server]\ndrain_delay = \"0s\"\nshutdown_timeout = \"5s\"\n\
         [profiles.main]\nprotocol = \"ons-http\"\nendpoints = [\"embedded\"]\ncredentials = \"embedded\"\nproducer_group = \"PID\"\n\
         empty_poll_pause = \"50ms\"\nbinary_bodies = true\n\
         [[topics]]\nname = \"orders\"\nprofile = \"main\"\ngroups = [\"billing\", \"audit\"]\n\
         [[topics]]\nname = \"failed\"\nprofile = \"main\"\ngroups = [\"people\"]\n\
         [embedded]\nenabled = true\n{embedded}\n{subscriptions}"
    )
}

/// One subscription of the group `billing`, with further lines.
pub fn billing(url: &str, lines: &str) -> String {
    format!(
        "[subscriptions.billing]\ntopic = \"orders\"\ngroup = \"billing\"\nurl = \"{url}\"\njitter_percent = 0\nconnect_timeout = \"300ms\"\n{lines}\n"
    )
}

/// A gateway that keeps messages in memory, with these subscriptions.
fn pushing(subscriptions: &str) -> TestApp {
    Launch::embedded_with(&file("storage = \"memory\"", subscriptions)).start()
}

/// Waits until so many deliveries ended so.
#[track_caller]
fn wait_for_deliveries(app: &TestApp, result: &str, count: f64) {
    let labels = [("subscription", "billing"), ("result", result)];
    let get = || app.metrics().get("mq_gateway_subscription_deliveries_total", &labels).unwrap_or_default();
    let found = time::within(Duration::from_secs(30), || (get() >= count).then_some(()));
    assert!(found.is_some(), "{count} deliveries {result:?}: {}", get());
}

/// How many messages the group has not acknowledged.
fn backlog(app: &TestApp) -> f64 {
    let metrics = app.metrics();
    let labels = [("topic", "orders"), ("group", "billing")];
    ["ready", "in_flight", "delayed"]
        .iter()
        .map(|state| {
            metrics.get("mq_gateway_embedded_messages", &[labels[0], labels[1], ("state", state)]).unwrap_or(0.0)
        })
        .sum()
}

//! RocketMQ 5 as an upstream, towards a fake proxy that can misbehave. What a real cluster does is in `tests/rocketmq`.

mod acking;
mod changing;
mod configuration;
mod dropin;
mod faults;
mod filtering;
mod following;
mod publishing;
mod receiving;
mod sessions;
mod signing;

use crate::support::rocketmq::FakeProxy;
use crate::support::{Launch, TestApp};

fn app(proxy: &FakeProxy) -> TestApp {
    app_with(proxy, "")
}

/// With more lines of the profile.
fn app_with(proxy: &FakeProxy, lines: &str) -> TestApp {
    Launch::configured(&proxy.configuration(lines)).start()
}

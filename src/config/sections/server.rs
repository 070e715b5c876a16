//! The data listener: where the callers' requests come in.

use std::net::SocketAddr;
use std::time::Duration;

use super::LimitsConfig;
use crate::config::section::section;
use crate::config::values::{Flaw, Kind, TextRule, hours, minutes, seconds};

section! {
    /// The data listener: `/v1`, `/docs` and the drop-in paths. Callers carry no credentials, so the default is
    /// the loopback address.
    pub struct ServerConfig at "server" {
        /// Address of the data listener; port 0 takes a free one.
        listen: SocketAddr, Kind::Address, default("127.0.0.1:8080");
        /// Threads that serve requests.
        workers: usize, Kind::integer(1, 1024), machine(processors, "one per processor");
        /// Origins of web pages that may call, besides our own; requests of others are answered 403.
        allowed_origins: Vec<String>, Kind::List { rule: ORIGIN, min: 0, names: None }, default([]);
        /// How long an idle connection of a caller stays open.
        keep_alive: Duration, Kind::duration(seconds(1), hours(1)), default("75s");
        /// At the stop: how long readiness fails before the listener closes, so that balancers notice.
        drain_delay: Duration, Kind::duration(seconds(0), minutes(5)), default("5s");
        /// At the stop, after `drain_delay`: how long running requests may go on.
        shutdown_timeout: Duration, Kind::duration(seconds(0), minutes(10)), default("20s");
    } and {
        /// What one request may cost.
        limits: LimitsConfig,
    }
}

fn processors() -> i64 {
    std::thread::available_parallelism().ok().and_then(|count| count.get().try_into().ok()).unwrap_or(1)
}

const ORIGIN: TextRule = TextRule::new("an origin such as \"https://shop.example.com\"", check_origin);

fn check_origin(text: &str) -> Result<(), Flaw> {
    let flaw =
        |detail: &str| Err(Flaw::new(detail).hint("write scheme, host and, where it has one, port, and no more"));
    let host = match text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
        Some(host) => host,
        None if text == "*" => return flaw("expects an origin; any origin is not offered"),
        None => return flaw("expects an origin that begins with http:// or https://"),
    };
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return flaw("expects an origin with a host of visible ASCII characters");
    }
    if host.contains(['/', '?', '#', '@']) {
        return flaw("expects an origin, which has no path, query or user");
    }
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return flaw("expects an origin in small letters, as browsers send it");
    }
    Ok(())
}

//! The data listener: where the callers' requests come in.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::kind::{Flaw, Kind, TextRule};
use super::limits::LimitsConfig;
use super::schema::{Key, Preset, Section};
use super::units::millis;

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServerConfig {
    /// The data listener's address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that serve requests, 1–1024; by default one per processor.
    #[serde(default = "available_parallelism")]
    pub workers: usize,
    /// Origins (`https://host[:port]`) of web pages that may call, besides our own.
    pub allowed_origins: Vec<String>,
    /// What a request may cost.
    pub limits: LimitsConfig,
    /// How long an idle connection of a caller stays open.
    #[serde(deserialize_with = "millis")]
    pub keep_alive: Duration,
    /// At the stop: how long readiness fails before the listener closes.
    #[serde(deserialize_with = "millis")]
    pub drain_delay: Duration,
    /// At the stop, after `drain_delay`: how long running requests may go on.
    #[serde(deserialize_with = "millis")]
    pub shutdown_timeout: Duration,
}

pub(super) const SECTION: Section = Section {
    path: "server",
    meaning: "The data listener: `/v1`, `/docs` and the drop-in paths. Callers carry no credentials, so the default is \
              the loopback address.",
    keys: &[
        Key {
            name: "listen",
            kind: Kind::Address,
            preset: Preset::Value("\"127.0.0.1:8080\""),
            meaning: "Address of the data listener; port 0 takes a free one.",
        },
        Key {
            name: "workers",
            kind: Kind::Integer { min: 1, max: 1024 },
            preset: Preset::Unset("one per processor"),
            meaning: "Threads that serve requests.",
        },
        Key {
            name: "allowed_origins",
            kind: Kind::List { rule: ORIGIN, min: 0 },
            preset: Preset::Value("[]"),
            meaning: "Origins of web pages that may call, besides our own; requests of others are answered 403.",
        },
        Key {
            name: "keep_alive",
            kind: Kind::Duration { min: Duration::from_secs(1), max: Duration::from_secs(3600) },
            preset: Preset::Value("\"75s\""),
            meaning: "How long an idle connection of a caller stays open.",
        },
        Key {
            name: "drain_delay",
            kind: Kind::Duration { min: Duration::ZERO, max: Duration::from_secs(300) },
            preset: Preset::Value("\"5s\""),
            meaning: "At the stop: how long readiness fails before the listener closes, so that balancers notice.",
        },
        Key {
            name: "shutdown_timeout",
            kind: Kind::Duration { min: Duration::ZERO, max: Duration::from_secs(600) },
            preset: Preset::Value("\"20s\""),
            meaning: "At the stop, after `drain_delay`: how long running requests may go on.",
        },
    ],
};

const ORIGIN: TextRule = TextRule { expects: "an origin such as \"https://shop.example.com\"", check: check_origin };

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

fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

//! What one request of a caller may cost.

use std::time::Duration;

use serde::Deserialize;

use super::kind::Kind;
use super::schema::{Key, Preset, Section};
use super::units::millis;

/// `[server.limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LimitsConfig {
    /// Largest HTTP body, in bytes; more is 413.
    pub body_bytes: usize,
    /// Most messages in one batch.
    pub batch_messages: usize,
    /// Most receipt handles in one ack.
    pub ack_handles: usize,
    /// Longest URI, in bytes; more is 414.
    pub uri_bytes: usize,
    /// Most header lines; more is 431.
    pub headers: usize,
    /// Largest sum of all header names and values, in bytes; more is 431.
    pub header_bytes: usize,
    /// Deepest nesting of a JSON body.
    pub json_depth: usize,
    /// Longest life of a request that does not wait for messages.
    #[serde(deserialize_with = "millis")]
    pub request_timeout: Duration,
    /// How long a body may take to arrive; more is 408.
    #[serde(deserialize_with = "millis")]
    pub body_timeout: Duration,
    /// How long the head of a request may take to arrive.
    #[serde(deserialize_with = "millis")]
    pub head_timeout: Duration,
    /// Fewest bytes a second of a body, or of an answer that its caller is slow to take; 0 allows any.
    pub min_body_rate: usize,
    /// How long an answer may wait for a caller that does not take it.
    #[serde(deserialize_with = "millis")]
    pub write_timeout: Duration,
    /// Most open connections of callers, all workers together.
    pub connections: usize,
    /// Most of them from one address; 0 allows any number.
    pub connections_per_address: usize,
}

const fn duration(default: &'static str) -> (Kind, Preset) {
    (Kind::Duration { min: Duration::from_millis(10), max: Duration::from_secs(600) }, Preset::Value(default))
}

const fn key(name: &'static str, (kind, preset): (Kind, Preset), meaning: &'static str) -> Key {
    Key { name, kind, preset, meaning }
}

const fn integer(min: i64, max: i64, default: &'static str) -> (Kind, Preset) {
    (Kind::Integer { min, max }, Preset::Value(default))
}

const fn size(min: u64, max: u64, default: &'static str) -> (Kind, Preset) {
    (Kind::Size { min, max }, Preset::Value(default))
}

/// Never so short that a lost packet ends a connection: the kernel keeps this limit too.
const WRITE_TIMEOUT: (Kind, Preset) =
    (Kind::Duration { min: Duration::from_secs(1), max: Duration::from_secs(600) }, Preset::Value("\"30s\""));
const MIN_BODY_RATE: &str = "Bytes a second that a body needs on average after its first 5 s, and an answer to a slow \
                             caller; 0 allows any.";
const CONNECTIONS: &str = "Most open connections of callers; fewer where the process may not open as many files. Near \
                           it, those that have waited longest for a request are closed.";
const CONNECTIONS_PER_ADDRESS: &str =
    "Most connections from one address; 0 allows any number, as callers may share a proxy.";

pub(super) const SECTION: Section = Section {
    path: "server.limits",
    meaning: "What one request of a caller may cost.",
    keys: &[
        key("body_bytes", size(1, 1 << 30, "\"4MiB\""), "Largest HTTP body; more is answered 413."),
        key("batch_messages", integer(1, 1000, "100"), "Most messages in one batch."),
        key("ack_handles", integer(1, 1000, "100"), "Most receipt handles in one ack, nack or extend."),
        key("uri_bytes", size(64, 64 << 10, "\"8KiB\""), "Longest URI; more is answered 414."),
        key("headers", integer(1, 96, "64"), "Most header lines; more is answered 431."),
        key("header_bytes", size(256, 128 << 10, "\"32KiB\""), "All header lines together; more is answered 431."),
        key("json_depth", integer(1, 128, "128"), "Deepest nesting of a JSON body."),
        key("request_timeout", duration("\"30s\""), "Longest life of a request; a receive may wait besides."),
        key("body_timeout", duration("\"10s\""), "How long a body may take to arrive; more is answered 408."),
        key("head_timeout", duration("\"5s\""), "How long the head of a request may take, first or later."),
        key("min_body_rate", size(0, 1 << 30, "\"1KiB\""), MIN_BODY_RATE),
        key("write_timeout", WRITE_TIMEOUT, "How long an answer may wait for a caller that does not take it."),
        key("connections", integer(1, 1_000_000, "25000"), CONNECTIONS),
        key("connections_per_address", integer(0, 1_000_000, "0"), CONNECTIONS_PER_ADDRESS),
    ],
};

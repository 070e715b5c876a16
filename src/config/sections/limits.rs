//! What one request of a caller may cost.

use std::time::Duration;

use super::control_group::{LEAST, connections, half_of_memory, socket_buffer};
use crate::config::section::section;
use crate::config::values::{Kind, millis, minutes, seconds};

impl LimitsConfig {
    /// What `batch_messages` may be at most.
    pub const MOST_BATCH_MESSAGES: usize = 1000;
    /// What `ack_handles` may be at most.
    pub const MOST_ACK_HANDLES: usize = 1000;

    /// What `connections` is where nobody sets it.
    #[must_use]
    pub fn default_connections() -> usize {
        usize::try_from(connections()).unwrap_or(usize::MAX)
    }

    /// The most streams that may be open where there may be so many connections.
    #[must_use]
    pub fn streams_among(&self, connections: usize) -> usize {
        self.streams.unwrap_or(STREAMS).min(connections / 2)
    }
}

/// What `streams` is where nobody sets it.
const STREAMS: usize = 10_000;
const TIMEOUT: Kind = Kind::duration(millis(10), minutes(10));

section! {
    /// What one request of a caller may cost.
    pub struct LimitsConfig at "server.limits" {
        /// Largest HTTP body; more is answered 413. A chunked one may have framing of 16 KiB, and of 8 bytes for each of its bytes. Of a
        /// body that nobody reads, four times as much is thrown away before the connection is closed.
        body_bytes: usize, Kind::size(1, 1 << 30), default("4MiB");
        /// Most messages in one batch.
        batch_messages: usize, Kind::integer(1, LimitsConfig::MOST_BATCH_MESSAGES as i64), default(100);
        /// Most receipt handles in one ack, nack or extend.
        ack_handles: usize, Kind::integer(1, LimitsConfig::MOST_ACK_HANDLES as i64), default(100);
        /// Longest URI; more is answered 414.
        uri_bytes: usize, Kind::size(64, 64 << 10), default("8KiB");
        /// Most header lines; more is answered 431.
        headers: usize, Kind::integer(1, 96), default(64);
        /// All header lines together; more is answered 431.
        header_bytes: usize, Kind::size(256, 128 << 10), default("32KiB");
        /// Deepest nesting of a JSON body.
        json_depth: usize, Kind::integer(1, 128), default(128);
        /// Longest time a request may take, without the wait of a receive.
        request_timeout: Duration, TIMEOUT, default("30s");
        /// How long a body may take to arrive; more is answered 408.
        body_timeout: Duration, TIMEOUT, default("10s");
        /// How long the head of a request may take, first or later.
        head_timeout: Duration, TIMEOUT, default("5s");
        /// Lowest average rate in bytes a second, of a body after its first 5 s and of an answer to a slow caller; 0 allows any.
        min_body_rate: usize, Kind::size(0, 1 << 30), default("1KiB");
        // Never so short that a lost packet ends a connection: the kernel keeps this limit too.
        /// How long an answer may wait for a caller that does not take it.
        write_timeout: Duration, Kind::duration(seconds(1), minutes(10)), default("30s");
        /// Bytes that requests hold at once: bodies, the MQ's answers, answers on their way out. A body that would pass it is
        /// answered 503, and receives ask for fewer messages; a quarter is kept for bodies up to 64 KiB.
        memory: usize, Kind::size(LEAST, 1 << 40), machine(half_of_memory, "half of what the control group (the container) allows, at most 1 GiB; 512 MiB where it has no limit");
        /// Most open connections of callers; fewer where the process may not open as many files. Near it, those that
        /// have waited longest for a request are closed.
        connections: usize, Kind::integer(1, 1_000_000), machine(connections, "one for each 256 KiB that the control group (the container) allows, at most 25000; 25000 where it has no limit");
        /// Most open streams of messages; never more than half of `connections`, so that other requests find room.
        streams: Option<usize>, Kind::integer(1, 500_000), unset("10000, or half of `connections` where that is less");
        /// What the kernel may keep of a caller's answers before they are sent, and half as much of what comes before we take it; it
        /// counts to the container's memory. Small ones slow large bodies down where a round trip takes long. 0 leaves it to the
        /// kernel, which may take megabytes.
        socket_buffer: usize, Kind::size(0, 64 << 20), machine(socket_buffer, "64 KiB where the control group (the container) has a limit; else 0");
        /// Most connections from one address; 0 allows any number, as callers may share a proxy. For callers of the gateway, and of
        /// `embedded-mq`.
        connections_per_address: usize, Kind::integer(0, 1_000_000), default(0);
    }
}

//! The embedded MQ endpoint: a small MQ inside the gateway, for development and small installations.

use std::net::SocketAddr;
use std::time::Duration;

use super::ChaosConfig;
use crate::config::section::section;
use crate::config::values::{Kind, TABLE_NAME, TOPIC, hours, millis, seconds};
use crate::model::{Topic, words};

section! {
    /// The embedded MQ endpoint: a small MQ inside the gateway, for development and small installations.
    pub struct EmbeddedConfig at "embedded" {
        /// The endpoint runs. Without any configuration file, and with `--embedded-listen`, it is `true`.
        enabled: bool, Kind::Flag, default(false);
        /// Address of the endpoint; port 0 takes a free one.
        listen: SocketAddr, Kind::Address, default("127.0.0.1:8090");
        /// `disk` keeps messages in `data_dir`; `memory` loses them at the stop.
        storage: EmbeddedStorage, Kind::choice(EmbeddedStorage::WORDS), default("disk");
        /// Name of a table below `credentials`: the pair that it accepts.
        credentials: Option<String>, Kind::Text(TABLE_NAME),
            unset("a pair of its own, generated at the first start and kept in `data_dir`");
        /// The topics that it has; `[]` is any.
        topics: Vec<Topic>, Kind::List { rule: TOPIC, min: 0, names: None }, default([]);
        /// How long a delivered message is hidden from others.
        visibility_timeout: Duration, Kind::duration(millis(100), hours(24)), default("300s");
        /// How often a message is delivered again before it is a dead letter.
        max_redeliveries: u32, Kind::integer(0, 1000), default(16);
        /// Where a group that was never seen begins.
        new_group_starts: NewGroupStarts, Kind::choice(NewGroupStarts::WORDS), default("earliest");
        /// How long messages are kept.
        retention: Duration, Kind::duration(seconds(1), hours(8760)), default("72h");
        /// How many bytes of messages are kept.
        retention_bytes: u64, Kind::size(64 << 10, 1 << 40), default("1GiB");
        /// At `retention_bytes`: `drop_oldest` drops the oldest messages, acknowledged or not; `refuse` drops what all groups have
        /// acknowledged, and answers publishes with 503 when that is not enough.
        when_full: WhenFull, Kind::choice(WhenFull::WORDS), default("drop_oldest");
        /// How far a request's time may be behind ours (ONS HTTP).
        clock_past: Duration, Kind::duration(seconds(0), hours(1)), default("15s");
        /// How far a request's time may be ahead of ours (ONS HTTP).
        clock_future: Duration, Kind::duration(seconds(0), hours(1)), default("60s");
        /// How far a request's Date may be from our time, both ways (MQ HTTP).
        clock_window: Duration, Kind::duration(seconds(1), hours(24)), default("15m");
        /// Largest body of one message, over either protocol.
        max_message_bytes: Option<usize>, Kind::size(1, 64 << 20), unset("`\"64KiB\"` over ONS HTTP, `\"4MiB\"` over MQ HTTP");
        /// How long a poll that names no timeout is held when there is no message (ONS HTTP).
        default_wait: Duration, Kind::duration(seconds(0), seconds(30)), default("3s");
        /// How long an error answer to a poll is held, so that a client in a loop does not spin (ONS HTTP).
        error_hold: Duration, Kind::duration(seconds(0), seconds(30)), default("1s");
    } and {
        /// What goes wrong on purpose.
        chaos: ChaosConfig,
    }
}

words! {
    /// Where the embedded endpoint keeps messages.
    pub enum EmbeddedStorage {
        /// In `data_dir`.
        Disk = "disk",
        /// In memory: gone with the process.
        Memory = "memory",
    }
}

words! {
    /// What happens when the messages take as many bytes as they may.
    pub enum WhenFull {
        /// The oldest messages go.
        DropOldest = "drop_oldest",
        /// Publishes are refused.
        Refuse = "refuse",
    }
}

words! {
    /// Where a group that was never seen begins.
    pub enum NewGroupStarts {
        /// At the oldest message that is kept.
        Earliest = "earliest",
        /// After the newest message.
        Latest = "latest",
    }
}

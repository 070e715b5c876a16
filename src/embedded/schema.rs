//! The form of `embedded.db`.
//!
//! - **topics**: one row a topic. `next_position` is the end of its log; `messages`, `delayed` and `bytes` count what is
//!   retained, so that statistics need no scan. The log is without gaps and loses its oldest messages first, so its first
//!   position is `next_position - (messages - delayed)`.
//! - **messages**: `position` is the place in the topic's log, given in the order in which messages become visible. A
//!   delayed message has none, and no `visible_since`, until it is due.
//! - **subscriptions**: one row for each group that reads a topic. What lies before `next_position` was delivered to it
//!   at least once.
//! - **deliveries**: what a subscription got and has not acknowledged. `state` is a `DeliveryState`; a delivery that is
//!   out has a `nonce`, the random part of its handle. An acknowledgement deletes the row.
//!
//! Times are milliseconds since 1970 UTC. Bytes of a message are its contents and `STORED_OVERHEAD_BYTES`.

use crate::storage::Schema;

/// Every step from the first release on.
pub(super) const SCHEMA: Schema = Schema { steps: &[FIRST] };

const FIRST: &str = "
CREATE TABLE topics (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    next_position INTEGER NOT NULL DEFAULT 1,
    messages INTEGER NOT NULL DEFAULT 0,
    delayed INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE messages (
    sequence INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL,
    topic_id INTEGER NOT NULL,
    position INTEGER,
    visible_since INTEGER,
    deliver_at INTEGER,
    published_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    tag TEXT,
    keys TEXT,
    properties TEXT,
    message_group TEXT,
    body BLOB NOT NULL,
    CHECK ((position IS NULL) = (visible_since IS NULL)),
    CHECK (position IS NOT NULL OR deliver_at IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX messages_log ON messages (topic_id, position) WHERE position IS NOT NULL;
CREATE INDEX messages_delayed ON messages (topic_id, deliver_at) WHERE position IS NULL;

CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_id INTEGER NOT NULL,
    consumer_group TEXT NOT NULL,
    next_position INTEGER NOT NULL,
    UNIQUE (topic_id, consumer_group)
) STRICT;

CREATE TABLE deliveries (
    subscription_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    visible_at INTEGER NOT NULL,
    nonce BLOB,
    PRIMARY KEY (subscription_id, position),
    CHECK ((state = 0) = (nonce IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_visible ON deliveries (subscription_id, visible_at);
CREATE INDEX deliveries_last ON deliveries (visible_at) WHERE state = 2;
";

//! The form of `embedded.db`.
//!
//! - **topics**: one row a topic. `next_position` is the end of its log; `messages`, `delayed` and `bytes` count what is
//!   retained, so that statistics need no scan. The log is without gaps and loses its oldest messages first, so its first
//!   position is `next_position - (messages - delayed)`.
//! - **messages**: `position` is the place in the topic's log, given in the order in which messages become visible. A
//!   delayed message has none, and no `visible_since`, until it is due: when the wall clock shows `deliver_at`, or, where
//!   that was a delay, at `due_at`. A message that was given a time and does not wait for it has a `deliver_at`, too.
//! - **subscriptions**: one row for each group that reads a topic. What lies before `next_position` was delivered to it
//!   at least once, or filtered out. `filtered_out` counts its rows of that table, `held_back` those of them that are held.
//! - **deliveries**: what a subscription got and has not acknowledged. `state` is a `DeliveryState`; a delivery that is
//!   out has a `nonce`, the random part of its handle. An acknowledgement deletes the row. `tag` and `message_group` are
//!   the message's, as in `filtered_out`, so that choosing what comes back reads no bodies. `first_delivered_at` is unknown for what was
//!   delivered before the second format. `hidden_for` is how long it was hidden for, where somebody chose that, in
//!   milliseconds.
//! - **filtered_out**: messages before a subscription's `next_position` that it did not get yet. A receive moved past them
//!   since its tags did not want them, or (`held` = 1) since earlier ones of their message group were not acknowledged.
//!   No tag and no message group are empty texts, which no tag and no message group is, so that ranges find them.
//! - **set_aside**: messages whose `checksum` was found not to be that of their columns.
//!
//! Times are milliseconds since 1970 UTC: `deliver_at`, `published_at` and `first_delivered_at` by the wall clock, the others
//! by the store's own time (`store_time`). Bytes of a message are its contents and `STORED_OVERHEAD_BYTES`.

use super::stored_message;
use crate::storage::Schema;

/// Every step from the first release on.
pub(super) const SCHEMA: Schema = Schema {
    steps: &[FIRST, SECOND, THIRD, FOURTH, FIFTH],
    functions: stored_message::register,
    self_checked: &["messages"],
};

pub(super) const FIRST: &str = "
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

const SECOND: &str = "
ALTER TABLE subscriptions ADD COLUMN passed_over INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscriptions ADD COLUMN held_back INTEGER NOT NULL DEFAULT 0;

ALTER TABLE deliveries ADD COLUMN first_delivered_at INTEGER;
ALTER TABLE deliveries ADD COLUMN tag TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN message_group TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET (tag, message_group) =
    (SELECT coalesce(messages.tag, ''), coalesce(messages.message_group, '') FROM messages
        WHERE messages.sequence = deliveries.sequence);
DROP INDEX deliveries_visible;
CREATE INDEX deliveries_visible ON deliveries (subscription_id, visible_at, position);
CREATE INDEX deliveries_by_tag ON deliveries (subscription_id, tag, visible_at, position) WHERE tag <> '';
CREATE INDEX deliveries_by_group ON deliveries (subscription_id, message_group, tag, position);

CREATE TABLE passed_over (
    subscription_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    held INTEGER NOT NULL CHECK (held IN (0, 1)),
    tag TEXT NOT NULL,
    message_group TEXT NOT NULL,
    PRIMARY KEY (subscription_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX passed_over_by_tag ON passed_over (subscription_id, tag, position, message_group);
CREATE INDEX passed_over_by_group ON passed_over (subscription_id, message_group, position);
CREATE INDEX passed_over_by_tag_and_group ON passed_over (subscription_id, tag, message_group, position);
CREATE INDEX passed_over_held ON passed_over (subscription_id, position) WHERE held = 1;
";

const THIRD: &str = "
ALTER TABLE passed_over RENAME TO filtered_out;
ALTER TABLE subscriptions RENAME COLUMN passed_over TO filtered_out;
DROP INDEX passed_over_by_tag;
DROP INDEX passed_over_by_group;
DROP INDEX passed_over_by_tag_and_group;
DROP INDEX passed_over_held;
CREATE INDEX filtered_out_by_tag ON filtered_out (subscription_id, tag, position, message_group);
CREATE INDEX filtered_out_by_group ON filtered_out (subscription_id, message_group, position);
CREATE INDEX filtered_out_by_tag_and_group ON filtered_out (subscription_id, tag, message_group, position);
CREATE INDEX filtered_out_held ON filtered_out (subscription_id, position) WHERE held = 1;

ALTER TABLE messages ADD COLUMN due_at INTEGER;
DROP INDEX messages_delayed;
CREATE INDEX messages_delayed ON messages (topic_id, deliver_at) WHERE position IS NULL AND due_at IS NULL;
CREATE INDEX messages_due ON messages (topic_id, due_at) WHERE position IS NULL AND due_at IS NOT NULL;

ALTER TABLE messages ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET checksum = message_checksum(message_id, topic_id, position, visible_since, deliver_at, published_at,
    bytes, tag, keys, properties, message_group, body);

CREATE TABLE set_aside (
    sequence INTEGER PRIMARY KEY,
    found_at INTEGER NOT NULL
) STRICT;
";

const FOURTH: &str = "
ALTER TABLE deliveries ADD COLUMN hidden_for INTEGER;
";

/// The same table with its condition in other words: for `state IN (0, 1, 2)` SQLite makes a table of the three numbers
/// whenever a row is written, which took a third of a delivery. The indexes are there before the rows: made of all rows at once,
/// each would be sorted in memory.
const FIFTH: &str = "
CREATE TABLE deliveries_again (
    subscription_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    visible_at INTEGER NOT NULL,
    nonce BLOB,
    first_delivered_at INTEGER,
    tag TEXT NOT NULL DEFAULT '',
    message_group TEXT NOT NULL DEFAULT '',
    hidden_for INTEGER,
    PRIMARY KEY (subscription_id, position),
    CHECK ((state = 0) = (nonce IS NULL))
) STRICT, WITHOUT ROWID;
DROP INDEX deliveries_visible;
DROP INDEX deliveries_by_tag;
DROP INDEX deliveries_by_group;
DROP INDEX deliveries_last;
CREATE INDEX deliveries_visible ON deliveries_again (subscription_id, visible_at, position);
CREATE INDEX deliveries_by_tag ON deliveries_again (subscription_id, tag, visible_at, position) WHERE tag <> '';
CREATE INDEX deliveries_by_group ON deliveries_again (subscription_id, message_group, tag, position);
CREATE INDEX deliveries_last ON deliveries_again (visible_at) WHERE state = 2;
INSERT INTO deliveries_again (subscription_id, position, sequence, attempt, state, visible_at, nonce, first_delivered_at,
        tag, message_group, hidden_for)
    SELECT subscription_id, position, sequence, attempt, state, visible_at, nonce, first_delivered_at, tag, message_group,
        hidden_for FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_again RENAME TO deliveries;
";

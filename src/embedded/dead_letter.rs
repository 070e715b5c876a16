//! Dead letters: what a group got too often without acknowledging it.
//!
//! The message is moved out of the group's deliveries into the topic `%DLQ%<group>`, which is read like any other. It
//! gets a new id there, keeps its contents and the time when it was published, and says in two properties, called as in
//! RocketMQ, where it came from. The original stays for other groups until retention.
//!
//! A topic whose name begins with `%DLQ%` has no limit of deliveries: who reads dead letters gets them again until they
//! are acknowledged or retention drops them, and there is never a `%DLQ%%DLQ%…`.
//!
//! Names have at most 64 characters. Where `%DLQ%` and the group have more, the group is cut to 50 characters and a `-`
//! and the first eight hexadecimal digits of its SHA-1 follow, so that long groups with one beginning stay apart.

use rusqlite::{Connection, OptionalExtension, params};
use sha1::{Digest, Sha1};

use super::columns::{damaged, parsed};
use super::log::{self, Visible};
use super::new_message::{NewMessage, properties_to_json};
use super::stored_message::{columns, is_whole, set_aside};
use crate::model::{ConsumerGroup, MAX_NAME_CHARS, MessageId, UnixMillis};
use crate::storage::{blob, millis, optional_millis, to_sql};

/// What the name of every dead-letter topic begins with.
pub const DEAD_LETTER_PREFIX: &str = "%DLQ%";
const ORIGIN_TOPIC: &str = "DLQ_ORIGIN_TOPIC";
const ORIGIN_MESSAGE_ID: &str = "DLQ_ORIGIN_MESSAGE_ID";
/// Characters of a long group that its dead-letter topic keeps: 64 without the prefix, a dash and eight digits.
const KEPT_CHARS: usize = 50;

/// The name of the topic with the group's dead letters, a legal topic name.
#[must_use]
pub fn dead_letter_topic_name(group: &ConsumerGroup) -> String {
    name_for(group.as_str())
}

/// Whether this topic holds dead letters.
pub(super) fn is_dead_letter_topic(topic: &str) -> bool {
    topic.starts_with(DEAD_LETTER_PREFIX)
}

fn name_for(group: &str) -> String {
    if DEAD_LETTER_PREFIX.len() + group.chars().count() <= MAX_NAME_CHARS {
        return format!("{DEAD_LETTER_PREFIX}{group}");
    }
    let kept: String = group.chars().take(KEPT_CHARS).collect();
    let [a, b, c, d, ..] = <[u8; 20]>::from(Sha1::digest(group));
    format!("{DEAD_LETTER_PREFIX}{kept}-{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// A delivery that was the last one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exhausted<'a> {
    pub(super) topic: &'a str,
    pub(super) group: &'a str,
    pub(super) subscription_id: i64,
    pub(super) position: i64,
    pub(super) sequence: i64,
}

/// Moves an exhausted delivery to the dead letters; returns their topic's name. A message that is not what was written is
/// only taken out of the deliveries: `None`.
pub(super) fn bury(
    connection: &Connection,
    exhausted: Exhausted<'_>,
    message_id: MessageId,
    now: UnixMillis,
) -> rusqlite::Result<Option<String>> {
    let message = connection
        .prepare_cached(concat!("SELECT ", columns!(), ", checksum FROM messages WHERE sequence = ?1"))?
        .query_row([exhausted.sequence], |row| {
            if !is_whole(row)? {
                return Ok(None);
            }
            let original: MessageId = parsed(row, 0, MessageId::parse)?;
            let mut properties = properties_of(row.get_ref(9)?.as_str_or_null()?, 9)?;
            properties.push((ORIGIN_TOPIC.to_owned(), exhausted.topic.to_owned()));
            properties.push((ORIGIN_MESSAGE_ID.to_owned(), original.as_str().to_owned()));
            Ok(Some(NewMessage {
                message_id: message_id.clone(),
                published_at: millis(row, 5)?,
                deliver_at: optional_millis(row, 4)?,
                body: blob(row, 11)?,
                tag: row.get(7)?,
                keys: row.get(8)?,
                properties: properties_to_json(&properties),
                message_group: row.get(10)?,
            }))
        })
        .optional()?
        .flatten();
    let topic = name_for(exhausted.group);
    if let Some(message) = &message {
        log::append(connection, &topic, message, Visible::Now(now))?;
    }
    connection
        .prepare_cached("DELETE FROM deliveries WHERE subscription_id = ?1 AND position = ?2")?
        .execute(params![exhausted.subscription_id, exhausted.position])?;
    Ok(message.map(|_| topic))
}

/// Name-value pairs from their JSON column.
pub(super) fn properties_of(json: Option<&str>, column: usize) -> rusqlite::Result<Vec<(String, String)>> {
    json.map_or(Ok(Vec::new()), |json| serde_json::from_str(json).map_err(|error| damaged(column, error)))
}

/// A delivery that became a dead letter.
#[derive(Debug)]
pub(super) struct Buried {
    /// Where it was.
    pub(super) topic: String,
    /// Whose it was.
    pub(super) group: String,
    /// Where the dead letter is.
    pub(super) dead_letter_topic: String,
}

/// What became of deliveries that were the last.
#[derive(Debug, Default)]
pub(super) struct BuriedDue {
    pub(super) letters: Vec<Buried>,
    /// Messages that were found not to be what was written.
    pub(super) set_aside: u64,
    pub(super) looked_at: usize,
}

/// Deliveries of all groups that were the last and whose time is over, moved at most `limit` in one go.
pub(super) fn bury_due(
    connection: &Connection,
    now: UnixMillis,
    limit: u32,
    mut message_ids: impl FnMut() -> rusqlite::Result<MessageId>,
) -> rusqlite::Result<BuriedDue> {
    let due: Vec<(String, String, i64, i64, i64)> = connection
        .prepare_cached(
            "SELECT topics.name, subscriptions.consumer_group, deliveries.subscription_id, deliveries.position,
                deliveries.sequence
            FROM deliveries INDEXED BY deliveries_last
            JOIN subscriptions ON subscriptions.id = deliveries.subscription_id
            JOIN topics ON topics.id = subscriptions.topic_id
            WHERE deliveries.state = 2 AND deliveries.visible_at <= ?1
            ORDER BY deliveries.visible_at LIMIT ?2",
        )?
        .query_map(params![to_sql(now.0), limit], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut buried = BuriedDue { looked_at: due.len(), ..BuriedDue::default() };
    for (topic, group, subscription_id, position, sequence) in due {
        let exhausted = Exhausted { topic: &topic, group: &group, subscription_id, position, sequence };
        match bury(connection, exhausted, message_ids()?, now)? {
            Some(dead_letter_topic) => buried.letters.push(Buried { topic, group, dead_letter_topic }),
            None => {
                set_aside(connection, sequence, to_sql(now.0))?;
                buried.set_aside += 1;
            }
        }
    }
    Ok(buried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_of_dead_letters_is_always_a_legal_name() {
        let check = |group: &str, expected: &str| {
            let name = dead_letter_topic_name(&ConsumerGroup::parse_configured(group).unwrap());
            assert_eq!(name, expected);
            assert!(crate::model::Topic::parse_configured(&name).is_ok());
        };
        check("CID_a", "%DLQ%CID_a");
        check(&"g".repeat(59), &format!("%DLQ%{}", "g".repeat(59)));
        check(&"g".repeat(60), &format!("%DLQ%{}-4f7f5a47", "g".repeat(50)));
        check(&"订".repeat(64), &format!("%DLQ%{}-1be09c41", "订".repeat(50)));
        let long = |end: &str| ConsumerGroup::parse(&format!("{}{end}", "g".repeat(60))).unwrap();
        assert_ne!(dead_letter_topic_name(&long("1")), dead_letter_topic_name(&long("2")));
    }
}

//! A stored message as somebody gets it.

use rusqlite::Row;

use super::columns::{parsed, parsed_optional};
use super::dead_letter::properties_of;
use super::stored_message::is_whole;
use crate::model::{Delivery, MessageGroup, MessageId, UpstreamHandle};
use crate::storage::{blob, millis, optional_millis};

/// The delivery of a row that selects [`columns`](super::stored_message::columns) and then `checksum`, as if nobody had got it yet.
/// `None` when the message is not what was written.
pub(super) fn delivery_of(row: &Row<'_>, handle: UpstreamHandle) -> rusqlite::Result<Option<Delivery>> {
    if !is_whole(row)? {
        return Ok(None);
    }
    let keys = row.get_ref(8)?.as_str_or_null()?.unwrap_or_default();
    let published_at = millis(row, 5)?;
    Ok(Some(Delivery {
        message_id: parsed(row, 0, MessageId::parse)?,
        handle,
        body: blob(row, 11)?,
        tag: row.get(7)?,
        keys: keys.split(' ').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        properties: properties_of(row.get_ref(9)?.as_str_or_null()?, 9)?,
        system_properties: Vec::new(),
        message_group: parsed_optional(row, 10, MessageGroup::parse)?,
        delivery_attempt: 0,
        deliver_at: optional_millis(row, 4)?,
        published_at,
        first_delivered_at: None,
        visible_again_at: published_at,
    }))
}

//! A received message: as the gateway gave it, and what of it this command looks at.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::output::on_one_line;
use crate::cli::visible::visible_json;

/// The gateway's answer to a receive.
#[derive(Debug, Deserialize)]
pub(super) struct Received {
    pub(super) messages: Vec<Box<RawValue>>,
}

/// What of a message is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) message_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) receipt_handle: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) body: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) encoding: Cow<'a, str>,
    #[serde(default)]
    pub(super) tag: Option<String>,
    #[serde(default)]
    pub(super) keys: Vec<String>,
    #[serde(default)]
    pub(super) properties: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) message_group: Option<String>,
    #[serde(default)]
    pub(super) delivery_attempt: Option<u64>,
    #[serde(default)]
    pub(super) published_at: Option<String>,
    #[serde(default)]
    pub(super) visible_again_at: Option<String>,
}

/// The object as it came, on one line; on a terminal with what that would act on escaped.
pub(super) fn json_line(raw: &RawValue, is_terminal: bool) -> String {
    let mut line = on_one_line(raw);
    if is_terminal {
        line = visible_json(&line);
    }
    line.push('\n');
    line
}

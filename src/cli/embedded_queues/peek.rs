//! `peek`: messages, without taking them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{LIMIT, PeekArguments};
use crate::cli::client::segment;
use crate::cli::failure::Failure;
use crate::cli::format::Format;
use crate::cli::output;
use crate::cli::visible::visible;
use crate::tasks;

/// Messages of one request.
const PAGE: u64 = 100;
/// Characters of a body that a line shows.
const SHOWN: usize = 200;

#[derive(Deserialize)]
struct Peeked {
    messages: Vec<Box<RawValue>>,
    next: Option<u64>,
}

#[derive(Deserialize)]
struct Message {
    message_id: String,
    state: String,
    body: String,
    encoding: String,
    tag: Option<String>,
    keys: Vec<String>,
    delivery_attempt: u32,
    published_at: String,
}

/// Prints them.
pub(in crate::cli) fn peek(arguments: &PeekArguments) -> Result<u8, Failure> {
    tasks::block_on(pages(arguments))
}

async fn pages(arguments: &PeekArguments) -> Result<u8, Failure> {
    let client = arguments.gateway.client()?;
    let (mut left, mut after) = (arguments.max, 0);
    loop {
        let mut target = format!(
            "/v1/embedded/topics/{}/messages?after={after}&max_messages={}",
            segment(&arguments.topic),
            left.min(PAGE)
        );
        for (name, value) in [("group", &arguments.group), ("message_id", &arguments.id)] {
            if let Some(value) = value {
                target.push_str(&format!("&{name}={}", segment(value)));
            }
        }
        let peeked: Peeked = client.get(target, LIMIT).await?.json()?;
        for raw in &peeked.messages {
            match arguments.format {
                Format::Json => output::print_json(&output::on_one_line(raw))?,
                Format::Text => output::print(&line(raw)?)?,
            }
            left = left.saturating_sub(1);
        }
        match peeked.next {
            Some(next) if left > 0 => after = next,
            Some(_) | None => return Ok(0),
        }
    }
}

fn line(raw: &RawValue) -> Result<String, Failure> {
    let message: Message =
        serde_json::from_str(raw.get()).map_err(|_| Failure::bad("the answer is not what a gateway says"))?;
    let body: String = message.body.chars().take(SHOWN).collect();
    let cut = if body.len() < message.body.len() { "…" } else { "" };
    let tag = message.tag.map(|tag| format!("  tag {}", visible(&tag))).unwrap_or_default();
    let keys = if message.keys.is_empty() { String::new() } else { format!("  keys {}", message.keys.join(" ")) };
    let attempts = match message.delivery_attempt {
        0 => String::new(),
        attempts => format!("  attempt {attempts}"),
    };
    let encoding = if message.encoding == "text" { String::new() } else { format!("{} ", message.encoding) };
    Ok(format!(
        "{}  {}  {}{attempts}{tag}{}  {encoding}{}{cut}",
        visible(&message.message_id),
        visible(&message.published_at),
        visible(&message.state),
        visible(&keys),
        visible(&body)
    ))
}

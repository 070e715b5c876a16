//! `topics`: each topic and group with its counts.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{LIMIT, TopicsArguments};
use crate::cli::failure::Failure;
use crate::cli::format::Format;
use crate::cli::output;
use crate::cli::visible::visible;
use crate::tasks;

#[derive(Deserialize)]
struct Topics {
    topics: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Topic {
    topic: String,
    messages: u64,
    bytes: u64,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    group: String,
    ready: u64,
    delayed: u64,
    in_flight: u64,
    filtered_out: u64,
    dead_letters: u64,
}

/// Prints them.
pub(in crate::cli) fn topics(arguments: &TopicsArguments) -> Result<u8, Failure> {
    let client = arguments.gateway.client()?;
    let reply = tasks::block_on(async move { client.get("/v1/embedded/topics".to_owned(), LIMIT).await })?;
    let Topics { topics } = reply.json()?;
    for raw in topics {
        if arguments.format == Format::Json {
            output::print_json(&output::on_one_line(&raw))?;
            continue;
        }
        let topic: Topic =
            serde_json::from_str(raw.get()).map_err(|_| Failure::bad("the answer is not what a gateway says"))?;
        output::print(&format!("{}  {} messages, {} bytes", visible(&topic.topic), topic.messages, topic.bytes))?;
        for group in topic.groups {
            let Group { group, ready, delayed, in_flight, filtered_out, dead_letters } = group;
            output::print(&format!(
                "  {}  {ready} ready, {in_flight} in flight, {delayed} delayed, {filtered_out} filtered out, {dead_letters} dead letters",
                visible(&group)
            ))?;
        }
    }
    Ok(0)
}

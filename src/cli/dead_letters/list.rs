//! `list` and `show`: without taking where the MQ allows that, else by taking for a while.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::arguments::{ListArguments, PlaceArguments, ShowArguments};
use super::listing::{Letter, parameters, query};
use super::place::{EMPTY_PAUSE, EMPTY_STEPS, group_option};
use crate::cli::client::{GatewayClient, segment};
use crate::cli::failure::{BAD, Failure};
use crate::cli::format::Format;
use crate::cli::output;
use crate::cli::stop::{Ending, StopSignals};
use crate::cli::visible::visible;

const LIMIT: Duration = Duration::from_secs(60);
/// Handles of one release.
const HANDLES: usize = 100;

#[derive(Deserialize)]
struct Topics {
    topics: Vec<Topic>,
}

#[derive(Deserialize)]
struct Topic {
    topic: String,
    messages: Option<u64>,
}

#[derive(Deserialize)]
struct Listed {
    messages: Vec<Box<RawValue>>,
    next: Option<u64>,
}

#[derive(Deserialize)]
struct Taken {
    messages: Vec<Box<RawValue>>,
    others: Vec<Handle>,
}

#[derive(Deserialize)]
struct Handle {
    message_id: String,
    receipt_handle: String,
    #[serde(default)]
    visible_again_at: Option<String>,
}

#[derive(Deserialize)]
struct Released {
    hidden: u64,
}

/// Where it is looked, and what for.
struct Look<'a> {
    client: GatewayClient,
    topic: &'a str,
    place: &'a PlaceArguments,
    options: Map<String, Value>,
    hide: Option<Duration>,
    most: u64,
}

/// `list`.
pub(super) async fn list(arguments: &ListArguments) -> Result<u8, Failure> {
    let client = arguments.place.gateway.client()?;
    let Some(topic) = &arguments.topic else {
        return topics(&client, arguments.format).await;
    };
    let options = arguments.filter.options();
    let look = Look { client, topic, place: &arguments.place, options, hide: arguments.hide, most: arguments.max };
    let format = arguments.format;
    let mut count = 0_u64;
    let write = |raw: &RawValue| {
        count += 1;
        write(raw, format, Letter::line)
    };
    if arguments.take { look.by_taking(write).await } else { look.without_taking(write).await }?;
    if format == Format::Text && count == 0 {
        output::complain("none");
    }
    Ok(0)
}

/// `show`.
pub(super) async fn show(arguments: &ShowArguments) -> Result<u8, Failure> {
    let client = arguments.place.gateway.client()?;
    let mut options = Map::new();
    options.insert("message_ids".to_owned(), json!([arguments.id]));
    options.insert("bodies".to_owned(), json!(true));
    let look = Look { client, topic: &arguments.topic, place: &arguments.place, options, hide: None, most: 1 };
    let mut is_found = false;
    let write = |raw: &RawValue| {
        is_found = true;
        write(raw, arguments.format, Letter::page)
    };
    if arguments.take { look.by_taking(write).await } else { look.without_taking(write).await }?;
    if is_found {
        return Ok(0);
    }
    output::complain("there is no such dead letter: done already, or hidden from this group");
    Ok(BAD)
}

async fn topics(client: &GatewayClient, format: Format) -> Result<u8, Failure> {
    let reply = client.get("/v1/dead-letters".to_owned(), LIMIT).await?;
    let topics: Topics = reply.json()?;
    for Topic { topic, messages } in topics.topics {
        match (format, messages) {
            (Format::Json, _) => output::print_json(&json!({ "topic": topic, "messages": messages }).to_string())?,
            (Format::Text, Some(messages)) => output::print(&format!("{}  {messages}", visible(&topic)))?,
            (Format::Text, None) => output::print(&visible(&topic))?,
        }
    }
    Ok(0)
}

fn write(raw: &RawValue, format: Format, text: impl Fn(&Letter) -> String) -> Result<(), Failure> {
    match format {
        Format::Json => output::print_json(&output::on_one_line(raw)),
        Format::Text => {
            let letter = serde_json::from_str::<Letter>(raw.get());
            let letter = letter.map_err(|_| Failure::bad("the answer is not what a gateway says"))?;
            output::print(&text(&letter))
        }
    }
}

fn interrupted() -> Result<(), Failure> {
    Err(Failure::bad("interrupted: there may be more"))
}

impl Look<'_> {
    async fn without_taking(&self, mut write: impl FnMut(&RawValue) -> Result<(), Failure>) -> Result<(), Failure> {
        let (mut after, mut written) = (0, 0_u64);
        loop {
            let mut more = parameters(&self.options);
            for parameter in &mut more {
                if let ("message_ids", value) = parameter {
                    *value = self.only_id();
                }
            }
            more.push(("after", after.to_string()));
            let group = self.place.group.as_deref();
            let target = format!("/v1/dead-letters/{}/messages{}", segment(self.topic), query(group, &more));
            let listed: Listed = self.client.get(target, LIMIT).await?.json()?;
            for raw in listed.messages {
                if written >= self.most {
                    return Ok(());
                }
                written += 1;
                write(&raw)?;
            }
            match listed.next {
                Some(next) if written < self.most => after = next,
                Some(_) | None => return Ok(()),
            }
        }
    }

    fn only_id(&self) -> String {
        let ids = self.options.get("message_ids").and_then(Value::as_array);
        ids.and_then(|ids| ids.first()).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Whatever comes of it, a signal included, what was taken is let go at the end, where the MQ can do that.
    async fn by_taking(&self, mut write: impl FnMut(&RawValue) -> Result<(), Failure>) -> Result<(), Failure> {
        let (mut held, mut until) = (Vec::new(), None);
        let mut signals = StopSignals::listen()?;
        let ending = Ending::default();
        let looked = {
            // The answer of the step under way is waited for, the first time: what it took is in it.
            let looking = Box::pin(self.take_all(&mut write, (&mut held, &mut until), &ending));
            signals.see_through(&ending, looking).await
        };
        let released = match looked {
            Some(_) => signals.see_through(&ending, self.release(&held)).await,
            None => None,
        };
        let hidden = released.unwrap_or(held.len() as u64);
        if hidden > 0 {
            let until = until.map(|until| format!(", until {}", visible(&until))).unwrap_or_default();
            output::complain(&format!(
                "{hidden} dead letters were taken to be looked at, and stay hidden from others{until}: {}",
                if released.is_some() { "this MQ takes nothing back" } else { "they were not released" }
            ));
        }
        looked.unwrap_or_else(interrupted)
    }

    /// Lets go of what was taken; how many stay hidden until their visibility timeout is over.
    async fn release(&self, held: &[String]) -> u64 {
        let mut hidden = 0;
        for handles in held.chunks(HANDLES) {
            let mut options: Map<String, Value> = group_option(self.place.group.as_deref()).into_iter().collect();
            options.insert("receipt_handles".to_owned(), json!(handles));
            let target = format!("/v1/dead-letters/{}/messages:release", segment(self.topic));
            let body = Bytes::from(Value::Object(options).to_string());
            let released = self.client.post(target, body, LIMIT).await.and_then(|reply| reply.json::<Released>());
            hidden += released.map_or(u64::try_from(handles.len()).unwrap_or(u64::MAX), |released| released.hidden);
        }
        hidden
    }

    async fn take_all(
        &self,
        write: &mut impl FnMut(&RawValue) -> Result<(), Failure>,
        (held, until): (&mut Vec<String>, &mut Option<String>),
        ending: &Ending,
    ) -> Result<(), Failure> {
        let (mut seen, mut written, mut empty) = (HashSet::new(), 0_u64, 0);
        let mut options = self.options.clone();
        options.extend(group_option(self.place.group.as_deref()));
        if let Some(hide) = self.hide {
            options.insert("hidden_seconds".to_owned(), json!(hide.as_secs()));
        }
        while !ending.has_begun() {
            let target = format!("/v1/dead-letters/{}/messages:take", segment(self.topic));
            let body = Bytes::from(Value::Object(options.clone()).to_string());
            let taken: Taken = self.client.post(target, body, LIMIT).await?.json()?;
            if taken.messages.is_empty() && taken.others.is_empty() {
                empty += 1;
                if empty >= EMPTY_STEPS {
                    return Ok(());
                }
                ending.wait(EMPTY_PAUSE).await;
                continue;
            }
            empty = 0;
            let mut is_new = false;
            for other in taken.others {
                is_new |= seen.insert(other.message_id);
                held.push(other.receipt_handle);
            }
            for raw in taken.messages {
                let handle: Handle = serde_json::from_str(raw.get())
                    .map_err(|_| Failure::bad("the answer is not what a gateway says"))?;
                held.push(handle.receipt_handle);
                *until = handle.visible_again_at.max(until.take());
                if seen.insert(handle.message_id) && written < self.most {
                    is_new = true;
                    written += 1;
                    write(&raw)?;
                }
            }
            if !is_new || written >= self.most {
                return Ok(());
            }
        }
        interrupted()
    }
}

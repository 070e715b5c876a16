//! `mq-gateway publish`: its flags.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::client::DataArguments;
use crate::cli::time_text::duration;

/// What is published, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct PublishArguments {
    /// The topic
    #[arg(value_name = "TOPIC")]
    pub(super) topic: String,
    /// The message: text, `-` for the bytes of stdin, `@FILE` for the bytes of a file [default: what stdin has, where that is no
    /// terminal]
    #[arg(value_name = "BODY|-|@FILE")]
    pub(super) body: Option<OsString>,
    /// The message's tag [default: the topic's]
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// A key of the message; several: repeat it [default: the topic's]
    #[arg(long = "key", value_name = "KEY")]
    pub(super) keys: Vec<String>,
    /// A property of the message; several: repeat it
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = property)]
    pub(super) properties: Vec<(String, String)>,
    /// The group of messages that are delivered in order
    #[arg(long, value_name = "GROUP")]
    pub(super) message_group: Option<String>,
    /// Delivered at this time: RFC 3339, such as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "delay")]
    pub(super) deliver_at: Option<String>,
    /// Delivered after this delay: 90s, 1h30m, or whole seconds
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) delay: Option<Duration>,
    /// Prints the gateway's answer as JSON, not the message id alone; with --ndjson a JSON object for each line
    #[arg(long)]
    pub(super) json: bool,
    /// Publishes a message for each line of a file, `-` for stdin: a JSON envelope as `POST /v1/topics/TOPIC/messages` takes it, or a
    /// message as `receive --format json` writes it
    #[arg(
        long,
        value_name = "FILE|-",
        conflicts_with_all = ["body", "tag", "keys", "properties", "message_group", "deliver_at", "delay"]
    )]
    pub(super) ndjson: Option<PathBuf>,
    /// With --ndjson: most batches of up to 100 messages under way
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16), requires = "ndjson")]
    pub(super) concurrency: u8,
    /// With --ndjson: how long what was certainly not published is tried again, where that may help
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, requires = "ndjson")]
    pub(super) retry_for: Duration,
    #[command(flatten)]
    pub(super) gateway: DataArguments,
}

fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write NAME=VALUE".to_owned()),
    }
}

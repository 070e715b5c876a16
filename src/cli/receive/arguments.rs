//! `mq-gateway receive`: its flags.

use std::time::Duration;

use clap::Args;

use crate::cli::client::DataArguments;
use crate::cli::format::Format;
use crate::cli::time_text::duration;

/// What is received, and what becomes of it.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReceiveArguments {
    /// The topic
    #[arg(value_name = "TOPIC")]
    pub(super) topic: String,
    /// The consumer group
    #[arg(value_name = "GROUP")]
    pub(super) group: String,
    /// Keeps receiving until interrupted, across restarts of the gateway
    #[arg(long)]
    pub(super) follow: bool,
    /// Acknowledges each message after its line was written. Without it the group gets them again after the visibility timeout
    #[arg(long)]
    pub(super) ack: bool,
    /// Stops after this many messages [default: 32; with --follow no end]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max: Option<u64>,
    /// How long to wait for the first message, in seconds, 0 to 30 [default: 5; with --follow 20 at a time]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u8).range(0..=30))]
    pub(super) wait: Option<u8>,
    /// For how long messages are hidden from others, where the MQ takes it: 30s, 5m, or whole seconds [default: the profile's]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) visibility_timeout: Option<Duration>,
    /// Only messages with these tags, where the MQ filters: `TagA||TagB`
    #[arg(long, value_name = "TAGS")]
    pub(super) tags: Option<String>,
    /// `text`: a line for people; `json`: the message object of the API [default: text on a terminal, else json]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    #[command(flatten)]
    pub(super) gateway: DataArguments,
}

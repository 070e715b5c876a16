//! `mq-gateway dead-letters`: its flags.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::client::ManagementArguments;
use crate::cli::format::Format;
use crate::cli::time_text::duration;

/// Looks at dead letters, sends them again, or drops them, by a running gateway's management listener.
#[derive(Debug, Args)]
pub(in crate::cli) struct DeadLetterArguments {
    #[command(subcommand)]
    pub(super) command: DeadLetterCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum DeadLetterCommand {
    /// Lists topics with dead letters, or the dead letters of one
    ///
    /// The embedded endpoint shows them as they are. Other MQs give out what they show: with --take, which hides them from
    /// others for a while, and says for how long.
    List(ListArguments),
    /// Shows one dead letter, its message included
    Show(ShowArguments),
    /// Sends dead letters again: a subscription's to its target alone, others to the topic that they came from
    ///
    /// Each is taken out of the dead letters only after its target took it, or the MQ confirmed its publish. It may be broken off
    /// at any time and run again: what is done is done, and the rest is still there. Exit code 0: all that were wanted are sent; 1:
    /// some were not, or nobody knows; 2: usage.
    Redrive(RedriveArguments),
    /// Drops dead letters for good
    Drop(DropArguments),
}

/// Where, and in whose name.
#[derive(Debug, Args)]
pub(super) struct PlaceArguments {
    /// The consumer group that takes dead letters [default: the topic's only one; on the embedded endpoint one of the gateway's own]
    #[arg(long, value_name = "GROUP")]
    pub(super) group: Option<String>,
    #[command(flatten)]
    pub(super) gateway: ManagementArguments,
}

/// Which of them: all that fulfil everything that is said.
#[derive(Debug, Args)]
pub(super) struct FilterArguments {
    /// Only those of this subscription
    #[arg(long, value_name = "NAME")]
    subscription: Option<String>,
    /// Only those that were given up for this reason
    #[arg(long, value_name = "WORD")]
    reason: Option<String>,
    /// Only messages with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only messages with this key
    #[arg(long)]
    key: Option<String>,
    /// Only those whose last attempt, or else publish, was at this time or later: 2026-11-24T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those from before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// How a command goes through the dead letters.
#[derive(Debug, Args)]
pub(super) struct PaceArguments {
    /// At most this many per second [default: as fast as it goes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) rate: Option<u32>,
    /// Stops after this many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max: Option<u64>,
    /// For how long those that are left are hidden from others while it runs, where the MQ takes it [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) hide: Option<Duration>,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// The topic; without it the topics that are known to hold dead letters
    #[arg(value_name = "TOPIC")]
    pub(super) topic: Option<String>,
    #[command(flatten)]
    pub(super) filter: FilterArguments,
    /// Takes them for a while, where the MQ shows none without
    #[arg(long)]
    pub(super) take: bool,
    /// With --take: for how long they are hidden, where the MQ takes it [default: until the list is complete, 10m at most]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "take")]
    pub(super) hide: Option<Duration>,
    /// Stops after this many
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max: u64,
    /// How to print them; json: an object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) place: PlaceArguments,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The topic of the dead letters
    #[arg(value_name = "TOPIC")]
    pub(super) topic: String,
    /// The dead letter's message id, as `list` says it
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// Takes them for a while, where the MQ shows none without
    #[arg(long)]
    pub(super) take: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) place: PlaceArguments,
}

#[derive(Debug, Args)]
pub(super) struct RedriveArguments {
    /// The topic of the dead letters
    #[arg(value_name = "TOPIC")]
    pub(super) topic: String,
    #[command(flatten)]
    pub(super) which: WhichArguments,
    /// Publishes them to this topic: needed where it is not known where they came from
    #[arg(long, value_name = "TOPIC")]
    pub(super) to: Option<String>,
    /// A subscription's go out under a new webhook-id, so that a receiver which knows the old one takes them for new
    #[arg(long)]
    pub(super) new_id: bool,
    /// Confirms that other groups may get them as well
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) place: PlaceArguments,
}

#[derive(Debug, Args)]
pub(super) struct DropArguments {
    /// The topic of the dead letters
    #[arg(value_name = "TOPIC")]
    pub(super) topic: String,
    #[command(flatten)]
    pub(super) which: WhichArguments,
    /// Confirms that they are dropped for good
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) place: PlaceArguments,
}

/// Those with these ids, those that a filter wants, or all.
#[derive(Debug, Args)]
pub(super) struct WhichArguments {
    /// Message ids of dead letters, as `list` says them
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) filter: FilterArguments,
}

impl FilterArguments {
    /// What is said, as options of a verb.
    pub(super) fn options(&self) -> Map<String, Value> {
        let Self { subscription, reason, tag, key, since, until } = self;
        let mut options = Map::new();
        for (name, value) in [
            ("subscription", subscription),
            ("reason", reason),
            ("tag", tag),
            ("key", key),
            ("since", since),
            ("until", until),
        ] {
            if let Some(value) = value {
                options.insert(name.to_owned(), json!(value));
            }
        }
        options
    }
}

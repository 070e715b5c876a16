//! The flags.

use clap::Args;

use crate::cli::client::ManagementArguments;
use crate::cli::format::Format;

#[derive(Debug, Args)]
pub(in crate::cli) struct TopicsArguments {
    /// How to print them; json: an object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) gateway: ManagementArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PeekArguments {
    /// The topic
    #[arg(value_name = "TOPIC")]
    pub(super) topic: String,
    /// What this group has not acknowledged, and how it stands [default: all that is retained]
    #[arg(value_name = "GROUP")]
    pub(super) group: Option<String>,
    /// Stops after this many
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max: u64,
    /// Only this message
    #[arg(long, value_name = "ID")]
    pub(super) id: Option<String>,
    /// How to print them; json: an object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) gateway: ManagementArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PurgeArguments {
    /// The topic
    #[arg(value_name = "TOPIC")]
    pub(super) topic: String,
    /// Only what this group has not acknowledged; other groups keep theirs [default: all that is retained, for every group]
    #[arg(value_name = "GROUP")]
    pub(super) group: Option<String>,
    /// Confirms that it is emptied
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) gateway: ManagementArguments,
}

//! The flags of `subscriptions`.

use clap::{Args, Subcommand};

use crate::cli::client::ManagementArguments;
use crate::cli::format::Format;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct SubscriptionsArguments {
    #[command(subcommand)]
    pub(super) command: Option<SubscriptionsCommand>,
    #[command(flatten)]
    pub(super) gateways: ManagementArguments,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Debug, Subcommand)]
pub(super) enum SubscriptionsCommand {
    /// Pauses a subscription in every gateway that is named, until it is resumed or the process starts anew
    Pause(ChangeArguments),
    /// Lets a paused subscription go on, in every gateway that is named
    Resume(ChangeArguments),
}

#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    /// NAME of [subscriptions.NAME]
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) gateways: ManagementArguments,
    /// How to print what came of it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

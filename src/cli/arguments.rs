//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// HTTP-to-MQ gateway: services POST JSON, the gateway holds the keys.
///
/// Without --config or --user-properties it runs with its embedded MQ endpoint, ready to try.
#[derive(Debug, Parser)]
#[command(name = "mq-gateway", version, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) source: SourceArguments,
    /// Address of the data listener [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    /// Address of the management listener [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) management_listen: Option<SocketAddr>,
    /// Runs the embedded MQ endpoint, on this address [default without a configuration: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) embedded_listen: Option<SocketAddr>,
    /// Where the embedded endpoint keeps its messages and keys [default: ./data]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) data_dir: Option<PathBuf>,
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct SourceArguments {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The vendor's own user.properties file instead of a configuration
    #[arg(long, value_name = "FILE")]
    pub(super) user_properties: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Checks a configuration and every file it names, without starting anything
    Check(CheckArguments),
    /// Runs the embedded MQ endpoint alone
    EmbeddedMq(EmbeddedArguments),
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Configuration file (TOML)
    #[arg(value_name = "FILE", required_unless_present = "user_properties", conflicts_with = "user_properties")]
    pub(super) file: Option<PathBuf>,
    /// The vendor's own user.properties file instead
    #[arg(long, value_name = "FILE")]
    pub(super) user_properties: Option<PathBuf>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct EmbeddedArguments {
    #[command(subcommand)]
    pub(super) command: Option<EmbeddedCommand>,
    /// Address of the endpoint [default: 127.0.0.1:8090]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) embedded_listen: Option<SocketAddr>,
    /// Runs the management listener too, on this address
    #[arg(long, value_name = "ADDRESS")]
    pub(super) management_listen: Option<SocketAddr>,
    /// Where messages and keys are kept [default: ./data]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) data_dir: Option<PathBuf>,
    /// Keeps messages in memory only; the keys are still in the data directory
    #[arg(long)]
    pub(super) in_memory: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum EmbeddedCommand {
    /// Prints the endpoint's keys and address, for other clients
    Credentials(CredentialsArguments),
}

#[derive(Debug, Args)]
pub(super) struct CredentialsArguments {
    /// The data directory of the endpoint
    #[arg(long, value_name = "DIRECTORY", default_value = "./data")]
    pub(super) data_dir: PathBuf,
}

//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::dead_letters::DeadLetterArguments;
use super::embedded_queues::{PeekArguments, PurgeArguments, TopicsArguments};
use super::format::Format;
use super::publish::PublishArguments;
use super::receive::ReceiveArguments;
use super::subscriptions::SubscriptionsArguments;
use crate::config::{Overrides, Source};

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

impl SourceArguments {
    /// The named file, else what is built in.
    pub(super) fn source(&self) -> Source {
        match (&self.config, &self.user_properties) {
            (Some(file), _) => Source::File(file.clone()),
            (None, Some(file)) => Source::UserProperties(file.clone()),
            (None, None) => Source::BuiltIn,
        }
    }
}

/// The configuration that a command looks at: a file by itself, or with the flag that the start takes.
#[derive(Debug, Args)]
#[group(id = "source", multiple = false)]
pub(super) struct FileArguments {
    /// Configuration file (TOML), or the vendor's own user.properties
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Configuration file (TOML), as at the start
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The vendor's own user.properties file, as at the start
    #[arg(long, value_name = "FILE")]
    pub(super) user_properties: Option<PathBuf>,
}

/// A configuration, for commands that look at one profile of it.
#[derive(Debug, Args)]
pub(super) struct ProfileArguments {
    #[command(flatten)]
    pub(super) source: FileArguments,
    /// Where the embedded endpoint keeps its keys [default: ./data]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) data_dir: Option<PathBuf>,
    /// The profile
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

impl ProfileArguments {
    /// What the flags set.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides { data_dir: self.data_dir.clone(), ..Overrides::default() }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Checks a configuration and every file it names, without starting anything
    Check(CheckArguments),
    /// Asks each profile's MQ whether it would serve us: names, TLS, clock, keys, topics, groups. Publishes nothing
    ///
    /// With the embedded endpoint it also asks the gateway that runs at management.listen what is wrong with its store.
    /// Exit code 0: all good, warnings allowed; 1: something failed; 2: usage, or a file that cannot be read.
    Doctor(DoctorArguments),
    /// Shows how a request is signed, for comparing with a vendor's sample. Sends nothing
    Sign(SignArguments),
    /// Converts the vendor's user.properties into a configuration and key files
    Import(ImportArguments),
    /// Makes a pair of keys for a caller of the drop-in relay, [callers.NAME]
    IssueKey(IssueKeyArguments),
    /// Runs the embedded MQ endpoint alone
    EmbeddedMq(EmbeddedArguments),
    /// Publishes a message, or a file of them, through a running gateway
    ///
    /// Prints the message id. With --ndjson failures go to stderr, by line, with code and outcome: what was certainly not published is
    /// tried again for --retry-for where that may help, what may have been published never. Exit code 0: everything is published; 1:
    /// not, or not known; 2: usage, or a file that cannot be read.
    Publish(PublishArguments),
    /// Receives a group's messages from a running gateway, a line each
    ///
    /// Without --ack the group gets them again. Exit code 0: done, with or without messages; 1: it could not be, or a message could not
    /// be acknowledged; 2: usage, or a file that cannot be read.
    Receive(ReceiveArguments),
    /// Looks at dead letters, sends them again, or drops them, at a running gateway's management listener
    DeadLetters(DeadLetterArguments),
    /// Shows the subscriptions of running gateways, and pauses or resumes them
    ///
    /// Every replica has subscriptions of its own that are paused by themselves: name each with --url. Exit code 0: all answered; 1: one
    /// did not, or has no such subscription; 2: usage.
    Subscriptions(SubscriptionsArguments),
    /// Prints a script that completes this program's commands and flags in a shell
    ///
    /// bash: `mq-gateway completions bash > ~/.local/share/bash-completion/completions/mq-gateway`
    Completions(CompletionsArguments),
    /// Prints the manual page, or writes a page for each command
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The vendor's own user.properties file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Where gateway.toml and secrets/ are written; created if missing, and nothing there is overwritten
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct IssueKeyArguments {
    /// Where access_key and secret_key are written; created if missing, and nothing there is overwritten
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("needed").required(true).args(["file", "config", "user_properties"])))]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) source: FileArguments,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    pub(super) common: ProfileArguments,
    /// Also writes a file to attach to a bug report: versions, configuration and metrics, without keys or messages. `-`: to stdout,
    /// in place of the findings, which are in it
    #[arg(long, value_name = "FILE")]
    pub(super) bundle: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct SignArguments {
    #[command(flatten)]
    pub(super) common: ProfileArguments,
    /// Shows the text to sign, the body's digest and the request; nothing else is offered
    #[arg(long)]
    pub(super) explain: bool,
    /// Which request
    #[arg(long, value_enum)]
    pub(super) operation: Operation,
    /// The topic
    #[arg(long)]
    pub(super) topic: String,
    /// The consumer group; for a publish the producer group [default there: the profile's], which only ons-http sends
    #[arg(long)]
    pub(super) group: Option<String>,
    /// The message, as text [default: empty]
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    pub(super) body: Option<String>,
    /// The message, as the bytes of a file
    #[arg(long, value_name = "FILE")]
    pub(super) body_file: Option<PathBuf>,
    /// The message's tag [default: the topic's]; for a consume of mq-http the tags wanted, `TagA||TagB`
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// The message's key, or keys with a blank between [default: the topic's]
    #[arg(long)]
    pub(super) key: Option<String>,
    /// The handle to acknowledge: the MQ's own, as it came, not percent-encoded
    #[arg(long, allow_hyphen_values = true)]
    pub(super) handle: Option<String>,
    /// Time of signing, in milliseconds since 1970 [default: now]
    #[arg(long, value_name = "MILLIS")]
    pub(super) time: Option<u64>,
    /// Shows the signature, too: whoever has it can send this request for 15 seconds (mq-http: 15 minutes; rocketmq: any request, as
    /// long as the key is good)
    #[arg(long)]
    pub(super) show_signature: bool,
}

/// The requests, the same in every protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Operation {
    /// POST
    Publish,
    /// GET
    Consume,
    /// DELETE
    Ack,
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
    /// Lists topics and groups with what is in them, of an endpoint that runs
    Topics(TopicsArguments),
    /// Shows messages of a topic without taking them
    Peek(PeekArguments),
    /// Empties a topic, or what a group has not acknowledged of it
    Purge(PurgeArguments),
}

#[derive(Debug, Args)]
pub(super) struct CredentialsArguments {
    /// The data directory of the endpoint
    #[arg(long, value_name = "DIRECTORY", default_value = "./data")]
    pub(super) data_dir: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Writes mq-gateway.1 and a page for each command into this directory; created if missing, and nothing there is overwritten
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) out: Option<PathBuf>,
}

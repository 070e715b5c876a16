//! The command line: flags, commands, exit codes (0 good, 1 checked and bad, 2 usage or unreadable file).

mod arguments;
mod check;
mod client;
mod completions;
mod configuration;
mod credentials;
mod dead_letters;
mod doctor;
mod embedded_queues;
mod environment;
mod failure;
mod format;
mod import;
mod issue_key;
mod man;
mod new_files;
mod output;
mod profile_access;
mod progress;
mod publish;
mod receive;
mod run;
mod sign;
mod stop;
mod subscriptions;
mod time_text;
mod visible;
mod width;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command, EmbeddedCommand};

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        None => run::gateway(&arguments),
        Some(Command::Check(check)) => check::check(check),
        Some(Command::Doctor(doctor)) => doctor::doctor(doctor),
        Some(Command::Sign(sign)) => sign::sign(sign),
        Some(Command::Import(import)) => import::import(import),
        Some(Command::IssueKey(issue_key)) => issue_key::issue_key(issue_key),
        Some(Command::Publish(publish)) => publish::publish(publish),
        Some(Command::Receive(receive)) => receive::receive(receive),
        Some(Command::DeadLetters(dead_letters)) => dead_letters::dead_letters(dead_letters),
        Some(Command::Subscriptions(it)) => subscriptions::subscriptions(it),
        Some(Command::Completions(completions)) => completions::print(completions.shell),
        Some(Command::Man(man)) => man::man(man.out.as_deref()),
        Some(Command::EmbeddedMq(embedded)) => match &embedded.command {
            None => run::embedded(embedded),
            Some(EmbeddedCommand::Credentials(credentials)) => credentials::print(credentials),
            Some(EmbeddedCommand::Topics(topics)) => embedded_queues::topics(topics),
            Some(EmbeddedCommand::Peek(peek)) => embedded_queues::peek(peek),
            Some(EmbeddedCommand::Purge(purge)) => embedded_queues::purge(purge),
        },
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::complain(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}

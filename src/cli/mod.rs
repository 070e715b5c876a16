//! The command line: flags, commands, exit codes (0 good, 1 checked and bad, 2 usage or unreadable file).

mod arguments;
mod check;
mod client;
mod configuration;
mod credentials;
mod doctor;
mod failure;
mod import;
mod issue_key;
mod new_files;
mod output;
mod profile_access;
mod run;
mod sign;
mod visible;

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
        Some(Command::EmbeddedMq(embedded)) => match &embedded.command {
            None => run::embedded(embedded),
            Some(EmbeddedCommand::Credentials(credentials)) => credentials::print(credentials),
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

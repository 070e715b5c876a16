//! The command line: flags, commands, exit codes (0 good, 1 checked and bad, 2 usage or unreadable file).

mod arguments;
mod check;
mod credentials;
mod doctor;
mod environment;
mod import;
mod issue_key;
mod new_files;
mod profile_access;
mod run;
mod sign;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command, EmbeddedCommand};

/// Bad, and the reason was printed.
const BAD: u8 = 1;
/// The command line or a file it names could not be used.
const USAGE: u8 = 2;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        None => run::gateway(&arguments),
        Some(Command::Check(check)) => check::check(check),
        Some(Command::Doctor(asked)) => doctor::doctor(asked),
        Some(Command::Sign(asked)) => sign::sign(asked),
        Some(Command::Import(asked)) => import::import(asked),
        Some(Command::IssueKey(asked)) => issue_key::issue_key(asked),
        Some(Command::EmbeddedMq(embedded)) => match &embedded.command {
            None => run::embedded(embedded),
            Some(EmbeddedCommand::Credentials(asked)) => credentials::print(asked),
        },
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            complain(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why a command ended without doing what it should.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn bad(message: impl std::fmt::Display) -> Self {
        Self { code: BAD, message: message.to_string() }
    }

    fn usage(message: impl std::fmt::Display) -> Self {
        Self { code: USAGE, message: message.to_string() }
    }
}

/// One line on stderr for a person.
fn complain(message: &str) {
    use std::io::Write as _;
    // Nowhere is left to report a closed stderr.
    drop(writeln!(std::io::stderr(), "mq-gateway: {message}"));
}

/// The command's answer on stdout.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{text}").map_err(|error| Failure::bad(format!("could not write to stdout: {error}")))
}

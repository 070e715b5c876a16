//! What a command prints.

use std::io::{self, Write as _};

use super::failure::Failure;

/// A command's result on stdout.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(|error| Failure::bad(format!("could not write to stdout: {error}")))
}

/// One line on stderr for a person.
pub(super) fn complain(message: &str) {
    // Nowhere is left to report a closed stderr.
    drop(writeln!(io::stderr(), "mq-gateway: {message}"));
}

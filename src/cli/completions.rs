//! `mq-gateway completions`: what a shell needs to complete commands and flags.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::arguments::Arguments;
use super::failure::Failure;

/// Prints the script.
pub(super) fn print(shell: Shell) -> Result<u8, Failure> {
    // Into memory first: the library panics where it cannot write.
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "mq-gateway", &mut script);
    let written = io::stdout().write_all(&script);
    written.map(|()| 0).map_err(|error| Failure::bad(format!("could not write to stdout: {error}")))
}

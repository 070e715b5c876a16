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
    if shell == Shell::Bash {
        script = one_spelling(&script);
    }
    let written = io::stdout().write_all(&script);
    written.map(|()| 0).map_err(|error| Failure::bad(format!("could not write to stdout: {error}")))
}

/// The library spells the hyphen of a program's name in two ways in a script for bash, so that nothing after a subcommand would be completed
/// (clap-rs/clap#6421).
fn one_spelling(script: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(script).replace("mq__subcmd__gateway", "mq__gateway").into_bytes()
}

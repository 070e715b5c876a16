//! What a command prints.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::value::RawValue;

use super::failure::Failure;
use super::visible::visible_json;

/// A command's result on stdout.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(|error| Failure::bad(format!("could not write to stdout: {error}")))
}

/// JSON on stdout; on a terminal with what that would act on escaped.
pub(super) fn print_json(json: &str) -> Result<(), Failure> {
    if io::stdout().is_terminal() { print(&visible_json(json)) } else { print(json) }
}

/// JSON on one line: what stands between its parts can be an end of line, what is in its strings never.
pub(super) fn on_one_line(raw: &RawValue) -> String {
    raw.get().replace(['\n', '\r'], " ")
}

/// One line on stderr for a person.
pub(super) fn complain(message: &str) {
    // Nowhere is left to report a closed stderr.
    drop(writeln!(io::stderr(), "mq-gateway: {message}"));
}

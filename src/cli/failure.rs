//! Exit codes, and why a command ended without doing what it should.

use std::fmt::Display;

/// Bad, and the reason was printed.
pub(super) const BAD: u8 = 1;
/// The command line or a file it names could not be used.
pub(super) const USAGE: u8 = 2;

/// What is printed on stderr, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn bad(message: impl Display) -> Self {
        Self { code: BAD, message: message.to_string() }
    }

    pub(super) fn usage(message: impl Display) -> Self {
        Self { code: USAGE, message: message.to_string() }
    }
}

//! Exit codes, and why a command ended without doing what it should.

use std::fmt::Display;

use crate::config::ConfigErrors;

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

impl From<ConfigErrors> for Failure {
    /// Every problem at once; a file that cannot be read is a usage error.
    fn from(errors: ConfigErrors) -> Self {
        if errors.is_unreadable() { Self::usage(errors) } else { Self::bad(errors) }
    }
}

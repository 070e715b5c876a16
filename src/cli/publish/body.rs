//! A message's bytes: from the command line, stdin or a file.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::os::unix::ffi::OsStrExt as _;

use bytes::Bytes;

use crate::cli::failure::Failure;

/// More than any MQ takes in one message.
const MOST_BYTES: u64 = 64 << 20;

/// Reads what `argument` stands for.
pub(super) fn read(argument: &OsStr) -> Result<Bytes, Failure> {
    match argument.as_bytes() {
        b"-" => whole(io::stdin().lock(), "stdin"),
        [b'@', path @ ..] => {
            let path = OsStr::from_bytes(path);
            let shown = path.to_string_lossy();
            let file = File::open(path).map_err(|error| {
                Failure::usage(format!(
                    "{shown} could not be read: {error}; a message that begins with @ comes by stdin, `-`"
                ))
            })?;
            whole(file, &shown)
        }
        text => Ok(Bytes::copy_from_slice(text)),
    }
}

/// Reads what comes by stdin where no argument says that it does.
pub(super) fn of_stdin() -> Result<Bytes, Failure> {
    const WAYS: &str = "write the text, `-` for stdin, or @FILE behind the topic";
    if io::stdin().is_terminal() {
        return Err(Failure::usage(format!("the message is missing: {WAYS}")));
    }
    let bytes = whole(io::stdin().lock(), "stdin")?;
    if bytes.is_empty() {
        // Jobs without a stdin must not publish nothing by mistake.
        return Err(Failure::usage(format!(
            "the message is missing, and stdin is empty: {WAYS}; '' is an empty message"
        )));
    }
    Ok(bytes)
}

fn whole(source: impl Read, name: &str) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    let read = source.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("{name} could not be read: {error}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Failure::usage(format!("{name} holds more than {MOST_BYTES} bytes: no MQ takes such a message")));
    }
    Ok(bytes.into())
}

//! Reads files of headers that go with every call to the collector of traces, or to a subscription's target: `name: value`, one a line.

use std::path::Path;

use crate::signature::Secret;

use super::secret_file::{CredentialsError, read};
use super::values::{ExtraHeader, Flaw};

/// Names in small letters, and their values.
pub type Headers = Vec<(String, Secret)>;

/// What gRPC or HTTP sets itself.
const RESERVED: [&str; 8] =
    ["connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade", "user-agent"];

/// Reads every header of a file that goes with the requests of a subscription, in the same form.
///
/// # Errors
/// As [`load_headers`].
pub fn load_push_headers(path: &Path) -> Result<Vec<ExtraHeader>, CredentialsError> {
    push_headers_of(&read(path)?, path)
}

/// The same of the content of the file.
pub(super) fn push_headers_of(bytes: &[u8], path: &Path) -> Result<Vec<ExtraHeader>, CredentialsError> {
    let parse = |line: &str| ExtraHeader::parse(line).map_err(|flaw| flaw.detail);
    read_lines(bytes, path, parse, |header| &header.name)
}

/// Reads every header of a file. Empty lines, and those that begin with `#`, say nothing.
///
/// # Errors
/// The file is missing, unreadable or larger than 16 KiB, or has a line that is no header. Never says what is in it.
pub fn load_headers(path: &Path) -> Result<Headers, CredentialsError> {
    headers_of(&read(path)?, path)
}

/// The same of the content of the file.
pub(super) fn headers_of(bytes: &[u8], path: &Path) -> Result<Headers, CredentialsError> {
    let parse = |line: &str| match header(line) {
        Ok((name, value)) => Ok((name, Secret::new(value.to_owned()))),
        Err(flaw) => Err(flaw.to_owned()),
    };
    read_lines(bytes, path, parse, |(name, _)| name)
}

fn read_lines<T>(
    bytes: &[u8],
    path: &Path,
    parse: impl Fn(&str) -> Result<T, String>,
    name_of: impl Fn(&T) -> &String,
) -> Result<Vec<T>, CredentialsError> {
    let unusable = |flaw: Flaw| CredentialsError::Unusable { path: path.to_owned(), flaw: flaw.detail };
    let text = std::str::from_utf8(bytes).map_err(|_| unusable(Flaw::new("is not UTF-8")))?;
    let mut headers = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let flaw = |detail: &str| unusable(Flaw::new(format!("{detail} in line {number}")));
        let header = parse(line).map_err(|detail| flaw(&detail))?;
        if headers.iter().any(|known| name_of(known) == name_of(&header)) {
            return Err(flaw("has a name that was there before"));
        }
        headers.push(header);
    }
    if headers.is_empty() {
        return Err(unusable(Flaw::new("has no header: write `name: value`, one a line")));
    }
    Ok(headers)
}

fn header(line: &str) -> Result<(String, &str), &'static str> {
    let (name, value) = line.split_once(':').ok_or("has no header (`name: value`)")?;
    let (name, value) = (name.trim_end().to_ascii_lowercase(), value.trim());
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err("has a name that no header has");
    }
    if RESERVED.contains(&name.as_str()) || name.starts_with("grpc-") || name.ends_with("-bin") {
        return Err("has a header that the protocol sets itself, or gives another meaning,");
    }
    if value.is_empty() || !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("has a value that is empty or holds anything but visible ASCII characters,");
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &[u8]) -> Result<Headers, CredentialsError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("headers");
        std::fs::write(&path, text).unwrap();
        load_headers(&path)
    }

    #[test]
    fn headers_are_read_line_by_line() {
        let headers = load(b"# of the collector\n\nAuthorization: Bearer a:b=\r\nx-team:  mq \n").unwrap();
        let shown: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(shown, [("authorization", "Bearer a:b="), ("x-team", "mq")]);
    }

    #[test]
    fn what_is_no_header_is_told_by_its_line_and_not_shown() {
        for (text, flaw) in [
            ("", "has no header"),
            ("# nothing\n", "has no header"),
            ("x: y\nCANARY", "line 2"),
            ("CANARY CANARY: x", "a name that no header has in line 1"),
            (": CANARY", "a name that no header has"),
            ("x:", "a value that is empty"),
            ("x: CANARY\u{7}", "visible ASCII"),
            ("x: CANARYé", "visible ASCII"),
            ("grpc-timeout: CANARY", "the protocol sets itself"),
            ("x-bin: CANARY", "the protocol sets itself"),
            ("Content-Type: CANARY", "the protocol sets itself"),
            ("x: CANARY\nX: CANARY", "was there before in line 2"),
        ] {
            let error = load(text.as_bytes()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(flaw) && !shown.contains("CANARY"), "{text:?}: {shown}");
        }
        assert!(load(b"\xff").unwrap_err().to_string().contains("UTF-8"));
    }
}

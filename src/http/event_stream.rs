//! Server-sent events (WHATWG HTML, 9.2), as far as they are written: lines that end with LF, an empty line after each event.
//!
//! A raw line end inside a value would begin another field, so data has a line for each of its own; an id with anything but plain
//! ASCII is left out, as clients read those differently, or never come back.

use memchr::memchr2;

/// The media type.
pub(super) const EVENT_STREAM: &str = "text/event-stream";
/// What readers see as nothing, and connections as a sign of life.
pub(super) const PING: &[u8] = b":\n\n";

/// How long a client waits before it comes back, in milliseconds.
pub(super) fn retry(millis: u32) -> String {
    format!("retry: {millis}\n\n")
}

/// One event; `data` writes what it says. A `kind` is what scripts listen for; without one it is a message.
pub(super) fn event(text: &mut Vec<u8>, kind: Option<&'static str>, id: Option<&str>, data: impl FnOnce(&mut Vec<u8>)) {
    if let Some(kind) = kind {
        field(text, b"event", kind.as_bytes());
    }
    if let Some(id) = id.filter(|id| is_plain(id)) {
        field(text, b"id", id.as_bytes());
    }
    let begin = text.len();
    text.extend_from_slice(b"data: ");
    let data_begins = text.len();
    data(text);
    let has_line_ends = memchr2(b'\r', b'\n', text.get(data_begins..).unwrap_or_default()).is_some();
    if has_line_ends {
        let data = text.split_off(data_begins);
        text.truncate(begin);
        lines(&data, |line| field(text, b"data", line));
    } else {
        text.push(b'\n');
    }
    text.push(b'\n');
}

fn field(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\n"] {
        text.extend_from_slice(part);
    }
}

/// Every line of `data`, which end by LF, CR, or both together.
fn lines<'a>(mut data: &'a [u8], mut line: impl FnMut(&'a [u8])) {
    while let Some(end) = memchr2(b'\r', b'\n', data) {
        let (before, after) = data.split_at(end);
        line(before);
        data = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    line(data);
}

/// Whether every client reads an id alike.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(any(test, fuzzing))]
#[path = "../../tests/it/support/event_source.rs"]
#[allow(unreachable_pub, reason = "shared with the tests of the whole program")]
pub(super) mod event_source;

#[cfg(test)]
mod tests {
    use super::event_source::{Event, EventSource};
    use super::*;
    use crate::random::Random;

    /// Lines of data end alike for a reader, however they were written.
    fn as_read(data: &str) -> String {
        data.replace("\r\n", "\n").replace('\r', "\n")
    }

    #[test]
    fn readers_get_what_was_written() {
        let random = Random::seeded(7);
        let parts = [
            "\r",
            "\n",
            "\r\n",
            "\0",
            "\u{feff}",
            " ",
            ":",
            "data: x",
            "event: y",
            "\u{2028}",
            "中",
            "{\"a\":1}",
            "id: 7",
        ];
        for _ in 0..2000 {
            let chosen = random.bytes16().unwrap();
            let length = usize::from(chosen[0]) % 12;
            let data: String = chosen[1..=length].iter().map(|byte| parts[usize::from(*byte) % parts.len()]).collect();
            let mut source = EventSource::default();
            let mut text = retry(2500).into_bytes();
            event(&mut text, None, Some("7F00-1"), |text| text.extend_from_slice(data.as_bytes()));
            text.extend_from_slice(PING);
            event(&mut text, Some("problem"), Some("no\nid"), |text| text.extend_from_slice(data.as_bytes()));
            source.read(&text);
            let expected =
                |kind: &str| Event { kind: kind.to_owned(), last_event_id: "7F00-1".to_owned(), data: as_read(&data) };
            assert_eq!(source.events, [expected("message"), expected("problem")], "{data:?}");
            assert_eq!((source.retry, source.comments), (Some(2500), 1));
        }
    }

    fn written(kind: Option<&'static str>, id: Option<&str>, data: &str) -> String {
        let mut text = Vec::new();
        event(&mut text, kind, id, |text| text.extend_from_slice(data.as_bytes()));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn an_event_has_a_line_for_each_of_its_datas_lines() {
        for (data, expected) in [
            ("{}", "data: {}\n\n"),
            ("", "data: \n\n"),
            ("a\nb", "data: a\ndata: b\n\n"),
            ("a\rb", "data: a\ndata: b\n\n"),
            ("a\r\nb", "data: a\ndata: b\n\n"),
            ("a\n\rb", "data: a\ndata: \ndata: b\n\n"),
            ("a\n", "data: a\ndata: \n\n"),
            ("\r\nevent: x", "data: \ndata: event: x\n\n"),
            ("\u{2028}\u{85}", "data: \u{2028}\u{85}\n\n"),
        ] {
            assert_eq!(written(None, None, data), expected, "{data:?}");
        }
        assert_eq!(written(Some("problem"), Some("7F00"), "x"), "event: problem\nid: 7F00\ndata: x\n\n");
    }

    #[test]
    fn an_id_that_clients_read_differently_is_left_out() {
        for (id, is_there) in
            [("7F0 -1", true), ("", false), ("ü", false), ("a\0", false), ("a\nb", false), ("\u{7f}", false)]
        {
            assert_eq!(written(None, Some(id), "x").starts_with("id: "), is_there, "{id:?}");
        }
    }
}

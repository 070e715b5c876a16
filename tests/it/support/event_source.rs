//! An `EventSource`'s view of a stream: the parser of WHATWG HTML 9.2.6, for bytes that come in any pieces.

/// An event as scripts see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub kind: String,
    pub last_event_id: String,
    pub data: String,
}

/// What was read so far.
#[derive(Debug, Default)]
pub struct EventSource {
    /// Bytes of a line that is not whole.
    line: Vec<u8>,
    /// The last byte was a CR: a LF right after it belongs to it.
    after_cr: bool,
    began: bool,
    kind: String,
    data: Option<String>,
    last_event_id: String,
    /// How long to wait before coming back, in milliseconds.
    pub retry: Option<u64>,
    /// Lines that were comments.
    pub comments: usize,
    /// Events that nobody has taken yet.
    pub events: Vec<Event>,
}

impl EventSource {
    /// More bytes come.
    pub fn read(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let ends_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if ends_cr => {}
                b'\r' | b'\n' => self.end_line(),
                _ => self.line.push(byte),
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let is_first = !std::mem::replace(&mut self.began, true);
        let line = if is_first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if line.is_empty() {
            self.dispatch();
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => self.comments += 1,
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                let data = self.data.get_or_insert_default();
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.last_event_id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok();
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let kind = std::mem::take(&mut self.kind);
        let Some(mut data) = self.data.take() else { return };
        data.pop();
        let kind = if kind.is_empty() { "message".to_owned() } else { kind };
        self.events.push(Event { kind, last_event_id: self.last_event_id.clone(), data });
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;

    /// A mebibyte in one line.
    #[test]
    fn a_long_line_is_one_event() {
        let mut source = EventSource::default();
        source.read(format!("data: {}\n\n", "x".repeat(1 << 20)).as_bytes());
        assert_eq!(source.events.len(), 1);
        assert_eq!(source.events[0].data.len(), 1 << 20);
    }

    /// What a browser made of these streams, in one piece and in many.
    #[test]
    fn streams_are_read_as_a_browser_reads_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/push-vectors.json");
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let vectors = file["sse"]["streams"].as_array().unwrap();
        assert_eq!(vectors.len(), 29);
        // The other one, of a mebibyte, is not written out; see above.
        for vector in vectors.iter().filter(|vector| vector["stream_base64"].is_string()) {
            let bytes = STANDARD.decode(vector["stream_base64"].as_str().unwrap()).unwrap();
            let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
            let event = |event: &Value| Event {
                kind: text(event, "type"),
                last_event_id: text(event, "lastEventId"),
                data: text(event, "data"),
            };
            let expected: Vec<_> = vector["events"].as_array().unwrap().iter().map(event).collect();
            for piece in [1, 7, bytes.len().max(1)] {
                let mut source = EventSource::default();
                bytes.chunks(piece).for_each(|piece| source.read(piece));
                assert_eq!(source.events, expected, "{}", vector["name"]);
            }
        }
    }
}

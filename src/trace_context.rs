//! Where a request belongs in a distributed trace (W3C Trace Context, the headers `traceparent` and `tracestate`).

use std::fmt;
use std::sync::Arc;

/// The name of the header, and of the property of a message.
pub const TRACEPARENT: &str = "traceparent";
/// The second header's name, and the property's.
pub const TRACESTATE: &str = "tracestate";

/// What a `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The whole trace; never zero.
    pub trace_id: TraceId,
    /// The span that what follows is a part of: the caller's own, where it came from a caller. Never zero.
    pub span_id: SpanId,
    /// Whether the trace is recorded by whoever sent it.
    pub is_sampled: bool,
}

/// The id of a trace: 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span: 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub [u8; 8]);

impl TraceContext {
    /// Reads `00-TRACE-PARENT-FLAGS`; `None` for anything else, which is treated as if it had not been sent. Newer versions
    /// may have more at the end.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let [version] = digits(parts.next()?)?;
        let (trace_id, span_id, [flags]) =
            (digits(parts.next()?)?, digits(parts.next()?)?, digits::<1>(parts.next()?)?);
        let ends = parts.next().is_none() || (version > 0 && version < 0xff);
        let is_valid = ends && version != 0xff && trace_id != [0; 16] && span_id != [0; 8];
        is_valid.then_some(Self { trace_id: TraceId(trace_id), span_id: SpanId(span_id), is_sampled: flags & 1 == 1 })
    }
}

/// As a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-0{}", self.trace_id, self.span_id, u8::from(self.is_sampled))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What tracing systems say of a trace among themselves (`tracestate`): passed on as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceState(Arc<str>);

impl TraceState {
    /// The recommendation asks everybody to pass on so much; more is not kept.
    const MOST_BYTES: usize = 512;
    const MOST_MEMBERS: usize = 32;

    /// Reads the header's values, which are one list; `None` where there is nothing in them, or nothing that could be passed on.
    #[must_use]
    pub fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut text = String::new();
        let mut members = 0;
        for member in values.flat_map(|value| value.split(',')).map(str::trim).filter(|member| !member.is_empty()) {
            let (key, value) = member.split_once('=')?;
            members += 1;
            let is_plain = member.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            if key.is_empty() || value.is_empty() || !is_plain || members > Self::MOST_MEMBERS {
                return None;
            }
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(member);
        }
        (!text.is_empty() && text.len() <= Self::MOST_BYTES).then(|| Self(text.into()))
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Exactly this many bytes as lower-case hexadecimal digits.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    if text.len() != N * 2 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_is_read_as_the_recommendation_says() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::parse(text).unwrap();
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((context.span_id.to_string().as_str(), context.is_sampled), ("00f067aa0ba902b7", true));
        assert_eq!(context.to_string(), text);
        let newer = TraceContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more").unwrap();
        assert!(!newer.is_sampled);
        assert_eq!(newer.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn tracestate_is_one_list_or_nothing() {
        let check = |values: &[&str], expected: Option<&str>| {
            let state = TraceState::parse(values.iter().copied());
            assert_eq!(state.as_ref().map(TraceState::as_str), expected, "{values:?}");
        };
        check(&["a=1,b@c=2"], Some("a=1,b@c=2"));
        check(&["a=1 , ,b=2", "c=3"], Some("a=1,b=2,c=3"));
        check(&[], None);
        check(&[" , "], None);
        check(&["a"], None);
        check(&["=1"], None);
        check(&["a=\u{7f}"], None);
        check(&["a=é"], None);
        check(&[&format!("a={}", "x".repeat(510))], Some(&format!("a={}", "x".repeat(510))));
        check(&[&format!("a={}", "x".repeat(511))], None);
        check(&[&vec!["a=1"; 33].join(",")], None);
    }
}

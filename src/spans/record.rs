//! What a span says once it has ended.

use crate::trace_context::{SpanId, TraceContext, TraceId, TraceState};

/// Most characters of a text that somebody else chose.
const MOST_CHARS: usize = 256;

/// A span that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanRecord {
    /// The trace.
    pub trace_id: TraceId,
    /// The span itself.
    pub span_id: SpanId,
    /// What it is a part of; `None` at the root.
    pub parent: Option<SpanId>,
    /// The parent is another process's.
    pub has_remote_parent: bool,
    /// What tracing systems say of the trace.
    pub state: Option<TraceState>,
    /// What it is called, with few distinct names in all.
    pub name: String,
    /// Which side of what.
    pub kind: SpanKind,
    /// When it began, in nanoseconds since 1970.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// What is known of it, by OpenTelemetry's names.
    pub attributes: Vec<(&'static str, Value)>,
    /// Other traces that it has to do with.
    pub links: Vec<Link>,
    /// Whether it failed.
    pub status: Status,
}

/// Which side of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// A request that was answered.
    Server,
    /// A request that was made.
    Client,
}

/// Whether a span failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It did not, or nothing is said of that.
    Unset,
    /// It did.
    Error,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One of ours.
    Word(&'static str),
    /// Somebody else's.
    Text(String),
    /// A number.
    Number(i64),
}

/// Another trace that a span has to do with, and of which message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where in the other trace.
    pub to: TraceContext,
    /// What is known of the connection.
    pub attributes: Vec<(&'static str, Value)>,
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Value {
    /// A text that somebody else chose: its beginning, where it is long.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.chars().take(MOST_CHARS).collect())
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Word(_) | Self::Number(_) => 0,
            Self::Text(text) => text.len(),
        }
    }
}

fn bytes_of(attributes: &[(&'static str, Value)], capacity: usize) -> usize {
    let texts: usize = attributes.iter().map(|(_, value)| value.bytes()).sum();
    capacity * size_of::<(&str, Value)>() + texts
}

impl SpanRecord {
    /// About what it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of_link = |link: &Link| size_of::<Link>() + bytes_of(&link.attributes, link.attributes.capacity());
        let links: usize = self.links.iter().map(of_link).sum();
        let state = self.state.as_ref().map_or(0, |state| state.as_str().len());
        size_of::<Self>() + self.name.len() + state + bytes_of(&self.attributes, self.attributes.capacity()) + links
    }
}

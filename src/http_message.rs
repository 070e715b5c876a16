//! An HTTP request as plain data: what the codecs of the protocols build, what `outbound` sends, and what `sign` shows.
//! It names no HTTP library.

use bytes::Bytes;

/// The methods that the gateway sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `POST`.
    Post,
    /// `GET`.
    Get,
    /// `DELETE`.
    Delete,
    /// `PUT`, to our own embedded endpoint only.
    Put,
}

impl Method {
    /// As on the request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Delete => "DELETE",
            Self::Put => "PUT",
        }
    }
}

/// A request ready for the wire. Its headers may hold a signature: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "a signature in a log can be replayed")]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query in origin form, percent-encoded.
    pub target: String,
    /// Every header but `Host` and `Content-Length`; names spelled as their protocol documents them, values without
    /// control characters.
    pub headers: Vec<(&'static str, String)>,
    /// `None` sends no body and no length.
    pub body: Option<Bytes>,
}

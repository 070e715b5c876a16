//! An origin in the HTTP library's types.

use actix_web::http::header::HeaderValue;
use actix_web::http::uri::{Authority, Parts, PathAndQuery, Scheme, Uri};
use bytes::Bytes;

/// An origin in the library's types.
#[derive(Debug, Clone)]
pub(super) struct LibraryOrigin {
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
}

impl LibraryOrigin {
    /// `None` where `authority` is not one.
    pub(super) fn new(tls: bool, authority: &str, host_header: &str) -> Option<Self> {
        let scheme = if tls { Scheme::HTTPS } else { Scheme::HTTP };
        let authority = Authority::try_from(authority).ok()?;
        Some(Self { scheme, authority, host: HeaderValue::from_str(host_header).ok()? })
    }

    /// The `Host` header.
    pub(super) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The URI of a target at this origin. The target is percent-encoded ASCII from a codec: there always is one.
    pub(super) fn uri(&self, target: String) -> Option<Uri> {
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_maybe_shared(Bytes::from(target)).ok()?);
        Uri::from_parts(parts).ok()
    }
}

//! `Prefer: wait=N` (RFC 7240): the caller's patience in seconds.

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The first `wait` of any `Prefer` header; a preference that cannot be read is none, as the RFC has it.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    headers.get_all(PREFER).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split([',', ';'])).find_map(
        |preference| {
            let (name, value) = preference.trim().split_once('=')?;
            let seconds = value.trim().trim_matches('"').parse().ok()?;
            name.trim().eq_ignore_ascii_case("wait").then(|| Duration::from_secs(seconds))
        },
    )
}

//! What a request's head must be before anything looks at its body: sizes, origin, host, method, and what it accepts.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT_LANGUAGE, HOST, HeaderName, HeaderValue, ORIGIN, UPGRADE};

use crate::config::LimitsConfig;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a head is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    #[error("the request target has {actual} bytes, the limit is {limit}: send options in a JSON body")]
    UriTooLong { limit: usize, actual: usize },
    #[error("the request has {actual} headers, the limit is {limit}: send fewer")]
    TooManyHeaders { limit: usize, actual: usize },
    #[error("the request's headers have {actual} bytes, the limit is {limit}: send shorter ones")]
    HeadersTooLarge { limit: usize, actual: usize },
    /// The HTTP library would take everything that follows for one endless body. Other upgrades (`h2c`, which Java's client
    /// offers unasked) are declined by not answering them.
    #[error("Upgrade is not supported: leave this header out")]
    WebSocket,
    #[error(
        "the request is for a host that is no loopback address: send `Host: localhost` (a probe, scrape or sidecar has a setting \
         for it), or bind {listen} to a public address"
    )]
    HostNotAllowed {
        /// The configuration key that would allow it.
        listen: &'static str,
    },
    #[error("this web page's origin is not in server.allowed_origins")]
    OriginNotAllowed,
    #[error("a web page of another site may not ask for this")]
    SiteNotAllowed,
    #[error("the gateway is stopping: ask again, another replica answers")]
    Stopping,
    #[error("this route takes {allow}")]
    MethodNotAllowed { allow: &'static str },
    #[error("this route answers {produces}{}: accept it, or */*", .also.map(|also| format!(" or {also}")).unwrap_or_default())]
    NotAcceptable { produces: &'static str, also: Option<&'static str> },
}

/// Whose pages may call, and under which name.
#[derive(Debug, Clone)]
pub(super) struct OriginPolicy {
    /// Origins besides our own.
    pub(super) allowed: Vec<String>,
    /// The listener is on loopback: only loopback names are ours, so that no page can reach it by DNS rebinding.
    pub(super) loopback: bool,
}

/// Refuses a head that is too large, or that asks for a WebSocket.
pub(super) fn check_head(request: &HttpRequest, limits: &LimitsConfig) -> Result<(), HeadError> {
    let uri = request.uri();
    let target = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if target > limits.uri_bytes {
        return Err(HeadError::UriTooLong { limit: limits.uri_bytes, actual: target });
    }
    let headers = request.headers();
    let count = headers.len();
    if count > limits.headers {
        return Err(HeadError::TooManyHeaders { limit: limits.headers, actual: count });
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > limits.header_bytes {
        return Err(HeadError::HeadersTooLarge { limit: limits.header_bytes, actual: bytes });
    }
    if asks_for_websocket(request) { Err(HeadError::WebSocket) } else { Ok(()) }
}

/// As the HTTP library looks for it.
pub(super) fn asks_for_websocket(request: &HttpRequest) -> bool {
    let names = |value: &HeaderValue| {
        value.as_bytes().windows(b"websocket".len()).any(|part| part.eq_ignore_ascii_case(b"websocket"))
    };
    request.headers().get_all(UPGRADE).any(names)
}

/// What a request's `Origin` allows.
pub(super) enum Allowed {
    /// No page, or our own.
    Plain,
    /// A page of this foreign origin, which needs CORS headers.
    Foreign(String),
}

/// Refuses foreign host names where the listener at the key `listen` is on loopback.
pub(super) fn check_host(request: &HttpRequest, loopback: bool, listen: &'static str) -> Result<(), HeadError> {
    let is_ours = |host: &[u8]| is_usual(host) || std::str::from_utf8(host).is_ok_and(is_loopback);
    if loopback && host_of(request).is_some_and(|host| !is_ours(host)) {
        return Err(HeadError::HostNotAllowed { listen });
    }
    Ok(())
}

/// For whom a request is: a target that names a host counts for more than the header (RFC 9112 3.2.2).
fn host_of(request: &HttpRequest) -> Option<&[u8]> {
    let Some(authority) = request.uri().authority() else {
        return request.headers().get(HOST).map(HeaderValue::as_bytes);
    };
    let authority = authority.as_str();
    // Without the user before it.
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host).as_bytes())
}

/// Refuses pages of other origins, and foreign host names on loopback.
pub(super) fn check_origin(request: &HttpRequest, policy: &OriginPolicy) -> Result<Allowed, HeadError> {
    check_host(request, policy.loopback, "server.listen")?;
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(Allowed::Plain) };
    let origin = origin.to_str().unwrap_or_default();
    let own_host = host_of(request);
    // A proxy in front may speak https for us; nobody does on loopback.
    let own = origin.split_once("://").is_some_and(|(scheme, authority)| {
        own_host == Some(authority.as_bytes()) && (scheme == "http" || (scheme == "https" && !policy.loopback))
    });
    if own {
        return Ok(Allowed::Plain);
    }
    if policy.allowed.iter().any(|allowed| allowed == origin) {
        return Ok(Allowed::Foreign(origin.to_owned()));
    }
    Err(HeadError::OriginNotAllowed)
}

/// As [`check_origin`], for vendors' clients, whose `Host` is whatever they were pointed at (protocol notes ONS 7, item
/// 1). A foreign name is refused where a browser asks, since only a browser can be brought here by DNS rebinding; such a
/// page can leave out `Origin` and `Referer`, but no browser leaves out `Accept-Language`, and no SDK sends it.
pub(super) fn check_client_origin(request: &HttpRequest, policy: &OriginPolicy) -> Result<Allowed, HeadError> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) || headers.contains_key(ACCEPT_LANGUAGE) {
        check_origin(request, policy)
    } else {
        Ok(Allowed::Plain)
    }
}

/// Refuses what a page of another site makes a browser ask without an `Origin`: an image's address may be a poll. Only
/// for routes that change something; following a link to a page of ours is no harm.
pub(super) fn check_site(request: &HttpRequest) -> Result<(), HeadError> {
    let headers = request.headers();
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    if headers.contains_key(ORIGIN) || matches!(site, None | Some(b"same-origin" | b"none")) {
        return Ok(());
    }
    Err(HeadError::SiteNotAllowed)
}

/// Whether a `Host` value is what nearly every caller on loopback says: a look at a few bytes.
fn is_usual(host: &[u8]) -> bool {
    let port = [&b"127.0.0.1:"[..], b"localhost:"].iter().find_map(|name| host.strip_prefix(*name));
    port.and_then(|port| std::str::from_utf8(port).ok()).is_some_and(is_port)
}

fn is_port(digits: &str) -> bool {
    digits.parse::<u16>().is_ok()
}

/// Whether a `Host` value is a loopback address or `localhost`, with any port.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) => (name, port),
            None => return false,
        },
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let has_port = port.strip_prefix(':').is_some_and(is_port);
    let names_loopback = name.is_empty()
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    names_loopback && (has_port || port.is_empty())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_host_in_the_target_counts_for_more_than_the_header() {
        let check = |target: &str, host: &'static [u8], expected: bool| {
            let host = HeaderValue::from_bytes(host).unwrap();
            let request = TestRequest::with_uri(target).insert_header((HOST, host)).to_http_request();
            assert_eq!(check_host(&request, true, "key").is_ok(), expected, "{target}");
            assert!(check_host(&request, false, "key").is_ok(), "{target}");
        };
        check("/v1/topics", b"localhost", true);
        check("/v1/topics", b"evil.example", false);
        check("/v1/topics", b"\xff", false);
        check("/v1/topics", b"localhost\xff", false);
        check("http://127.0.0.1:8080/v1/topics", b"evil.example", true);
        check("http://[::1]/v1/topics", b"evil.example", true);
        check("http://evil.example/v1/topics", b"localhost", false);
        check("http://localhost@evil.example/v1/topics", b"localhost", false);
        check("http://evil.example@localhost/v1/topics", b"localhost", true);
        check("http://evil.example", b"localhost", false);
    }

    #[test]
    fn loopback_names() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8080", ""] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "example.com",
            "127.0.0.1.example.com:80",
            "10.0.0.1",
            "localhost.example.com",
            "[2001:db8::1]:1",
            "[::1",
            "127.0.0.1:1/x",
            "127.0.0.1:",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}

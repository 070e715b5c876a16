//! Where a subscription's messages are sent to: an http or https URL. Its query is a secret.

use std::fmt;

use super::endpoint::{EMBEDDED, Endpoint};
use super::flaw::Flaw;
use super::kind::TextRule;
use super::setting::{Setting, Value};
use crate::signature::Secret;

/// A URL. What is shown of it has no query.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    tls: bool,
    host: String,
    port: u16,
    path: String,
    query: Option<Secret>,
}

impl TargetUrl {
    /// Whether it is https.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls
    }

    /// A name in small letters, or an IP address; an IPv6 address is without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 1–65535.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as the request line has them. Not to be shown: a query may be a secret.
    #[must_use]
    pub fn request_target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{}", self.path, query.expose()),
            None => self.path.clone(),
        }
    }

    /// The whole URL. Not to be shown: a query may be a secret.
    #[must_use]
    pub fn exposed(&self) -> String {
        match &self.query {
            Some(query) => format!("{self}?{}", query.expose()),
            None => self.to_string(),
        }
    }

    /// Where its connections go, as an address of an MQ is written.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::Url { tls: self.tls, host: self.host.clone(), port: self.port }
    }

    /// As operators may see it.
    #[must_use]
    pub fn redacted(&self) -> String {
        let query = if self.has_query() { "?[redacted]" } else { "" };
        format!("{self}{query}")
    }

    /// Whether it has a query.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.query.is_some()
    }

    /// Reads a URL. The flaw never repeats it.
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        if text == EMBEDDED || !text.contains("://") {
            return Err(Flaw::new("expects a URL with its scheme").hint("begin with http:// or https://"));
        }
        if text.contains('#') {
            return Err(
                Flaw::new("must not have a fragment").hint("servers never see one: leave out `#` and what follows")
            );
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Flaw::new("has a character that no URL has")
                .hint("write it percent-encoded, %20 for a blank; a host name with non-ASCII characters as xn--…"));
        }
        let start = text.find("://").map_or(0, |at| at.saturating_add(3));
        let (scheme, rest) = text.split_at_checked(start).unwrap_or((text, ""));
        let (authority, tail) =
            rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
        let endpoint = Endpoint::parse(&format!("{scheme}{authority}")).map_err(|flaw| {
            if flaw.detail.contains("user information") {
                flaw.hint("a password or token belongs into the file of headers_file, as `authorization: …`")
            } else {
                flaw
            }
        })?;
        let Endpoint::Url { tls, host, port } = endpoint else {
            return Err(Flaw::new("expects a URL with its scheme").hint("begin with http:// or https://"));
        };
        let (path, query) = match tail.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (tail, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        let query = query.filter(|query| !query.is_empty()).map(|query| Secret::new(query.to_owned()));
        Ok(Self { tls, host, port, path: path.to_owned(), query })
    }
}

impl fmt::Display for TargetUrl {
    /// Without the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.tls { ("https", 443) } else { ("http", 80) };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]", self.host)?;
        } else {
            write!(f, "{scheme}://{}", self.host)?;
        }
        if self.port != usual {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUrl({})", self.redacted())
    }
}

/// For the key that holds it.
pub(crate) const TARGET: TextRule = TextRule {
    canonical: |text| TargetUrl::parse(text).map_or_else(|_| String::new(), |url| url.exposed()),
    ..TextRule::new("a URL such as \"https://orders.example/hooks\"", |text| TargetUrl::parse(text).map(drop))
};

impl Setting for TargetUrl {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown_without_their_query() {
        for (text, shown, target) in [
            ("http://Orders.example", "http://orders.example/", "/"),
            ("https://orders.example:443/a/b", "https://orders.example/a/b", "/a/b"),
            ("http://[::1]:8080/a?token=CANARY", "http://[::1]:8080/a", "/a?token=CANARY"),
            ("http://10.0.0.1:80?CANARY", "http://10.0.0.1/", "/?CANARY"),
            ("HTTPS://orders.example/a?", "https://orders.example/a", "/a"),
            ("https://orders.example/a@b:c", "https://orders.example/a@b:c", "/a@b:c"),
        ] {
            let url = TargetUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.request_target().as_str()), (shown, target));
            assert!(!format!("{url} {url:?}").contains("CANARY"), "{url:?}");
            assert_eq!(TargetUrl::parse(&url.exposed()).unwrap(), url);
        }
    }

    #[test]
    fn what_is_no_target_is_told_without_it() {
        for (text, words) in [
            ("CANARY", "scheme"),
            ("embedded", "scheme"),
            ("orders.example/CANARY", "scheme"),
            ("ftp://CANARY", "scheme that is not supported"),
            ("http://user:CANARY@orders", "user information"),
            ("http://orders/#CANARY", "fragment"),
            ("http:///CANARY", "no host"),
            ("http://orders:0/CANARY", "port"),
            ("http://orders/CANARY CANARY", "no URL has"),
            ("http://订单.example/CANARY", "no URL has"),
            ("http://orders/CANARY\n", "no URL has"),
            ("http://::1/", "more than one colon"),
        ] {
            let flaw = TargetUrl::parse(text).unwrap_err();
            assert!(flaw.detail.contains(words), "{text}: {flaw:?}");
            assert!(!format!("{flaw:?}").contains("CANARY"), "{flaw:?}");
        }
    }
}

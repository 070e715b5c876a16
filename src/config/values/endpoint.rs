//! The address of an MQ: `http://host[:port]`, `https://host[:port]`, or our own embedded endpoint.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::flaw::Flaw;
use super::kind::TextRule;
use super::setting::{Setting, Value};

/// The word that stands for the embedded endpoint, as an endpoint and as credentials.
pub(crate) const EMBEDDED: &str = "embedded";

/// One address of an MQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Another host.
    Url {
        /// With TLS (`https`).
        tls: bool,
        /// A name in small letters, or an IP address; an IPv6 address is without brackets.
        host: String,
        /// The port, 1–65535.
        port: u16,
    },
    /// The embedded endpoint of this process, at the address that its listener got. Written `"embedded"`.
    Embedded,
}

impl fmt::Display for Endpoint {
    /// As a URL without a path, the port always shown; the embedded endpoint is `embedded`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { tls, host, port } => {
                let scheme = if *tls { "https" } else { "http" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
            Self::Embedded => f.write_str(EMBEDDED),
        }
    }
}

impl Endpoint {
    /// Reads one address. The flaw never repeats it: an address can hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Flaw::new("expects a URL with its scheme")
                .hint("begin with http:// or https://, or write \"embedded\" for the embedded endpoint"));
        };
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(Flaw::new("has a scheme that is not supported").hint("use http:// or https://")),
        };
        let authority = authority(rest)?;
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => parse_port(port)?,
            None if tls => 443,
            None => 80,
        };
        Ok(Self::Url { tls, host: parse_host(host)?, port })
    }
}

/// The part before the path, when nothing but `/` follows.
fn authority(rest: &str) -> Result<&str, Flaw> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if authority.contains('@') {
        return Err(Flaw::new("must not contain user information")
            .hint("keys belong into the files that [credentials.NAME] names"));
    }
    if tail.contains('?') {
        return Err(Flaw::new("must not have a query").hint("write scheme, host and port only"));
    }
    if tail.contains('#') {
        return Err(Flaw::new("must not have a fragment").hint("write scheme, host and port only"));
    }
    if !matches!(tail, "" | "/") {
        return Err(Flaw::new("must not have a path").hint("the gateway adds the path of the protocol itself"));
    }
    Ok(authority)
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), Flaw> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or_else(|| Flaw::new("has a bracket that is not closed"))?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(Flaw::new("has no IPv6 address between the brackets").hint("a zone (%eth0) is not supported"));
        }
        return match port.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if port.is_empty() => Ok((host, None)),
            None => Err(Flaw::new("has something after the bracket that is not a port")),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            Err(Flaw::new("has more than one colon").hint("an IPv6 address stands in brackets: http://[::1]:8080"))
        }
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, Flaw> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        Ok(_) | Err(_) => Err(Flaw::new("has a port that is not a number from 1 to 65535")),
    }
}

fn parse_host(host: &str) -> Result<String, Flaw> {
    if host.is_empty() {
        return Err(Flaw::new("has no host"));
    }
    if host.contains(':') {
        return Ok(host.to_ascii_lowercase());
    }
    if !host.is_ascii() {
        return Err(Flaw::new("has a host that is not ASCII").hint("write it in its encoded form, xn--…"));
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !host.bytes().all(legal) || host.starts_with(['.', '-']) || host.contains("..") || host.len() > 253 {
        return Err(Flaw::new("has a host that is neither a name nor an IP address"));
    }
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && host.parse::<Ipv4Addr>().is_err() {
        return Err(Flaw::new("has a host that is not a complete IPv4 address"));
    }
    Ok(host.to_ascii_lowercase())
}

/// For a key that holds an endpoint.
pub(crate) const ENDPOINT: TextRule = TextRule {
    canonical: |text| Endpoint::parse(text).map_or_else(|_| String::new(), |endpoint| endpoint.to_string()),
    ..TextRule::new("a URL such as \"http://mq.example.com\", or \"embedded\"", |text| Endpoint::parse(text).map(drop))
};

impl Setting for Endpoint {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, expected) in [
            ("http://mq.example.com", "http://mq.example.com:80"),
            ("https://MQ.Example.com/", "https://mq.example.com:443"),
            ("HTTP://127.0.0.1:9876", "http://127.0.0.1:9876"),
            ("http://[::1]:8090", "http://[::1]:8090"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]:443"),
            ("http://rocketmq_proxy:8080", "http://rocketmq_proxy:8080"),
            ("embedded", "embedded"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn each_flaw_has_its_own_words() {
        for (text, detail) in [
            ("mq.example.com", "scheme"),
            ("ftp://mq", "scheme that is not supported"),
            ("http://ak:sk@mq", "user information"),
            ("http://mq/message/", "path"),
            ("http://mq?x=1", "query"),
            ("http://mq/#top", "fragment"),
            ("http://", "no host"),
            ("http://:80", "no host"),
            ("http://mq:0", "port"),
            ("http://mq:+80", "port"),
            ("http://mq:", "port"),
            ("http://mq:65536", "port"),
            ("http://::1", "more than one colon"),
            ("http://[::1", "bracket"),
            ("http://[nope]", "no IPv6 address"),
            ("http://[fe80::1%25eth0]", "no IPv6 address"),
            ("http://[::1]x", "after the bracket"),
            ("http://订单.example", "not ASCII"),
            ("http://a b", "neither a name"),
            ("http://a..b", "neither a name"),
            ("http://127.0.1", "IPv4"),
        ] {
            let flaw = Endpoint::parse(text).unwrap_err();
            assert!(flaw.detail.contains(detail), "{text}: {}", flaw.detail);
        }
    }
}

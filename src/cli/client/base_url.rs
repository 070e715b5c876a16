//! Where a gateway is: scheme, host and port.

use crate::cli::failure::Failure;
use crate::config::Endpoint;
use crate::outbound::{EndpointAddress, Origin};

/// Reads the URL of a gateway; `flag` is what a person wrote it behind.
pub(super) fn parse(flag: &str, text: &str) -> Result<Origin, Failure> {
    let refused =
        |detail: &str| Failure::usage(format!("{flag} {detail}: write http://HOST:PORT or https://HOST:PORT"));
    match Endpoint::parse(text) {
        Ok(Endpoint::Url { tls, host, port }) => {
            EndpointAddress { tls, host, port }.origin().map_err(|error| refused(&error.to_string()))
        }
        Ok(Endpoint::Embedded) => Err(refused("expects the URL of a gateway")),
        Err(flaw) => Err(refused(&flaw.detail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_gateways_are_read_and_others_refused() {
        let host = |text| parse("--url", text).map(|origin| origin.host_header).map_err(|failure| failure.message);
        assert_eq!(host("http://127.0.0.1:8080/").unwrap(), "127.0.0.1:8080");
        assert_eq!(host("https://Gateway.example.com").unwrap(), "gateway.example.com");
        for (text, words) in [
            ("127.0.0.1:8080", "--url expects a URL with its scheme: write http://HOST:PORT"),
            ("embedded", "--url expects the URL of a gateway"),
            ("http://user:word@gw", "user information"),
            ("http://gw/v1", "must not have a path"),
        ] {
            let refused = host(text).unwrap_err();
            assert!(refused.contains(words) && !refused.contains("word@"), "{text}: {refused}");
        }
    }
}

//! Where requests are addressed to.

use std::borrow::Cow;

use super::library_origin::LibraryOrigin;

/// An endpoint as configured.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointAddress {
    /// https.
    pub tls: bool,
    /// Host name or IP address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// An endpoint that calls can name; what every request to it repeats is made once.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Scheme, host and port; TLS verifies the host.
    pub address: EndpointAddress,
    /// The `Host` header: host and port, without the scheme's own port.
    pub host_header: String,
    pub(super) library: LibraryOrigin,
}

/// A text that is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host")]
pub struct InvalidHost(String);

impl InvalidHost {
    #[cfg(feature = "grpc")]
    pub(in crate::outbound) fn new(host: &str) -> Self {
        Self(host.to_owned())
    }
}

impl EndpointAddress {
    /// The host as URLs write it: IPv6 addresses in brackets.
    #[must_use]
    pub fn url_host(&self) -> Cow<'_, str> {
        if self.host.contains(':') { format!("[{}]", self.host).into() } else { self.host.as_str().into() }
    }

    /// Host and port as URLs write them, the port always shown.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.url_host(), self.port)
    }

    /// The endpoint as calls name it.
    ///
    /// # Errors
    /// [`InvalidHost`]; the configuration refuses those earlier.
    pub fn origin(&self) -> Result<Origin, InvalidHost> {
        let authority = self.authority();
        let is_default_port = self.port == if self.tls { 443 } else { 80 };
        let host_header = if is_default_port { self.url_host().into_owned() } else { authority.clone() };
        let library = LibraryOrigin::new(self.tls, &authority, &host_header);
        let library = library.ok_or_else(|| InvalidHost(self.host.clone()))?;
        Ok(Origin { address: self.clone(), host_header, library })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_header_leaves_the_schemes_own_port_out() {
        let check = |tls, host: &str, port, expected: &str| {
            let address = EndpointAddress { tls, host: host.to_owned(), port };
            assert_eq!(address.origin().unwrap().host_header, expected);
        };
        check(false, "api.example.com", 80, "api.example.com");
        check(false, "api.example.com", 443, "api.example.com:443");
        check(true, "api.example.com", 443, "api.example.com");
        check(true, "api.example.com", 80, "api.example.com:80");
        check(false, "::1", 80, "[::1]");
        check(true, "::1", 8443, "[::1]:8443");
    }

    #[test]
    fn a_text_that_is_not_a_host_is_refused() {
        for host in ["a b", "a/b", "a\r\nb"] {
            let address = EndpointAddress { tls: false, host: host.to_owned(), port: 80 };
            assert_eq!(address.origin().err(), Some(InvalidHost(host.to_owned())), "{host:?}");
        }
    }
}

//! Where requests about one broker go, as a route says it.
//!
//! A proxy in local mode serves its own broker only, and its routes name the proxies of the others. It does not look whose delivery
//! an acknowledgement is of: it would take another broker's for one of its own. So what is about a broker goes to the address that
//! the route names for it, and nowhere else. A proxy in cluster mode serves all brokers, and names the host that its caller says to
//! have dialled, with the port that it listens on itself: where something before it has another port, that is nobody's address.

use std::net::IpAddr;
use std::sync::Arc;

use crate::outbound::EndpointAddress;
use crate::protocol::rocketmq::wire::{Address, AddressScheme, Endpoints};

/// Most addresses of one broker that are looked at.
const MAX_LOOKED_AT: usize = 8;
/// Longest name of a host.
const MAX_NAME: usize = 253;

/// One server of the MQ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Spot {
    /// The configured endpoint with this index.
    Configured(usize),
    /// An address that a route names.
    Named(Arc<EndpointAddress>),
}

/// Where requests about one broker go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// To whichever configured endpoint takes them.
    Anywhere,
    /// To this server.
    At(Spot),
    /// To the host that was dialled, at the port that the route names; or as it was dialled, where nobody is at that port.
    Echoed { named: Arc<EndpointAddress>, dialled: usize },
    /// The route names something that is no address.
    Nowhere,
}

impl Place {
    /// The place of a broker whose route was asked for at the configured endpoint `asked`.
    pub(super) fn of(named: Option<&Endpoints>, configured: &[EndpointAddress], asked: usize) -> Self {
        let Some(dialled) = configured.get(asked) else { return Self::Anywhere };
        let addresses = named.map(|named| named.addresses.as_slice()).unwrap_or_default();
        if addresses.is_empty() {
            return Self::Anywhere;
        }
        let usable = |address: &Address| usable(address, dialled.tls);
        let Some(named) = addresses.iter().take(MAX_LOOKED_AT).find_map(usable) else { return Self::Nowhere };
        let is_named = |address: &EndpointAddress| *address == named;
        if is_named(dialled) {
            return Self::At(Spot::Configured(asked));
        }
        if let Some(other) = configured.iter().position(is_named) {
            return Self::At(Spot::Configured(other));
        }
        let is_echo = named.host == dialled.host;
        let named = Arc::new(named);
        if is_echo { Self::Echoed { named, dialled: asked } } else { Self::At(Spot::Named(named)) }
    }

    /// Some address of it is known from a route only.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Self::At(Spot::Named(_)) | Self::Echoed { .. })
    }
}

/// An address that can be dialled: an IP address or a name, and a port. What the route calls them does not count: the servers call
/// names IPv4 addresses.
fn usable(address: &Address, tls: bool) -> Option<EndpointAddress> {
    let port = u16::try_from(address.port).ok().filter(|port| *port > 0)?;
    let host = address.host.trim_start_matches('[').trim_end_matches(']');
    let host = match host.parse::<IpAddr>() {
        Ok(ip) => Some(ip).filter(|ip| !ip.is_unspecified() && !ip.is_multicast())?.to_string(),
        Err(_) => Some(host).filter(|host| is_name(host))?.to_ascii_lowercase(),
    };
    Some(EndpointAddress { tls, host, port })
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // What has digits only is a damaged IP address.
    host.len() <= MAX_NAME && host.split('.').all(is_label) && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// An address as the MQ is told that it was dialled.
pub(super) fn access_point(dialled: &EndpointAddress) -> Endpoints {
    let scheme = match dialled.host.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => AddressScheme::Ipv4,
        Ok(IpAddr::V6(_)) => AddressScheme::Ipv6,
        Err(_) => AddressScheme::DomainName,
    };
    let address = Address { host: dialled.host.clone(), port: i32::from(dialled.port) };
    Endpoints { scheme: scheme.into(), addresses: vec![address] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, port: u16) -> EndpointAddress {
        EndpointAddress { tls: true, host: host.to_owned(), port }
    }

    fn named(host: &str, port: i32) -> Endpoints {
        Endpoints { scheme: AddressScheme::Ipv4.into(), addresses: vec![Address { host: host.to_owned(), port }] }
    }

    #[test]
    fn a_route_names_what_is_configured_or_something_else() {
        let configured = [address("mq-1", 8081), address("mq-2", 8081), address("::1", 8081)];
        let check = |named: Option<&Endpoints>, asked, expected| {
            assert_eq!(Place::of(named, &configured, asked), expected, "{named:?}");
        };
        let other = |host: &str, port| Arc::new(address(host, port));
        check(None, 0, Place::Anywhere);
        check(Some(&Endpoints::default()), 0, Place::Anywhere);
        check(Some(&named("mq-1", 8081)), 0, Place::At(Spot::Configured(0)));
        check(Some(&named("MQ-2", 8081)), 0, Place::At(Spot::Configured(1)));
        check(Some(&named("0:0::1", 8081)), 1, Place::At(Spot::Configured(2)));
        check(Some(&named("mq-1", 9999)), 0, Place::Echoed { named: other("mq-1", 9999), dialled: 0 });
        check(Some(&named("mq-1", 9999)), 1, Place::At(Spot::Named(other("mq-1", 9999))));
        check(Some(&named("10.0.0.7", 8081)), 0, Place::At(Spot::Named(other("10.0.0.7", 8081))));
        check(Some(&named("10.0.0.7", 8081)), 3, Place::Anywhere);
    }

    #[test]
    fn only_an_address_is_dialled() {
        let configured = [address("mq-1", 8081)];
        for (host, port) in [
            ("mq-2", 0),
            ("mq-2", -1),
            ("mq-2", 65_536),
            ("", 8081),
            ("mq 2", 8081),
            ("mq-2/x", 8081),
            ("user@mq-2", 8081),
            ("mq-2:8081", 8081),
            ("-x", 8081),
            ("a..b", 8081),
            ("10.0.0", 8081),
            ("0.0.0.0", 8081),
            ("::", 8081),
            ("224.0.0.1", 8081),
            ("/run/socket", 8081),
        ] {
            assert_eq!(Place::of(Some(&named(host, port)), &configured, 0), Place::Nowhere, "{host:?} {port}");
        }
        let long = "x".repeat(254);
        assert_eq!(Place::of(Some(&named(&long, 1)), &configured, 0), Place::Nowhere);
        // The first that can be used; and of many the first few only.
        let mut several = named("", 1);
        several.addresses.extend(named("mq-3", 8081).addresses);
        assert_eq!(Place::of(Some(&several), &configured, 0), Place::At(Spot::Named(Arc::new(address("mq-3", 8081)))));
        let mut many = Endpoints { addresses: vec![Address::default(); 8], ..Endpoints::default() };
        many.addresses.extend(named("mq-3", 8081).addresses);
        assert_eq!(Place::of(Some(&many), &configured, 0), Place::Nowhere);
    }

    #[test]
    fn the_mq_is_told_what_was_dialled() {
        for (host, scheme) in
            [("10.0.0.7", AddressScheme::Ipv4), ("::1", AddressScheme::Ipv6), ("mq-1", AddressScheme::DomainName)]
        {
            let told = access_point(&address(host, 8081));
            assert_eq!(
                (told.scheme, told.addresses[0].host.as_str(), told.addresses[0].port),
                (scheme as i32, host, 8081)
            );
        }
    }
}

//! Where a profile's MQ is.

use std::net::{Ipv4Addr, SocketAddr};

use crate::config::{Endpoint, ProfileConfig};
use crate::outbound::EndpointAddress;

/// The addresses of a profile's endpoints, in order. `embedded` gives the one of the embedded endpoint.
///
/// # Errors
/// Those of `embedded`.
pub fn profile_endpoints<E>(
    profile: &ProfileConfig,
    embedded: impl Fn() -> Result<SocketAddr, E>,
) -> Result<Vec<EndpointAddress>, E> {
    let address = |endpoint: &Endpoint| match endpoint {
        Endpoint::Url { tls, host, port } => Ok(EndpointAddress { tls: *tls, host: host.clone(), port: *port }),
        Endpoint::Embedded => {
            let address = reachable(embedded()?);
            Ok(EndpointAddress { tls: false, host: address.ip().to_string(), port: address.port() })
        }
    };
    profile.endpoints.iter().map(address).collect()
}

/// An address that a client on this machine can connect to.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()) } else { address }
}

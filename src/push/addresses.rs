//! Which addresses the name of a target may lead to: asked for every connection, after the look-up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::{AddressRange, SubscriptionConfig};

/// Addresses that a target may have, and those that it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRules {
    /// None is any.
    allow: Vec<AddressRange>,
    deny: Vec<AddressRange>,
}

/// The first six groups of addresses in which networks without IPv4 reach it.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

impl AddressRules {
    /// Those of a subscription.
    #[must_use]
    pub fn of(config: &SubscriptionConfig) -> Self {
        Self { allow: config.allow_addresses.clone(), deny: config.deny_addresses.clone() }
    }

    /// Whether a connection to an address may be made. An IPv4 address is the same one in whatever form of IPv6 it comes.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let inner = inside(address).map(IpAddr::V4);
        let is_in = |ranges: &[AddressRange]| {
            ranges.iter().any(|range| range.contains(address) || inner.is_some_and(|inner| range.contains(inner)))
        };
        (self.allow.is_empty() || is_in(&self.allow)) && !is_in(&self.deny)
    }
}

/// The IPv4 address that an IPv6 one stands for.
fn inside(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let is_nat64 = address.segments().starts_with(&NAT64);
    address.to_ipv4_mapped().or_else(|| is_nat64.then(|| low_bits(address)))
}

fn low_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::tests::subscription;

    fn rules(lines: &str) -> AddressRules {
        AddressRules::of(&subscription(lines))
    }

    #[test]
    fn private_targets_are_allowed_and_metadata_is_not() {
        let rules = rules("");
        for address in
            ["10.0.0.1", "192.168.1.1", "127.0.0.1", "8.8.8.8", "::1", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"]
        {
            assert!(rules.allows(address.parse().unwrap()), "{address}");
        }
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "100.100.100.200",
            "::ffff:100.100.100.200",
            "168.63.129.16",
            "fd20:ce::254",
        ] {
            assert!(!rules.allows(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_list_of_what_is_allowed_denies_the_rest() {
        let rules = rules("allow_addresses = [\"10.0.0.0/8\", \"fd00::/8\"]\ndeny_addresses = [\"10.1.0.0/16\"]\n");
        for (address, allowed) in [
            ("10.2.0.1", true),
            ("::ffff:10.2.0.1", true),
            ("64:ff9b::10.2.0.1", true),
            ("64:ff9b:1::10.2.0.1", false),
            ("10.1.0.1", false),
            ("::ffff:10.1.0.1", false),
            ("11.0.0.1", false),
            ("fd12::1", true),
            ("fe80::1", false),
        ] {
            assert_eq!(rules.allows(address.parse().unwrap()), allowed, "{address}");
        }
    }
}

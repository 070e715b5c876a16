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

/// How addresses begin in which networks without IPv4 reach it: the well-known prefix, whose last four bytes are the address, and
/// those that a network chooses (RFC 8215), where a prefix of 96 bits is the usual one.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
const LOCAL_NAT64: [u16; 3] = [0x64, 0xff9b, 1];
/// 6to4: the address follows.
const SIX_TO_FOUR: u16 = 0x2002;

impl AddressRules {
    /// Those of a subscription.
    #[must_use]
    pub fn of(config: &SubscriptionConfig) -> Self {
        Self { allow: config.allow_addresses.clone(), deny: config.deny_addresses.clone() }
    }

    /// Whether a connection to an address may be made. An IPv4 address is the same one in whatever form of IPv6 it comes; what is
    /// denied is so in forms, too, that are not allowed as such.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let is_in = |ranges: &[AddressRange], address: &IpAddr| ranges.iter().any(|range| range.contains(*address));
        let same = inside(address).map(IpAddr::V4);
        let is_allowed = std::iter::once(address).chain(same).any(|address| is_in(&self.allow, &address));
        let is_denied = forms(address).any(|address| is_in(&self.deny, &address));
        (self.allow.is_empty() || is_allowed) && !is_denied
    }
}

/// The IPv4 address that an IPv6 one stands for.
fn inside(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let is_nat64 = address.segments().starts_with(&NAT64);
    address.to_ipv4_mapped().or_else(|| is_nat64.then(|| low_bits(address)))
}

/// All that a connection to an address may lead to: itself, what it may stand for, and the machine itself where it names none.
fn forms(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let may_stand_for = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(it) => match it.segments() {
            [SIX_TO_FOUR, high, low, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
            // IPv4-compatible, which `::` and `::1` are not.
            [0, 0, 0, 0, 0, 0, ..] if !it.is_unspecified() && !it.is_loopback() => Some(low_bits(it)),
            segments if segments.starts_with(&LOCAL_NAT64) => Some(low_bits(it)),
            _ => inside(address),
        },
    };
    let named = std::iter::once(address).chain(may_stand_for.map(IpAddr::V4));
    // A connection to none goes to the machine itself, by either protocol.
    let loopbacks = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let is_of_none = named.clone().any(|address| address.is_unspecified());
    named.chain(loopbacks.into_iter().filter(move |_| is_of_none))
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
            "64:ff9b:1::169.254.169.254",
            "64:ff9b:1:ffff::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "::169.254.169.254",
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

    #[test]
    fn the_address_of_none_is_that_of_the_machine_itself() {
        for denied in ["127.0.0.0/8", "::1/128"] {
            let rules = rules(&format!("deny_addresses = [\"{denied}\"]\n"));
            for address in ["0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::", "2002::1"] {
                assert!(!rules.allows(address.parse().unwrap()), "{denied} {address}");
            }
            assert!(rules.allows("10.0.0.1".parse().unwrap()));
        }
        assert!(rules("deny_addresses = [\"10.0.0.0/8\"]\n").allows("0.0.0.0".parse().unwrap()));
    }
}

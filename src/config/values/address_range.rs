//! A network of IP addresses, `169.254.0.0/16`, or one address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::flaw::Flaw;
use super::kind::TextRule;
use super::setting::{Setting, Value};

/// Addresses that begin alike. An IPv4 address and its form as IPv6 (`::ffff:…`) are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// Reads `10.0.0.0/8`, `fe80::/10`, or an address alone.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| {
            Flaw::new("expects an IP address, or a network of them")
                .hint("write \"10.0.0.0/8\", \"fe80::/10\" or \"10.1.2.3\"")
        })?;
        let longest = bits(address);
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits
                .parse::<u8>()
                .ok()
                .filter(|prefix| *prefix <= longest && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .ok_or_else(|| Flaw::new(format!("expects a number from 0 to {longest} after the `/`")))?,
        };
        let range = Self { first: address, prefix };
        if range.first_of(address) != Some(address) {
            let flaw = Flaw::new(format!("is no network: the address has bits after the first {prefix}"));
            return Err(flaw.hint(
                "write its first address, such as \"10.0.0.0/8\", or leave out `/` and the number for one address",
            ));
        }
        Ok(range)
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.first_of(address.to_canonical()) == Some(self.first)
            || matches!(address, IpAddr::V6(_)) && self.first_of(address) == Some(self.first)
    }

    /// The first address of the network with our prefix that has this address, where it is of our kind.
    fn first_of(&self, address: IpAddr) -> Option<IpAddr> {
        match (self.first, address) {
            (IpAddr::V4(_), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                Some(IpAddr::V4((u32::from(address) & mask).into()))
            }
            (IpAddr::V6(_), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                Some(IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask)))
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.first) {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.prefix)
        }
    }
}

/// For a key that holds such addresses.
pub(crate) const ADDRESS_RANGE: TextRule = TextRule {
    canonical: |text| AddressRange::parse(text).map_or_else(|_| String::new(), |range| range.to_string()),
    ..TextRule::new("an IP address or a network such as \"10.0.0.0/8\"", |text| AddressRange::parse(text).map(drop))
};

impl Setting for AddressRange {
    fn read(value: &Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        AddressRange::parse(text).unwrap()
    }

    #[test]
    fn networks_have_the_addresses_that_begin_alike() {
        for (network, inside, outside) in [
            ("169.254.0.0/16", "169.254.169.254", "169.253.255.255"),
            ("169.254.0.0/16", "::ffff:169.254.169.254", "::169.254.169.254"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.2.3", "::ffff:10.1.2.3", "::ffff:10.1.2.2"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("::/0", "fe80::1", "10.0.0.1"),
            ("fe80::/10", "febf::1", "fec0::"),
            ("fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::253"),
            ("10.128.0.0/9", "10.200.0.0", "10.127.255.255"),
        ] {
            assert!(range(network).contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!range(network).contains(outside.parse().unwrap()), "{network} {outside}");
        }
        // An IPv4 address in IPv6's form is in the network of all IPv6 addresses, too.
        assert!(range("::/0").contains("::ffff:10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_network_has_one_spelling() {
        for (text, canonical) in
            [("10.0.0.0/8", "10.0.0.0/8"), ("10.0.0.1/32", "10.0.0.1"), ("FE80::0/10", "fe80::/10"), ("::1", "::1")]
        {
            assert_eq!(range(text).to_string(), canonical);
        }
    }

    #[test]
    fn what_is_no_network_is_told() {
        for (text, words) in [
            ("", "an IP address"),
            ("example.com", "an IP address"),
            ("10.0.0/8", "an IP address"),
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/", "0 to 32"),
            ("10.0.0.0/+8", "0 to 32"),
            ("::/129", "0 to 128"),
            ("10.0.0.1/8", "is no network"),
            ("fe80::1/64", "is no network"),
        ] {
            let flaw = AddressRange::parse(text).unwrap_err();
            assert!(flaw.detail.contains(words), "{text}: {flaw:?}");
        }
    }
}

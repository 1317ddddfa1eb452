//! A network in CIDR notation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

/// A network in CIDR notation: `127.0.0.0/8`, `::1/128`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct IpNetwork {
    /// The first address; all bits behind the prefix are 0.
    first: IpAddr,
    /// The length of the prefix in bits.
    prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpNetworkError {
    /// There is no `/`, or no address before it.
    #[error(
        "read {text:?} as a network: write an address, `/`, and the length of the prefix, such as 192.0.2.0/24"
    )]
    NotCidr {
        /// The text.
        text: String,
    },
    /// The prefix is longer than the address.
    #[error("read {text:?} as a network: its prefix is longer than {longest} bits")]
    PrefixTooLong {
        /// The text.
        text: String,
        /// The length of the address in bits.
        longest: u8,
    },
    /// Bits behind the prefix are set, so that it is unclear what is meant.
    #[error("read {text:?} as a network: it begins at {first}")]
    NotFirst {
        /// The text.
        text: String,
        /// The network that holds the address.
        first: IpNetwork,
    },
}

impl IpNetwork {
    /// Reads CIDR notation: the first address of the network, `/`, and the length of the prefix.
    pub fn parse(text: &str) -> Result<Self, IpNetworkError> {
        let not_cidr = || IpNetworkError::NotCidr { text: text.chars().take(64).collect() };
        let (address, prefix) = text.split_once('/').ok_or_else(not_cidr)?;
        let address: IpAddr = address.parse().map_err(|_| not_cidr())?;
        if prefix.is_empty() || prefix.len() > 3 || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(not_cidr());
        }
        let prefix: u16 = prefix.parse().map_err(|_| not_cidr())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = u8::try_from(prefix)
            .ok()
            .filter(|prefix| *prefix <= longest)
            .ok_or_else(|| IpNetworkError::PrefixTooLong { text: text.to_owned(), longest })?;
        let first = first_address(address, prefix);
        if first != address {
            let first = Self { first, prefix };
            return Err(IpNetworkError::NotFirst { text: text.to_owned(), first });
        }
        Ok(Self { first, prefix })
    }

    /// The network of all addresses of this one's family.
    pub(crate) fn everything_like(address: IpAddr) -> Self {
        Self { first: first_address(address, 0), prefix: 0 }
    }

    /// Does the address lie in this network? An IPv4 address written as an IPv6 one
    /// (`::ffff:192.0.2.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4()
            && first_address(address, self.prefix) == self.first
    }
}

/// The address with all bits behind the prefix set to 0.
fn first_address(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix)
    }
}

impl FromStr for IpNetwork {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for IpNetwork {
    type Error = IpNetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        IpNetwork::parse(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        assert!(holds("127.0.0.0/8", "127.255.255.255"));
        assert!(!holds("127.0.0.0/8", "128.0.0.0"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"), "families do not mix");
        assert!(holds("::/0", "ffff::"));
        assert!(holds("::1/128", "::1"));
        assert!(!holds("::1/128", "::2"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"), "a mapped address is IPv4");
        assert!(!holds("::/0", "::ffff:127.0.0.1"), "a mapped address is IPv4");
    }

    #[test]
    fn good_and_bad_texts() {
        for text in ["127.0.0.0/8", "::1/128", "::/0", "2001:db8::/32"] {
            assert_eq!(IpNetwork::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "/", "127.0.0.1", "127.0.0.0/", "127.0.0/8", "a/8", "::/+1", "::/0000"] {
            assert!(
                matches!(IpNetwork::parse(text), Err(IpNetworkError::NotCidr { .. })),
                "{text}"
            );
        }
        for text in ["127.0.0.0/33", "::/129", "::/256", "::/999"] {
            assert!(
                matches!(IpNetwork::parse(text), Err(IpNetworkError::PrefixTooLong { .. })),
                "{text}"
            );
        }
        let error = IpNetwork::parse("192.0.2.7/24").unwrap_err();
        assert!(error.to_string().contains("begins at 192.0.2.0/24"), "{error}");
    }
}

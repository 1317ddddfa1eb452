//! What proxies say of the requests that they pass on.

use std::net::{IpAddr, SocketAddr};

use sealpost_listen::http::Request;

/// The fields by which a proxy may be known.
const FIELDS: [&str; 7] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// Whether a request says that it was passed on: whoever asks may then be anywhere.
pub(crate) fn is_passed_on(request: &Request) -> bool {
    FIELDS.iter().any(|name| request.fields.has(name))
}

/// Who asked the outermost of our proxies, by the list that each lengthens by whom it has seen: the
/// last in it that is none of ours. What stands before that, a client may have written himself.
pub(super) fn client<'a>(
    list: impl DoubleEndedIterator<Item = &'a str>,
    is_ours: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut outermost = None;
    for hop in list.rev() {
        let Some(address) = address(hop) else { break };
        outermost = Some(address);
        if !is_ours(address) {
            break;
        }
    }
    outermost
}

/// The address of a hop, which may have a port.
fn address(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse().ok().map(|place: SocketAddr| place.ip());
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = hop.parse().ok().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_hop_that_is_none_of_ours() {
        let ours = |address: IpAddr| ["127.0.0.1", "10.0.0.1"].contains(&&*address.to_string());
        for (list, expected) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("203.0.113.9, 192.0.2.7", Some("192.0.2.7")), // the first is anybody's word
            ("192.0.2.7, 10.0.0.1", Some("192.0.2.7")),    // an inner proxy saw an outer one
            ("203.0.113.9,192.0.2.7,127.0.0.1, 10.0.0.1", Some("192.0.2.7")),
            ("192.0.2.7:51234", Some("192.0.2.7")),
            ("[2001:db8::7]:51234", Some("2001:db8::7")),
            ("[2001:db8::7]", Some("2001:db8::7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("::ffff:192.0.2.7", Some("192.0.2.7")),
            ("10.0.0.1", Some("10.0.0.1")), // the proxy itself asked
            ("203.0.113.9, unknown, 10.0.0.1", Some("10.0.0.1")), // no further than what is known
            ("203.0.113.9, unknown", None),
            ("203.0.113.9, [::1", None),
            ("", None),
        ] {
            let found = client(list.split(',').map(str::trim), ours);
            assert_eq!(found.map(|address| address.to_string()).as_deref(), expected, "{list}");
        }
    }
}

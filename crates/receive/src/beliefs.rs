//! Who is believed beside those who sign.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_dkim::{Alignment, Message};
use sealpost_evidence::traffic::Trust;
use sealpost_net::IpNetwork;
use sealpost_store::{Arrival, Origin};

use crate::AuthenticationResults;

/// What the operator knows of sources and servers. By default nobody is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beliefs {
    /// Sources whose reports count though nothing proves who sent them.
    pub admitted: Vec<AdmittedSource>,
    /// Servers of our own that verify signatures before we see a mail.
    pub servers: Vec<BelievedServer>,
}

/// A source whose reports count though nothing proves who sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedSource {
    /// What it is called where its reports are shown.
    pub name: String,
    /// Where it sends from.
    pub networks: Vec<IpNetwork>,
}

/// A server whose `Authentication-Results` are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BelievedServer {
    /// Its authserv-id.
    pub name: DomainName,
    /// From where it hands mail to us.
    pub networks: Vec<IpNetwork>,
}

impl Beliefs {
    /// Whether a server of our own vouches for a mail that came this way.
    ///
    /// The field says nothing if somebody else could have written it: it has to be the topmost, name
    /// that server, and the mail has to come from there. Over a socket file comes who may; from a
    /// mailbox or a file comes what that server has put there. By HTTPS comes anybody.
    pub fn vouched(&self, octets: &[u8], arrival: &Arrival) -> Option<Trust> {
        if self.servers.is_empty() || arrival.origin == Origin::Http {
            return None;
        }
        let results = AuthenticationResults::topmost(octets)?;
        let is_this = |server: &&BelievedServer| {
            server.name.as_str() == results.server
                && arrival.peer.is_none_or(|peer| is_in(&server.networks, peer))
        };
        let server = self.servers.iter().find(is_this)?;
        let from = Message::read(octets).ok()?.from_domain().ok()?;
        let aligned = |signer: &DomainName| {
            Alignment::of(signer, &from).map(|alignment| (alignment, signer.clone()))
        };
        let best = results.signers.iter().filter_map(aligned).min_by_key(|(rank, _)| *rank);
        best.map(|(_, signer)| Trust::Vouched {
            signer: signer.to_string(),
            server: server.name.to_string(),
        })
    }

    /// Whether what came this way counts though nothing proves who sent it; with the octets of the mail
    /// that brought it, if it came by mail.
    pub fn admitted(&self, mail: Option<&[u8]>, arrival: &Arrival) -> Option<Trust> {
        let peer = arrival.peer?;
        let source = self.admitted.iter().find(|source| is_in(&source.networks, peer))?;
        let sender = mail.and_then(|octets| Message::read(octets).ok()?.from_domain().ok());
        let sender = sender.map(|sender| sender.to_string());
        Some(Trust::Admitted { source: source.name.clone(), sender })
    }
}

fn is_in(networks: &[IpNetwork], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beliefs() -> Beliefs {
        Beliefs {
            admitted: vec![AdmittedSource {
                name: "relay".to_owned(),
                networks: vec!["192.0.2.0/24".parse().unwrap()],
            }],
            servers: vec![BelievedServer {
                name: "mx.example.com".parse().unwrap(),
                networks: vec!["127.0.0.0/8".parse().unwrap()],
            }],
        }
    }

    fn arrival(origin: Origin, peer: Option<&str>) -> Arrival {
        let peer = peer.map(|peer| peer.parse().unwrap());
        Arrival { origin, at: 0, peer, recipient: None }
    }

    #[test]
    fn a_field_that_strangers_could_write_is_not_believed() {
        let here = arrival(Origin::Lmtp, Some("127.0.0.1"));
        let mail = |results: &str, from: &str| {
            format!("Authentication-Results: {results}\r\nFrom: <r@{from}>\r\n\r\n")
        };
        let pass = mail("mx.example.com; dkim=pass header.d=a.example", "a.example");
        let expected = Some(Trust::Vouched {
            signer: "a.example".to_owned(),
            server: "mx.example.com".to_owned(),
        });
        let of = |mail: &str, arrival: &Arrival| beliefs().vouched(mail.as_bytes(), arrival);
        assert_eq!(of(&pass, &here), expected);
        assert_eq!(of(&pass, &arrival(Origin::Lmtp, None)), expected); // a socket file
        assert_eq!(of(&pass, &arrival(Origin::Imap, None)), expected);
        assert_eq!(of(&pass, &arrival(Origin::Smtp, Some("192.0.2.1"))), None); // a stranger
        assert_eq!(of(&pass, &arrival(Origin::Http, None)), None);
        for other in [
            mail("mx.example.org; dkim=pass header.d=a.example", "a.example"), // another server
            mail("mx.example.com; dkim=fail header.d=a.example", "a.example"),
            mail("mx.example.com; dkim=pass header.d=evil.example", "a.example"), // not aligned
            mail("other; none", "a.example") + &pass,                             // not topmost
            "From: <r@a.example>\r\n\r\n".to_owned(),
        ] {
            assert_eq!(of(&other, &here), None, "{other}");
        }
        let nobody = Beliefs::default();
        assert_eq!(nobody.vouched(pass.as_bytes(), &here), None);
    }

    #[test]
    fn a_source_is_known_by_its_network() {
        let admitted = |peer| beliefs().admitted(None, &arrival(Origin::Http, peer));
        let of = |sender| Some(Trust::Admitted { source: "relay".to_owned(), sender });
        assert_eq!(admitted(Some("192.0.2.9")), of(None));
        assert_eq!(admitted(Some("::ffff:192.0.2.9")), admitted(Some("192.0.2.9")));
        assert_eq!(admitted(Some("198.51.100.9")), None);
        assert_eq!(admitted(None), None);
        // Who hands on the mails of others does not make one sender of them.
        let smtp = arrival(Origin::Smtp, Some("192.0.2.9"));
        let mailed = |mail: &str| beliefs().admitted(Some(mail.as_bytes()), &smtp);
        let sender = Some("a.example".to_owned());
        assert_eq!(mailed("From: <r@a.example>\r\n\r\n"), of(sender));
        assert_eq!(mailed("Subject: of nobody\r\n\r\n"), of(None));
    }
}

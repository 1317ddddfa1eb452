//! The next hop as Postfix writes it.

use mail_domain::DomainName;

/// What a policy map is asked about: the next hop, word for word from the configuration of the mail
/// server or from a recipient's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// `example.com`: mail goes to its MX hosts.
    Domain(DomainName),
    /// `[mail.example.com]`, `[mail.example.com]:587` or `example.com:587`.
    SmartHost(SmartHost),
    /// An address, a path, a leading dot, or no name at all: there is no policy for it, and nothing
    /// to look up.
    NotADomain,
}

/// An intermediate relay that the operator chose, or a port of a domain's MX hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SmartHost {
    /// The name, which is the policy domain.
    pub domain: DomainName,
    /// How Postfix finds the hosts.
    pub hosts: HostLookup,
    /// The port; `None` for a service whose number is not known here. TLSA records are kept by port,
    /// policies are not.
    pub port: Option<u16>,
}

/// How the hosts of a next hop are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostLookup {
    /// By MX records.
    Mx,
    /// By address records alone, which is what the brackets are for: the name is the host.
    Address,
}

impl Key {
    /// Reads a key. Names may be in Unicode or any case and may have a trailing dot; ports may be
    /// numbers or names of services. All else is [`Key::NotADomain`].
    pub fn parse(octets: &[u8]) -> Self {
        let Ok(text) = core::str::from_utf8(octets) else {
            return Self::NotADomain;
        };
        // Postfix goes on to `.example.com` and `.com` when it finds nothing for `mx.example.com`.
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.4
        //# When sending mail to a mailbox at a subdomain, compliant senders MUST
        //# NOT attempt to fetch a policy from the parent zone.
        if text.starts_with('.') {
            return Self::NotADomain;
        }
        let key = match text.strip_prefix('[') {
            Some(rest) => SmartHost::in_brackets(rest).map(Self::SmartHost),
            None if text.contains(':') => SmartHost::with_port(text).map(Self::SmartHost),
            None => DomainName::parse(text).ok().map(Self::Domain),
        };
        key.unwrap_or(Self::NotADomain)
    }

    /// The domain whose policy applies.
    pub fn policy_domain(&self) -> Option<&DomainName> {
        match self {
            Self::Domain(domain) => Some(domain),
            //= https://www.rfc-editor.org/rfc/rfc8461#section-3.4
            //# When sending mail via a "smart host" -- an administratively
            //# configured intermediate SMTP relay, which is different from the
            //# message recipient's server as determined from DNS -- compliant
            //# senders MUST treat the smart host domain as the Policy Domain for the
            //# purposes of policy discovery and application.
            Self::SmartHost(smart_host) => Some(&smart_host.domain),
            Self::NotADomain => None,
        }
    }
}

impl SmartHost {
    /// Reads what follows an opening bracket. An address in the brackets is no domain name.
    fn in_brackets(rest: &str) -> Option<Self> {
        let (name, rest) = rest.split_once(']')?;
        let port = match rest {
            "" => Some(SMTP),
            _ => port(rest.strip_prefix(':')?)?,
        };
        Some(Self { domain: DomainName::parse(name).ok()?, hosts: HostLookup::Address, port })
    }

    fn with_port(text: &str) -> Option<Self> {
        let (name, after) = text.split_once(':')?;
        let port = port(after)?;
        Some(Self { domain: DomainName::parse(name).ok()?, hosts: HostLookup::Mx, port })
    }
}

const SMTP: u16 = 25;

/// The number of a port; `Some(None)` for the name of a service that is not in this list, and `None`
/// for what is neither.
fn port(text: &str) -> Option<Option<u16>> {
    /// RFC 6335 section 5.1.
    const LONGEST_SERVICE: usize = 15;

    if text.is_empty() || text.len() > LONGEST_SERVICE {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|port| *port != 0).map(Some);
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return None;
    }
    Some(match text.to_ascii_lowercase().as_str() {
        "smtp" | "mail" => Some(SMTP),
        "submission" => Some(587),
        "submissions" | "smtps" => Some(465),
        _ => None,
    })
}

//! Where the records of a server are, and which names it may have (RFC 7672 §2.2, §3.2.2).

use mail_domain::DomainName;

/// The longest name in DNS as text, in characters (RFC 1035 §2.3.4).
const LONGEST_NAME: usize = 253;

/// The owner name of a server's TLSA records, `_25._tcp.mx.example.com`, without a trailing dot.
///
/// `None` when it would be longer than DNS allows, so that no record can be there.
pub fn tlsa_owner(port: u16, base_domain: &DomainName) -> Option<String> {
    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
    //# Each candidate TLSA base domain (alias-expanded or original) is in
    //# turn prefixed with service labels of the form "_<port>._tcp".
    let owner = format!("_{port}._tcp.{base_domain}");
    (owner.len() <= LONGEST_NAME).then_some(owner)
}

/// The DNSSEC status of an answer that could be had. A bogus or indeterminate one is a failed
/// look-up: the server counts as unreachable (RFC 7672 §2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// Signed and validated.
    Secure,
    /// Proven not to be signed.
    Insecure,
}

/// What the look-up of a server's addresses gave, RFC 7672 §2.2.2. It comes before that of its
/// TLSA records: some name servers fail for those alone, and only in zones without DNSSEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressLookup<'a> {
    /// The name has addresses of its own.
    Direct {
        /// The status of the address RRset.
        addresses: Security,
    },
    /// The name is an alias.
    Alias {
        /// The name at the end of all aliases.
        expanded: &'a DomainName,
        /// The status of the first alias.
        first: Security,
        /// The status of the address RRset, secure only if every alias on the way is.
        addresses: Security,
    },
}

/// The names below which to look for TLSA records, at most two, in this order; the first with a
/// secure TLSA RRset is the TLSA base domain. None when DANE does not apply to the server.
pub fn candidate_base_domains(host: &DomainName, lookup: AddressLookup<'_>) -> Vec<DomainName> {
    match lookup {
        //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
        //# When the hostname is an alias with a "secure" (at every stage) full
        //# expansion, the list of candidate TLSA base domains (see below) is a
        //# pair of domains: the fully expanded server hostname first, and the
        //# unexpanded server hostname second.
        AddressLookup::Alias { expanded, first: Security::Secure, addresses: Security::Secure } => {
            unique([expanded, host])
        }
        //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
        //# If the
        //# initial CNAME response is also "insecure", DANE TLS does not
        //# apply.  Otherwise, this case is treated just like the non-CNAME
        //# case above, where a search is performed for a TLSA record with the
        //# original input domain as the candidate TLSA base domain.
        AddressLookup::Alias { first: Security::Secure, addresses: Security::Insecure, .. }
        | AddressLookup::Direct { addresses: Security::Secure } => vec![host.clone()],
        //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
        //# If
        //# address records are found but the DNSSEC validation status of the
        //# first query response is "insecure" (see Section 2.1.3), the SMTP
        //# client SHOULD NOT proceed to search for any associated TLSA records.
        AddressLookup::Alias { first: Security::Insecure, .. }
        | AddressLookup::Direct { addresses: Security::Insecure } => Vec::new(),
    }
}

/// How a server was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// Through a secure MX RRset.
    SecureMx {
        /// The domain that the mail is for, as given.
        next_hop: &'a DomainName,
        /// The same after all aliases, if it is one.
        expanded: Option<&'a DomainName>,
    },
    /// Through an MX RRset that is not signed, where DANE is a choice (RFC 7672 §2.2.1).
    InsecureMx,
    /// Without MX records: the next hop is the server.
    Direct {
        /// The domain or host that the mail is for, as given.
        next_hop: &'a DomainName,
    },
}

/// The names that the certificate of a server may be for under usage DANE-TA, the TLSA base domain
/// first.
pub fn reference_identifiers(base_domain: &DomainName, route: Route<'_>) -> Vec<DomainName> {
    match route {
        //= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
        //# TLSA records for MX hostnames:  If the TLSA base domain was obtained
        //# indirectly via a "secure" MX lookup (including any CNAME-expanded
        //# name of an MX hostname), then the original next-hop domain used in
        //# the MX lookup MUST be included as a second reference identifier.
        //# The CNAME-expanded original next-hop domain MUST be included as a
        //# third reference identifier if different from the original next-hop
        //# domain.
        Route::SecureMx { next_hop, expanded } => {
            unique([base_domain, next_hop].into_iter().chain(expanded))
        }
        //= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
        //# When the client MTA is employing DANE TLS security
        //# despite "insecure" MX redirection, the MX hostname is the only
        //# reference identifier.
        Route::InsecureMx => vec![base_domain.clone()],
        //= https://www.rfc-editor.org/rfc/rfc7672#section-3.2.2
        //# TLSA records for non-MX hostnames:  If MX records were not used
        //# (e.g., if none exist) and the TLSA base domain is the
        //# CNAME-expanded original next-hop domain, then the original
        //# next-hop domain MUST be included as a second reference identifier.
        Route::Direct { next_hop } => unique([base_domain, next_hop]),
    }
}

fn unique<'a>(names: impl IntoIterator<Item = &'a DomainName>) -> Vec<DomainName> {
    let mut unique = Vec::new();
    for name in names {
        if !unique.contains(name) {
            unique.push(name.clone());
        }
    }
    unique
}

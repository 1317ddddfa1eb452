//! The hosts of a next hop, summed up for the matrix.

use dane::{Requirement, TlsaRecord, TlsaSet};
use sealpost_evidence::{HostAddresses, Lookup, LookupFault, MxRecord, Security, TlsaLookup};

use super::{MxSecurity, TlsaState};

/// What a host has in the eyes of a sender that uses DANE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Holding {
    /// At least one usable record.
    Usable,
    /// Secure records, none of them usable.
    Unusable,
    /// No record that counts.
    Nothing,
    /// A look-up failed, or nobody can say what is secure.
    Failed,
}

/// Which TLSA records of a host count (RFC 7672 §2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting<'a> {
    /// None: those that there are, if any, are not secure.
    Nothing { unsigned: Option<&'a TlsaLookup> },
    /// It cannot be told; the fault says why, where a look-up has failed.
    Failed { lookup: &'a TlsaLookup, fault: Option<&'a LookupFault> },
    /// These, under this base domain.
    Secure { lookup: &'a TlsaLookup, texts: &'a [String] },
}

impl MxSecurity {
    /// What DNSSEC says of the way from a next hop to its hosts: the MX records, or, where there are
    /// none or they are not asked for, the addresses of the name itself.
    pub fn of(records: Option<&Lookup<Vec<MxRecord>>>, first_host: Option<&HostAddresses>) -> Self {
        Self::from(security(records, first_host))
    }
}

impl From<Security> for MxSecurity {
    fn from(security: Security) -> Self {
        match security {
            Security::Secure => Self::Secure,
            Security::Insecure => Self::Insecure,
            Security::Indeterminate => Self::Failed,
        }
    }
}

impl TlsaState {
    /// The sum of what the hosts have; [`TlsaState::None`] where there is no host.
    pub fn of(holdings: &[Holding]) -> Self {
        let any = |holding| holdings.contains(&holding);
        let all = |holding| holdings.iter().all(|one| *one == holding);
        if holdings.is_empty() {
            Self::None
        } else if all(Holding::Failed) {
            Self::FailedAll
        } else if any(Holding::Failed) {
            if any(Holding::Usable) { Self::FailedSomeUsable } else { Self::FailedNoneUsable }
        } else if all(Holding::Usable) {
            Self::AllUsable
        } else if any(Holding::Usable) {
            Self::SomeUsable
        } else if any(Holding::Unusable) {
            Self::OnlyUnusable
        } else {
            Self::None
        }
    }
}

impl Holding {
    /// What a host has, by its addresses and its TLSA look-ups, in the order of RFC 7672 §2.2.3; these
    /// are `None` where they were not made.
    pub fn of<'a>(
        addresses: &HostAddresses,
        tlsa: Option<impl IntoIterator<Item = &'a Lookup<Vec<String>>>>,
    ) -> Self {
        let Some(lookups) = tlsa else { return Self::without_lookup(addresses) };
        for records in lookups {
            match Worth::of(records) {
                Worth::Nothing | Worth::Unsigned => {}
                Worth::Failed(_) => return Self::Failed,
                Worth::Secure([]) => return Self::Nothing,
                Worth::Secure(texts) => return Self::of_records(texts),
            }
        }
        Self::Nothing
    }

    fn of_records(texts: &[String]) -> Self {
        let records = texts.iter().filter_map(|text| TlsaRecord::parse(text).ok());
        match TlsaSet::new(records).requirement() {
            Requirement::Authentication => Self::Usable,
            Requirement::Encryption | Requirement::Nothing => Self::Unusable,
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
    //# If
    //# address records are found but the DNSSEC validation status of the
    //# first query response is "insecure" (see Section 2.1.3), the SMTP
    //# client SHOULD NOT proceed to search for any associated TLSA records.
    /// What a host has whose TLSA records were not asked for: none, if its addresses are proven to
    /// be insecure, or to be missing.
    pub(crate) fn without_lookup(addresses: &HostAddresses) -> Self {
        match addresses_security(addresses) {
            Security::Insecure => Self::Nothing,
            Security::Secure if is_missing(&addresses.ipv4) && is_missing(&addresses.ipv6) => {
                Self::Nothing
            }
            Security::Secure | Security::Indeterminate => Self::Failed,
        }
    }
}

/// Whether somebody can say that there is nothing.
fn is_missing<T>(lookup: &Lookup<T>) -> bool {
    match lookup {
        Lookup::Absent(absence) => absence.security != Security::Indeterminate,
        Lookup::Found(_) | Lookup::Unknown(_) => false,
    }
}

impl<'a> Counting<'a> {
    pub(crate) fn of(lookups: &'a [TlsaLookup]) -> Self {
        let mut unsigned = None;
        for lookup in lookups {
            match Worth::of(&lookup.records) {
                Worth::Nothing => {}
                Worth::Unsigned => unsigned = unsigned.or(Some(lookup)),
                Worth::Failed(fault) => return Self::Failed { lookup, fault },
                Worth::Secure(texts) => return Self::Secure { lookup, texts },
            }
        }
        Self::Nothing { unsigned }
    }
}

/// What the answer for one TLSA base domain is worth. After the first two, the next base domain is
/// tried.
enum Worth<'a> {
    Nothing,
    Unsigned,
    Failed(Option<&'a LookupFault>),
    Secure(&'a [String]),
}

impl<'a> Worth<'a> {
    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
    //# If any "insecure" records are
    //# encountered or the TLSA records don't exist, the next candidate TLSA
    //# base domain is tried instead.
    fn of(records: &'a Lookup<Vec<String>>) -> Self {
        match records {
            // Nobody vouches for the denial, so records may be there all the same.
            Lookup::Absent(absence) if absence.security == Security::Indeterminate => {
                Self::Failed(None)
            }
            Lookup::Absent(_) => Self::Nothing,
            Lookup::Unknown(fault) => Self::Failed(Some(fault)),
            Lookup::Found(found) => match found.security {
                Security::Indeterminate => Self::Failed(None),
                Security::Insecure => Self::Unsigned,
                Security::Secure => Self::Secure(&found.value),
            },
        }
    }
}

/// What DNSSEC says of the way from a next hop to its hosts.
pub(crate) fn security(
    records: Option<&Lookup<Vec<MxRecord>>>,
    first_host: Option<&HostAddresses>,
) -> Security {
    match records {
        Some(Lookup::Found(found)) => found.security,
        // Nobody vouches for the denial, so there may be MX records all the same.
        Some(Lookup::Absent(absence)) if absence.security == Security::Indeterminate => {
            Security::Indeterminate
        }
        None | Some(Lookup::Absent(_)) => {
            first_host.map_or(Security::Indeterminate, addresses_security)
        }
        Some(Lookup::Unknown(_)) => Security::Indeterminate,
    }
}

/// The weaker of the two address look-ups, as far as they found something.
fn addresses_security(addresses: &HostAddresses) -> Security {
    let found = [
        addresses.ipv4.found().map(|found| found.security),
        addresses.ipv6.found().map(|found| found.security),
    ];
    let mut found = found.into_iter().flatten();
    if found.clone().any(|security| security == Security::Indeterminate) {
        Security::Indeterminate
    } else if found.any(|security| security == Security::Insecure) {
        Security::Insecure
    } else {
        Security::Secure
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use sealpost_evidence::{Absence, AbsenceKind, Found};

    use super::*;

    fn denied<T>(security: Security) -> Lookup<T> {
        let kind = AbsenceKind::NoSuchData;
        Lookup::Absent(Absence { kind, ttl: 60, aliases: Vec::new(), security })
    }

    fn addresses(security: Security) -> HostAddresses {
        let value = vec![Ipv4Addr::LOCALHOST];
        let ipv4 = Lookup::Found(Found { value, ttl: 60, aliases: Vec::new(), security });
        HostAddresses { ipv4, ipv6: denied(security) }
    }

    #[test]
    fn an_implicit_mx_is_as_secure_as_its_addresses_if_somebody_vouches_for_the_denial() {
        use Security::{Indeterminate, Insecure, Secure};
        for (denial, of_addresses, expected) in [
            (Secure, Secure, MxSecurity::Secure),
            (Secure, Insecure, MxSecurity::Insecure),
            (Insecure, Secure, MxSecurity::Secure),
            (Indeterminate, Secure, MxSecurity::Failed),
            (Secure, Indeterminate, MxSecurity::Failed),
        ] {
            let records = denied(denial);
            let seen = MxSecurity::of(Some(&records), Some(&addresses(of_addresses)));
            assert_eq!(seen, expected, "{denial:?} {of_addresses:?}");
        }
    }
}

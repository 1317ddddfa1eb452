//! The names of a zone that take mail.

mod master_file;
pub use master_file::{MasterFile, ZoneFault};

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;

/// Collects the names of a zone that have MX records or, without them, an address: an implicit MX
/// (RFC 5321 §5.1).
///
/// It holds a small entry for each name of the zone, however many records that has.
#[derive(Debug)]
pub struct MailNames {
    apex: String,
    owners: BTreeMap<String, Owner>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Owner {
    takes_mail: bool,
    is_alias: bool,
    is_cut: bool,
}

/// What a record is to mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneRecord {
    /// MX: the name takes mail, or says that it does not.
    Mx,
    /// A or AAAA: without MX records it takes mail all the same.
    Address,
    /// CNAME: whatever else stands here, the name is another's.
    Alias,
    /// NS: below the apex, what is here and below belongs to another zone.
    NameServer,
    /// Anything else.
    Other,
}

/// The names of a zone that take mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneNames {
    /// Those that can be looked at, each after those above it.
    pub domains: BTreeSet<DomainName>,
    /// Names that take mail, and that nobody can write to as they stand: wildcards, and names that
    /// are no domain names of mail.
    pub passed_over: BTreeSet<String>,
}

impl ZoneRecord {
    /// What a record of this type is, by the mnemonic of the type.
    pub fn of_type(mnemonic: &str) -> Self {
        match mnemonic.to_ascii_uppercase().as_str() {
            "MX" => Self::Mx,
            "A" | "AAAA" => Self::Address,
            "CNAME" => Self::Alias,
            "NS" => Self::NameServer,
            _ => Self::Other,
        }
    }
}

impl MailNames {
    /// A zone with this apex; names are without the trailing dot.
    pub fn new(apex: &str) -> Self {
        Self { apex: apex.to_ascii_lowercase(), owners: BTreeMap::new() }
    }

    /// Takes a record; `owner` is a full name without the trailing dot.
    pub fn add(&mut self, owner: &str, record: ZoneRecord) {
        let owner = self.owners.entry(owner.to_ascii_lowercase()).or_default();
        match record {
            ZoneRecord::Mx | ZoneRecord::Address => owner.takes_mail = true,
            ZoneRecord::Alias => owner.is_alias = true,
            ZoneRecord::NameServer => owner.is_cut = true,
            ZoneRecord::Other => {}
        }
    }

    /// The names.
    pub fn finish(self) -> ZoneNames {
        let mut names = ZoneNames::default();
        for (name, owner) in &self.owners {
            if !owner.takes_mail || owner.is_alias || self.is_another_zone_s(name) {
                continue;
            }
            match DomainName::parse(name) {
                Ok(domain) => drop(names.domains.insert(domain)),
                Err(_) => drop(names.passed_over.insert(name.clone())),
            }
        }
        names
    }

    /// Is there a delegation at the name or above it, below the apex? Then its address is only glue
    /// (RFC 1034 §4.2.1).
    fn is_another_zone_s(&self, name: &str) -> bool {
        let mut name = name;
        while name != self.apex {
            if self.owners.get(name).is_some_and(|owner| owner.is_cut) {
                return true;
            }
            match name.split_once('.') {
                Some((_, parent)) => name = parent,
                None => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_take_mail_are_found() {
        let mut zone = MailNames::new("Example.test");
        for (owner, kind) in [
            ("example.test", "SOA"),
            ("example.test", "NS"),
            ("example.test", "MX"),
            ("Implicit.example.test", "AAAA"),
            ("txt-only.example.test", "TXT"),
            ("alias.example.test", "CNAME"),
            ("child.example.test", "NS"),
            ("ns1.child.example.test", "A"),
            ("child.example.test", "A"),
            ("*.example.test", "MX"),
            ("_sip.example.test", "A"),
            ("both.example.test", "MX"),
            ("both.example.test", "A"),
        ] {
            zone.add(owner, ZoneRecord::of_type(kind));
        }
        let names = zone.finish();
        let domains: Vec<&str> = names.domains.iter().map(DomainName::as_str).collect();
        assert_eq!(domains, ["example.test", "both.example.test", "implicit.example.test"]);
        let passed_over: Vec<&str> = names.passed_over.iter().map(String::as_str).collect();
        assert_eq!(passed_over, ["*.example.test", "_sip.example.test"]);
    }
}

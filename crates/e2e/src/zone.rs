//! The zones of the DNS: how each is signed, and what stands in it beside the mail domains.

/// A zone below the root, which holds the records of every mail domain at or below its name that
/// no deeper zone holds.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its name, without the final dot.
    pub name: &'static str,
    /// How it is signed.
    pub signing: Signing,
    /// Further records, in the form of a master file (RFC 1035 §5) with the zone as its origin.
    pub records: &'static str,
    /// Who may have it as a whole.
    pub transfer: Transfer,
}

/// To whom a zone is given as a whole (AXFR, RFC 5936).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// To nobody.
    Never,
    /// To whoever asks from the environment's network.
    Open,
    /// To those who sign with the key of [`Transfer::KEY`] (TSIG, RFC 8945).
    Signed,
}

/// How a zone is signed. In every case but [`Signing::Unsigned`] its parent has a DS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// By Knot, with NSEC records: secure.
    Nsec,
    /// By Knot, with NSEC3 records: secure.
    Nsec3,
    /// By Knot, with NSEC3 records that leave out unsigned delegations (RFC 5155 §6): what exists
    /// is secure.
    Nsec3OptOut,
    /// Not at all, and the parent says so: insecure.
    Unsigned,
    /// By Knot, with a key that the DS record does not fit: bogus.
    OtherKey,
    /// Rightly, and the signatures ended in the year 2020: bogus.
    Expired,
    /// Rightly, and afterwards MX and TXT records were changed: those are bogus, all else is secure.
    Tampered,
    /// Not at all, although the parent has a DS record: bogus.
    Stripped,
}

impl Zone {
    /// A zone with no further records.
    pub fn new(name: &'static str, signing: Signing) -> Self {
        Self { name, signing, records: "", transfer: Transfer::Never }
    }

    /// The same with further records.
    #[must_use]
    pub fn records(mut self, records: &'static str) -> Self {
        self.records = records;
        self
    }

    /// The same, given away as a whole.
    #[must_use]
    pub fn transfer(mut self, transfer: Transfer) -> Self {
        self.transfer = transfer;
        self
    }

    /// Does it hold this name, unless a deeper zone does?
    pub(crate) fn encloses(&self, name: &str) -> bool {
        name.strip_suffix(self.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl Transfer {
    /// The key, as `algorithm:name:secret`.
    pub const KEY: &'static str = "hmac-sha256:transfer.test:c2VhbHBvc3QncyBrZXkgZm9yIHRlc3Rz";

    /// Knot's list of those who may.
    pub(crate) fn knot_acl(self) -> Option<&'static str> {
        match self {
            Self::Never => None,
            Self::Open => Some("open"),
            Self::Signed => Some("signed"),
        }
    }
}

impl Signing {
    /// The word for it in the configuration.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Nsec => "nsec",
            Self::Nsec3 => "nsec3",
            Self::Nsec3OptOut => "nsec3-opt-out",
            Self::Unsigned => "unsigned",
            Self::OtherKey => "other-key",
            Self::Expired => "expired",
            Self::Tampered => "tampered",
            Self::Stripped => "stripped",
        }
    }

    /// The policy by which Knot signs the zone while it serves it, if it does.
    pub(crate) fn knot_policy(self) -> Option<&'static str> {
        match self {
            Self::Nsec | Self::OtherKey => Some("nsec"),
            Self::Nsec3 => Some("nsec3"),
            Self::Nsec3OptOut => Some("nsec3-opt-out"),
            Self::Unsigned | Self::Expired | Self::Tampered | Self::Stripped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_encloses_whole_labels() {
        let zone = Zone::new("b.test", Signing::Nsec);
        for (name, expected) in
            [("b.test", true), ("a.b.test", true), ("ab.test", false), ("test", false)]
        {
            assert_eq!(zone.encloses(name), expected, "{name}");
        }
    }
}

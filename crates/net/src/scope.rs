//! Which parts of a domain to look at.

/// One part of what can be seen of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The STS record and the policy host (RFC 8461 §3).
    Sts,
    /// The TLS-RPT record (RFC 8460 §3).
    TlsRpt,
    /// The MX records, and what the DNS knows of the MX hosts: addresses, TLSA and CAA records.
    MxRecords,
    /// The same, and an SMTP dialogue with each address.
    Mx,
}

/// A set of [`Part`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(u8);

impl Part {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Sts, Self::TlsRpt, Self::MxRecords, Self::Mx];

    fn bits(self) -> u8 {
        match self {
            Self::Sts => 1,
            Self::TlsRpt => 2,
            Self::MxRecords => 4,
            Self::Mx => 4 | 8,
        }
    }
}

impl Scope {
    /// Every part.
    pub fn all() -> Self {
        Self::of(&Part::ALL)
    }

    /// These parts.
    pub fn of(parts: &[Part]) -> Self {
        Self(parts.iter().fold(0, |bits, part| bits | part.bits()))
    }

    /// Is this part in the set?
    pub fn contains(self, part: Part) -> bool {
        self.0 & part.bits() == part.bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_what_was_put_in() {
        assert!(Part::ALL.iter().all(|part| Scope::all().contains(*part)));
        let scope = Scope::of(&[Part::Sts, Part::Mx]);
        assert!(scope.contains(Part::Sts) && scope.contains(Part::Mx));
        assert!(!scope.contains(Part::TlsRpt));
        assert!(Part::ALL.iter().all(|part| !Scope::of(&[]).contains(*part)));
        assert!(scope.contains(Part::MxRecords), "they are part of the MX");
        let records = Scope::of(&[Part::MxRecords]);
        assert!(records.contains(Part::MxRecords) && !records.contains(Part::Mx));
    }
}

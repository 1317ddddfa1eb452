//! Which parts of a domain to look at.

/// One part of what can be seen of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The STS record and the policy host (RFC 8461 §3).
    Sts,
    /// The TLS-RPT record (RFC 8460 §3).
    TlsRpt,
    /// The MX records, the addresses of the MX hosts, and an SMTP dialogue with each.
    Mx,
}

/// A set of [`Part`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(u8);

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Sts, Self::TlsRpt, Self::Mx];

    fn bit(self) -> u8 {
        match self {
            Self::Sts => 1,
            Self::TlsRpt => 2,
            Self::Mx => 4,
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
        Self(parts.iter().fold(0, |bits, part| bits | part.bit()))
    }

    /// Is this part in the set?
    pub fn contains(self, part: Part) -> bool {
        self.0 & part.bit() != 0
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
    }
}

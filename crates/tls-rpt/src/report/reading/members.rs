//! Which member of an object is which.

use std::borrow::Cow;

use super::{Place, Reader, RepairKind};
use crate::report::UnknownMembers;

/// The names that an object of the schema knows.
pub(super) struct Keys {
    pub(super) names: &'static [&'static str],
    /// What drafts of the RFC called some of them: the draft's name first.
    pub(super) drafts: &'static [(&'static str, &'static str)],
}

/// A member, read up to its value.
pub(super) struct Member<'t> {
    /// Its name in the schema; empty when the schema does not know it.
    pub(super) name: &'static str,
    /// Its name in the text.
    pub(super) written: Cow<'t, str>,
}

/// Which members of an object were there so far.
#[derive(Default)]
pub(super) struct Seen {
    /// A bit for each name, by its number in [`Keys`].
    proper: u16,
    /// The same for names in another spelling.
    other: u16,
}

impl Seen {
    pub(super) fn count(&self) -> u32 {
        (self.proper | self.other).count_ones()
    }
}

impl<'t> Reader<'t> {
    /// The next member whose value counts; `None` at the end of the object.
    pub(super) fn member(
        &mut self,
        keys: &Keys,
        seen: &mut Seen,
        place: &Place<'_>,
    ) -> Option<Member<'t>> {
        loop {
            let written = self.cursor.key()?;
            self.settle(place);
            if let Some(number) = keys.names.iter().position(|name| *name == written) {
                let bit = 1 << number;
                let name = keys.names.get(number).copied().unwrap_or_default();
                if seen.proper & bit != 0 {
                    self.repair(duplicate(name), &place.key(&written));
                }
                seen.proper |= bit;
                return Some(Member { name, written });
            }

            let Some((number, kind)) = keys.meant(&written) else {
                return Some(Member { name: "", written });
            };
            let name = keys.names.get(number).copied().unwrap_or_default();
            let here = place.key(&written);
            self.repair(kind, &here);
            let bit = 1 << number;
            if seen.other & bit != 0 {
                self.repair(duplicate(name), &here);
            }
            seen.other |= bit;
            // The proper spelling wins, wherever it stands.
            if seen.proper & bit != 0 {
                self.cursor.skip(self.depth);
                self.settle(&here);
                continue;
            }
            return Some(Member { name, written });
        }
    }

    /// Keeps the value of an unknown member, or reads over it.
    pub(super) fn unknown(
        &mut self,
        member: &Member<'t>,
        kept: &mut UnknownMembers,
        place: &Place<'_>,
    ) {
        self.repair(RepairKind::UnknownKey, place);
        if self.unknown_members < self.limits.unknown_members {
            self.unknown_members += 1;
            let mut value = String::new();
            self.cursor.copy(self.depth, &mut value);
            kept.push(member.written.clone().into_owned(), value);
        } else {
            self.repair(RepairKind::TooManyUnknownKeys, place);
            self.cursor.skip(self.depth);
        }
    }

    /// Notes a member that is not there, unless the text ended before it could come.
    pub(super) fn expect(
        &mut self,
        keys: &Keys,
        seen: &Seen,
        key: &str,
        kind: RepairKind,
        place: &Place<'_>,
    ) {
        let Some(number) = keys.names.iter().position(|name| *name == key) else { return };
        let is_seen = (seen.proper | seen.other) & (1 << number) != 0;
        self.expect_read(is_seen, kind, &place.key(key));
    }

    /// The same for a member of which is known whether it was read.
    pub(super) fn expect_read(&mut self, is_read: bool, kind: RepairKind, place: &Place<'_>) {
        if !is_read && !self.cursor.is_stopped() {
            self.repair(kind, place);
        }
    }
}

/// What it is when a member is there twice.
fn duplicate(name: &str) -> RepairKind {
    match name {
        "policies"
        | "policy"
        | "summary"
        | "total-successful-session-count"
        | "total-failure-session-count" => RepairKind::DuplicateNumbers,
        _ => RepairKind::DuplicateKey,
    }
}

impl Keys {
    /// The number of the name that another spelling means, and what is wrong with it.
    fn meant(&self, written: &str) -> Option<(usize, RepairKind)> {
        let number = |wanted: &str| self.names.iter().position(|name| *name == wanted);
        let longest = 64;
        if written.len() > longest {
            return None;
        }
        let normal = written.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        if let Some(number) = number(&normal) {
            return Some((number, RepairKind::KeyForm));
        }
        let (_, name) = self.drafts.iter().find(|(draft, _)| *draft == normal)?;
        Some((number(name)?, RepairKind::DraftKey))
    }
}

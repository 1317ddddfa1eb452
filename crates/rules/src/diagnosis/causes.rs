//! The table of causes: every one, once.
//!
//! Codes are grouped: `FAIL1xx` the MX host and its certificate, `FAIL2xx` the MTA-STS policy and
//! its host, `FAIL3xx` DANE and DNSSEC, `FAIL4xx` the way of the mail, `FAIL5xx` what can't be told,
//! `FAIL6xx` who sees a failure and who does not, `FAIL7xx` how failures run over the days.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Severity;

/// One cause of reported failures: what it means, whose fault it mostly is, what to do.
///
/// This table is the only place where these texts stand; pages, JSON and the command line are made
/// from it.
#[derive(Debug)]
pub struct Cause {
    /// The stable code, such as `FAIL201`. A code is never given a second meaning.
    pub code: &'static str,
    /// The stable name, such as `mx-not-in-policy`.
    pub name: &'static str,
    /// How bad it is at most; a diagnosis may know that it is mended, or not proven.
    pub severity: Severity,
    /// Whose fault it mostly is, where nothing more is known than what was reported.
    pub presumed: Fault,
    /// The cause in a few words, for lists.
    pub title: &'static str,
    /// What it means.
    pub why: &'static str,
    /// Where it is laid down: RFC and section.
    pub source: &'static str,
    /// What to do in general; a diagnosis may know better.
    pub fix: &'static str,
}

/// Whose fault a failure looks like.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Ours: our servers, our policy, our DNS.
    Ours,
    /// The sender's: its software, its resolver, its memory, its network.
    Sender,
    /// Neither side's: a middlebox or an attacker between the two.
    Interference,
    /// It can't be told.
    Unclear,
}

/// Defines each cause as a static and a group's list of them.
macro_rules! causes {
    ($list:ident: $($code:ident $severity:ident $presumed:ident $name:literal
        $title:literal
        why $why:literal
        source $source:literal
        fix $fix:literal)*) => {
        $(
            pub(in crate::diagnosis) static $code: super::Cause = super::Cause {
                code: stringify!($code),
                name: $name,
                severity: crate::Severity::$severity,
                presumed: super::Fault::$presumed,
                title: $title,
                why: $why,
                source: $source,
                fix: $fix,
            };
        )*
        pub(super) const $list: &[&super::Cause] = &[$(&$code),*];
    };
}

mod dane;
mod days;
mod mail_host;
mod path;
mod policy;
mod spread;
pub(super) use dane::*;
pub(super) use days::*;
pub(super) use mail_host::*;
pub(super) use path::*;
pub(super) use policy::*;
pub(super) use spread::*;

/// Every cause, by code.
pub fn causes() -> impl Iterator<Item = &'static Cause> {
    [
        mail_host::MAIL_HOST,
        policy::POLICY,
        dane::DANE,
        path::PATH,
        path::OPEN,
        spread::SPREAD,
        days::DAYS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The cause with this code or name, upper or lower case.
pub fn cause(code_or_name: &str) -> Option<&'static Cause> {
    causes().find(|cause| {
        cause.code.eq_ignore_ascii_case(code_or_name)
            || cause.name.eq_ignore_ascii_case(code_or_name)
    })
}

impl Fault {
    /// The word for it: `interference`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Sender => "sender",
            Self::Interference => "interference",
            Self::Unclear => "unclear",
        }
    }

    /// What it means, as a sentence for people.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Ours => "It looks like our fault.",
            Self::Sender => "It looks like the sender's side.",
            Self::Interference => "It looks like a middlebox or an attack on the way.",
            Self::Unclear => "Whose fault it is can't be told from this.",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Cause {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_codes_ascend() {
        let mut names = HashSet::new();
        let mut before = "";
        for cause in causes() {
            assert!(before < cause.code, "{} comes after {before}", cause.code);
            assert!(names.insert(cause.name), "{} stands twice", cause.name);
            assert!(
                crate::catalogue::rule(cause.code).is_none()
                    && crate::catalogue::rule(cause.name).is_none(),
                "{} is a rule too",
                cause.name
            );
            before = cause.code;
        }
    }

    #[test]
    fn texts_are_sentences_and_fragments_where_they_should_be() {
        for cause in causes() {
            let code = cause.code;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(cause.name.bytes().all(plain), "{code} name");
            assert!(!cause.title.ends_with('.'), "{code}: a title is a fragment");
            assert!(cause.why.ends_with('.'), "{code}: why is a sentence");
            assert!(cause.fix.ends_with('.'), "{code}: fix is a sentence");
            assert!(cause.source.contains("RFC "), "{code} source");
            for text in [cause.title, cause.why, cause.fix] {
                assert!(!text.contains("  ") && !text.contains('!'), "{code}: {text}");
            }
        }
    }

    /// Reports alone never weaken a policy.
    #[test]
    fn no_advice_weakens_a_policy() {
        for cause in causes() {
            for bad in
                ["mode: testing", "mode: none", "to testing", "switch off", "disable", "remove"]
            {
                assert!(!cause.fix.contains(bad), "{}: {}", cause.code, cause.fix);
            }
        }
    }

    #[test]
    fn a_cause_is_found_by_code_or_name_in_any_case() {
        assert_eq!(cause("fail201"), Some(&FAIL201));
        assert_eq!(cause("MX-not-in-policy"), Some(&FAIL201));
        assert_eq!(cause("FAIL999"), None);
    }
}

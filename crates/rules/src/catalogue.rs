//! The catalogue: every rule, once.
//!
//! Codes are grouped by what is looked at: `STS1xx` the STS record, `STS2xx` the policy host,
//! `STS3xx` the policy text, `STS4xx` policy against MX, `MX1xx` the MX records, `MX2xx` the SMTP
//! dialogue, `MX3xx` TLS at the MX, `DANE1xx` TLSA records, `RPT1xx` the TLS-RPT record and where
//! reports go, `DNS1xx` DNSSEC, `CAA1xx` who may issue certificates, `OBS1xx` the observer's own
//! place.

use crate::Rule;

/// Defines each rule as a static and a group's list of them.
macro_rules! rules {
    ($list:ident: $($code:ident $severity:ident $name:literal
        $title:literal
        why $why:literal
        source $source:literal
        fix $fix:literal)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $title, ".")]
            pub static $code: Rule = Rule {
                code: stringify!($code),
                name: $name,
                severity: crate::Severity::$severity,
                title: $title,
                why: $why,
                source: $source,
                fix: $fix,
            };
        )*
        pub(super) const $list: &[&Rule] = &[$(&$code),*];
    };
}

mod mail_host;
mod observer;
mod policy;
mod policy_host;
mod sts_record;
mod surroundings;
mod tls_rpt;
pub use mail_host::*;
pub use observer::*;
pub use policy::*;
pub use policy_host::*;
pub use sts_record::*;
pub use surroundings::*;
pub use tls_rpt::*;

/// Every rule, by code.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        sts_record::STS_RECORD,
        policy_host::POLICY_HOST,
        policy::POLICY,
        policy::COVERAGE,
        mail_host::MX_RECORDS,
        mail_host::SMTP,
        mail_host::MX_TLS,
        mail_host::DANE,
        tls_rpt::TLS_RPT,
        surroundings::DNS,
        surroundings::CAA,
        observer::OBSERVER,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The rule with this code or name, upper or lower case.
pub fn rule(code_or_name: &str) -> Option<&'static Rule> {
    rules().find(|rule| {
        rule.code.eq_ignore_ascii_case(code_or_name) || rule.name.eq_ignore_ascii_case(code_or_name)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_codes_ascend_in_their_group() {
        let mut codes = HashSet::new();
        let mut names = HashSet::new();
        let mut before = "";
        for rule in rules() {
            assert!(codes.insert(rule.code), "{} stands twice", rule.code);
            assert!(names.insert(rule.name), "{} stands twice", rule.name);
            let digits = rule.code.find(|c: char| c.is_ascii_digit()).unwrap();
            let digits = digits.max(1);
            if before.get(..digits) == rule.code.get(..digits) {
                assert!(before < rule.code, "{} comes after {before}", rule.code);
            }
            before = rule.code;
        }
    }

    #[test]
    fn texts_are_sentences_and_fragments_where_they_should_be() {
        for rule in rules() {
            let code = rule.code;
            assert!(
                rule.name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{code} name"
            );
            assert!(!rule.title.ends_with('.'), "{code}: a title is a fragment");
            assert!(rule.why.ends_with('.'), "{code}: why is a sentence");
            assert!(rule.fix.ends_with('.'), "{code}: fix is a sentence");
            assert!(rule.source.contains("RFC ") || rule.code.starts_with("OBS"), "{code} source");
            for text in [rule.title, rule.why, rule.fix] {
                assert!(!text.contains("  ") && !text.contains('!'), "{code}: {text}");
            }
        }
    }

    #[test]
    fn a_rule_is_found_by_code_or_name_in_any_case() {
        assert_eq!(rule("sts107"), Some(&STS107));
        assert_eq!(rule("sts-record-id-invalid"), Some(&STS107));
        assert_eq!(rule("STS999"), None);
    }
}

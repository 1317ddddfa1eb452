//! The entries of `policies`.

use super::members::{Keys, Seen};
use super::{Place, Reader, Refusal, RepairKind, Shape, replace};
use crate::PolicyType;
use crate::report::json::Cursor;
use crate::report::{AppliedPolicy, PolicyReport, Summary};

const ENTRY: Keys = Keys { names: &["policy", "summary", "failure-details"], drafts: &[] };

const POLICY: Keys = Keys {
    names: &["policy-type", "policy-string", "policy-domain", "mx-host"],
    drafts: &[("mx-host-pattern", "mx-host")],
};

const SUMMARY: Keys =
    Keys { names: &["total-successful-session-count", "total-failure-session-count"], drafts: &[] };

impl Reader<'_> {
    //= https://www.rfc-editor.org/rfc/rfc8460#section-4
    //# Because of this, even in the
    //# case where only a single policy was applied, the "policies" field of
    //# the report body MUST be an array and not a singular value.
    pub(super) fn policies(&mut self, place: &Place<'_>) -> Option<Vec<PolicyReport>> {
        let mut policies = Vec::new();
        match self.cursor.shape() {
            Shape::Array => {
                self.cursor.open();
                let mut index = 0;
                while self.cursor.item() {
                    let here = place.index(index);
                    if index == self.limits.policies {
                        self.refuse(Refusal::TooManyPolicies { limit: self.limits.policies });
                        break;
                    }
                    if self.is_object(&here) {
                        policies.push(self.entry(&here));
                    } else {
                        self.expect_read(false, RepairKind::SummaryMissing, &here);
                    }
                    self.settle(&here);
                    index += 1;
                }
                if index == 0 && !self.cursor.is_stopped() {
                    self.repair(RepairKind::PoliciesEmpty, place);
                }
            }
            Shape::Object => {
                self.repair(RepairKind::ObjectForArray, place);
                policies.push(self.entry(place));
            }
            _ => {
                self.no_value(place);
                return None;
            }
        }
        Some(policies)
    }

    fn entry(&mut self, place: &Place<'_>) -> PolicyReport {
        let mut entry = PolicyReport::default();
        let (mut policy, mut summary) = (None, None);
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(member) = self.member(&ENTRY, &mut seen, place) {
            let here = place.key(&member.written);
            match member.name {
                "policy" => {
                    if self.is_object(&here) {
                        policy = Some(self.policy(&here));
                    }
                }
                "summary" => {
                    if self.is_object(&here) {
                        summary = Some(self.summary(&here));
                    }
                }
                "failure-details" => {
                    if let Some(details) = self.failure_details(&here) {
                        entry.failure_details = details;
                    }
                }
                _ => self.unknown(&member, &mut entry.unknown, &here),
            }
            self.settle(&here);
        }
        self.settle(place);
        // Also when they are null: then numbers are missing as well.
        self.expect_read(policy.is_some(), RepairKind::PolicyMissing, &place.key("policy"));
        self.expect_read(summary.is_some(), RepairKind::SummaryMissing, &place.key("summary"));
        entry.policy = policy.unwrap_or_default();
        entry.summary = summary.unwrap_or_default();
        entry
    }

    fn policy(&mut self, place: &Place<'_>) -> AppliedPolicy {
        let mut policy = AppliedPolicy::default();
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(member) = self.member(&POLICY, &mut seen, place) {
            let here = place.key(&member.written);
            match member.name {
                "policy-type" => replace(&mut policy.policy_type, self.policy_type(&here)),
                "policy-string" => {
                    if let Some(strings) = self.policy_string(&here) {
                        policy.policy_string = strings;
                    }
                }
                "policy-domain" => replace(&mut policy.policy_domain, self.name(&here)),
                "mx-host" => {
                    if let Some(patterns) = self.mx_host(&here) {
                        policy.mx_host = patterns;
                    }
                }
                _ => self.unknown(&member, &mut policy.unknown, &here),
            }
            self.settle(&here);
        }
        self.settle(place);
        self.expect(&POLICY, &seen, "policy-type", RepairKind::PolicyTypeMissing, place);
        self.expect(&POLICY, &seen, "policy-domain", RepairKind::PolicyDomainMissing, place);
        policy
    }

    fn policy_type(&mut self, place: &Place<'_>) -> Option<PolicyType> {
        let text = self.text_there(place)?;
        let known = PolicyType::from(text.as_ref());
        if known.is_defined() {
            return Some(known);
        }
        let normal = PolicyType::from(normal_name(&text).as_str());
        if normal.is_defined() {
            self.repair(RepairKind::PolicyTypeForm, place);
            return Some(normal);
        }
        self.repair(RepairKind::PolicyTypeUnknown, place);
        Some(known)
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
    //# "policy-string": An encoding of the applied policy as a JSON array
    //# of strings, whether it's a TLSA record ([RFC6698], Section 2.3) or
    //# an MTA-STS Policy.
    fn policy_string(&mut self, place: &Place<'_>) -> Option<Vec<String>> {
        let raw = self.strings(RepairKind::PolicyStringText, place)?;
        let mut strings = Vec::new();
        let several = (!raw.is_one_text).then_some(RepairKind::PolicyStringJoined);
        for text in raw.texts {
            self.add_policy_text(&mut strings, text, several, place);
        }
        Some(strings)
    }

    /// Adds the lines or records of one text, down to those that hold no further ones. Each step is
    /// with a shorter text, and unpacking halves the escapes, so it does not go deep.
    fn add_policy_text(
        &mut self,
        strings: &mut Vec<String>,
        text: String,
        several: Option<RepairKind>,
        place: &Place<'_>,
    ) {
        if let Some(inner) = inner_strings(&text) {
            self.repair(RepairKind::PolicyStringNested, place);
            for string in inner {
                self.add_policy_text(strings, string, several, place);
            }
            return;
        }
        // Section 4 of the RFC has TLSA records in one string, with semicolons between them.
        let separators: &[char] = if is_tlsa(&text) { &['\n', '\r', ';'] } else { &['\n', '\r'] };
        if text.contains(separators) {
            if let Some(kind) = several {
                self.repair(kind, place);
            }
            for part in text.split(separators).map(str::trim) {
                self.add_policy_text(strings, part.to_owned(), None, place);
            }
        } else if !text.is_empty() {
            self.keep(strings, text, place);
        }
    }

    fn mx_host(&mut self, place: &Place<'_>) -> Option<Vec<String>> {
        let raw = self.strings(RepairKind::MxHostText, place)?;
        let mut patterns = Vec::new();
        for text in raw.texts {
            if raw.is_one_text {
                let parts = text.split([',', ';', '\n', '\r']).map(str::trim);
                for part in parts.filter(|part| !part.is_empty()) {
                    let pattern = self.pattern(part, place);
                    self.keep(&mut patterns, pattern, place);
                }
            } else {
                let pattern = self.pattern(&text, place);
                self.keep(&mut patterns, pattern, place);
            }
        }
        Some(patterns)
    }

    /// A pattern, without the name of the field that it had in the policy.
    fn pattern(&mut self, text: &str, place: &Place<'_>) -> String {
        let mut pattern = text;
        while pattern.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("mx:")) {
            match pattern.get(3..).map(str::trim).filter(|rest| !rest.is_empty()) {
                Some(rest) => pattern = rest,
                None => break,
            }
        }
        if pattern != text {
            self.repair(RepairKind::MxHostPrefix, place);
        }
        pattern.to_owned()
    }

    /// Adds a string as long as there is room.
    fn keep(&mut self, kept: &mut Vec<String>, string: String, place: &Place<'_>) {
        if self.strings < self.limits.strings {
            self.strings += 1;
            kept.push(string);
        } else {
            self.repair(RepairKind::TooManyStrings, place);
        }
    }

    fn summary(&mut self, place: &Place<'_>) -> Summary {
        let mut summary = Summary::default();
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(member) = self.member(&SUMMARY, &mut seen, place) {
            let here = place.key(&member.written);
            match member.name {
                "total-successful-session-count" => {
                    replace(&mut summary.successful, self.count(&here));
                }
                "total-failure-session-count" => replace(&mut summary.failed, self.count(&here)),
                _ => self.unknown(&member, &mut summary.unknown, &here),
            }
            self.settle(&here);
        }
        self.settle(place);
        for key in SUMMARY.names {
            self.expect(&SUMMARY, &seen, key, RepairKind::CountMissing, place);
        }
        summary
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refusal.get_or_insert(refusal);
        self.cursor.stop();
    }
}

/// A registered name as it may have been meant: `STS`, `no_policy_found`.
pub(super) fn normal_name(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace(['_', ' '], "-")
}

/// Whether a text of `policy-string` is read as one line or record.
pub(crate) fn is_one_policy_text(text: &str) -> bool {
    let separators: &[char] = if is_tlsa(text) { &['\n', '\r', ';'] } else { &['\n', '\r'] };
    inner_strings(text).is_none() && !text.contains(separators)
}

/// Whether a text begins as a TLSA record does: with a digit.
fn is_tlsa(text: &str) -> bool {
    text.trim_start().starts_with(|first: char| first.is_ascii_digit())
}

/// The strings of an array that stands as JSON within a string.
fn inner_strings(text: &str) -> Option<Vec<String>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let mut cursor = Cursor::new(text.as_bytes());
    cursor.shape();
    cursor.open();
    let mut strings = Vec::new();
    while cursor.item() {
        if cursor.shape() != Shape::Text {
            return None;
        }
        strings.push(cursor.string()?.into_owned());
    }
    (!cursor.has_faults() && !strings.is_empty()).then_some(strings)
}

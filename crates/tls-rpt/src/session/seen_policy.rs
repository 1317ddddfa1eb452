//! A policy as the mail server saw it.

use std::collections::HashSet;

use mail_domain::DomainName;
use serde::Deserialize;

use crate::PolicyType;

/// A policy that sessions are counted under. Two sessions saw the same one if these are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenPolicy {
    /// What kind of policy it is.
    pub policy_type: PolicyType,
    /// Whose it is.
    pub domain: DomainName,
    /// The lines of an MTA-STS policy as they were fetched, faults included; or the TLSA records,
    /// sorted, because DNS gives them in any order.
    pub strings: Vec<String>,
    /// The MX patterns of an MTA-STS policy.
    pub mx_host: Vec<String>,
}

/// As it is stored, when it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(rename = "type")]
    policy_type: String,
    domain: String,
    #[serde(default)]
    strings: Vec<String>,
    #[serde(default)]
    mx: Vec<String>,
}

impl SeenPolicy {
    /// The most strings that are kept of the text, and of the patterns.
    pub const MOST_STRINGS: usize = 256;
    /// The most octets that are kept of one.
    pub const MOST_STRING_OCTETS: usize = 1_024;

    /// A policy of this type and domain without its text.
    pub fn new(policy_type: PolicyType, domain: DomainName) -> Self {
        Self { policy_type, domain, strings: Vec::new(), mx_host: Vec::new() }
    }

    /// An MTA-STS policy with its whole text, as it was fetched, and its patterns.
    #[must_use]
    pub fn of_sts(
        domain: DomainName,
        text: &[u8],
        patterns: impl IntoIterator<Item: ToString>,
    ) -> Self {
        let text = String::from_utf8_lossy(text);
        let patterns: Vec<String> = patterns.into_iter().map(|it| it.to_string()).collect();
        let policy = Self::new(PolicyType::Sts, domain);
        policy.with_texts(text.lines(), patterns.iter().map(String::as_str)).0
    }

    /// The same with its text and patterns, and whether something of them had to be cut.
    ///
    /// A string with several lines becomes several strings, empty ones are left out: what is then
    /// reported is one line or record in each (RFC 8460 section 4.5). Where there is no policy there is
    /// no text of one, and only MTA-STS has patterns.
    #[must_use]
    pub fn with_texts<'t>(
        mut self,
        strings: impl Iterator<Item = &'t str>,
        mx_host: impl Iterator<Item = &'t str>,
    ) -> (Self, bool) {
        let mut is_cut = false;
        let separators: &[char] =
            if self.policy_type == PolicyType::Tlsa { &['\n', '\r', ';'] } else { &['\n', '\r'] };
        let has_text = self.policy_type != PolicyType::NoPolicyFound;
        //= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
        //# "mx-host-pattern": In the case where "policy-type" is "sts", it's
        //# the pattern of MX hostnames from the applied policy.
        let has_patterns = self.policy_type == PolicyType::Sts;
        let strings = strings.filter(|_| has_text);
        let mx_host = mx_host.filter(|_| has_patterns);
        for string in strings {
            for line in string.split(separators).map(str::trim) {
                is_cut |= !add(&mut self.strings, line);
            }
        }
        if self.policy_type == PolicyType::Tlsa {
            self.strings.sort_unstable();
            self.strings.dedup();
        }
        for pattern in mx_host {
            let mut pattern = pattern.trim();
            // A line of the policy in the place of its pattern.
            while pattern.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("mx:")) {
                pattern = pattern.get(3..).unwrap_or_default().trim();
            }
            is_cut |= !add(&mut self.mx_host, pattern);
        }
        (self, is_cut)
    }

    /// The same policy, if its text were not known.
    #[must_use]
    pub fn without_texts(&self) -> Self {
        Self::new(self.policy_type.clone(), self.domain.clone())
    }

    /// Whether this is an MTA-STS policy all of whose lines are in another one of the domain, blanks
    /// and letter case aside: the same one, with no more of its text than a mail server needs.
    pub fn is_part_of(&self, other: &Self) -> bool {
        let condensed = |text: &String| {
            let visible = text.chars().filter(|character| !character.is_whitespace());
            visible.map(|character| character.to_ascii_lowercase()).collect::<String>()
        };
        let is_comparable = self.policy_type == PolicyType::Sts
            && other.policy_type == PolicyType::Sts
            && self.domain == other.domain
            && !self.strings.is_empty();
        is_comparable && {
            let lines: HashSet<String> = other.strings.iter().map(condensed).collect();
            self.strings.iter().all(|line| lines.contains(&condensed(line)))
        }
    }

    /// How much memory it takes, about, in octets.
    pub fn octets(&self) -> usize {
        let texts = self.strings.iter().chain(&self.mx_host);
        texts.map(|text| text.len() + 24).sum::<usize>() + self.domain.as_str().len() + 128
    }

    /// As JSON, for a store. Equal policies have equal texts.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.octets());
        json.push_str("{\"type\":");
        push_json(&mut json, self.policy_type.as_str());
        json.push_str(",\"domain\":");
        push_json(&mut json, self.domain.as_str());
        for (name, texts) in [("strings", &self.strings), ("mx", &self.mx_host)] {
            let Some((first, more)) = texts.split_first() else { continue };
            json.push_str(",\"");
            json.push_str(name);
            json.push_str("\":[");
            push_json(&mut json, first);
            for text in more {
                json.push(',');
                push_json(&mut json, text);
            }
            json.push(']');
        }
        json.push('}');
        json
    }

    /// From what [`Self::to_json`] wrote; `None` from anything else.
    pub fn from_json(text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        Some(Self {
            policy_type: PolicyType::from(stored.policy_type.as_str()),
            domain: DomainName::parse(&stored.domain).ok()?,
            strings: stored.strings,
            mx_host: stored.mx,
        })
    }
}

/// Writes a string of JSON. Nearly all are as they are, which is seen at one glance; `serde_json` looks
/// at each octet by itself.
fn push_json(json: &mut String, text: &str) {
    let is_special = |octet: u8| (octet < 0x20) | (octet == b'"') | (octet == b'\\');
    if text.bytes().fold(false, |is_any, octet| is_any | is_special(octet)) {
        // A string always has a form in JSON.
        return json.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
    json.push('"');
    json.push_str(text);
    json.push('"');
}

/// Adds a text unless it is empty; whether all of it was added.
fn add(kept: &mut Vec<String>, text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    if kept.len() == SeenPolicy::MOST_STRINGS {
        return false;
    }
    let end = text.floor_char_boundary(SeenPolicy::MOST_STRING_OCTETS);
    let whole = end == text.len();
    kept.push(text.get(..end).unwrap_or_default().trim_end().to_owned());
    whole
}

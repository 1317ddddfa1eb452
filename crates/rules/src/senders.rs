//! Who would accept it: the same record and policy as senders of different strictness read them.
//!
//! RFC 8461 leaves room in few places, and senders differ in more. Whoever publishes wants all of
//! them to accept.

mod postfix;

use std::fmt;

use mta_sts::{Policy, PolicyDefectKind, Record, Selection, select_record};
use schemars::JsonSchema;
use sealpost_evidence::{Evidence, FetchOutcome, Lookup, Octets, TextRecord};
use serde::Serialize;

/// The least max_age that Google-like senders take, in seconds.
const GOOGLE_LEAST_MAX_AGE: u32 = 86_400;

/// A kind of sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sender {
    /// By the grammar of RFC 8461, to the letter: no more and no less.
    Strict,
    /// The same, and it discards each record that does not begin with the literal `v=STSv1;`, a lone
    /// one too (RFC 8461 §3.1, erratum 6285).
    LiteralPrefix,
    /// The same, and it wants the version first and a max_age of a day or more, as the help pages of
    /// Google Workspace do.
    GoogleLike,
    /// As postfix-mta-sts-resolver 1.5 reads them, which most Postfix with MTA-STS have behind
    /// them: fields in any form, the last of two counts, US-ASCII only.
    PostfixLike,
}

/// Whether a sender accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The sender.
    pub sender: Sender,
    /// Why not, as a fragment; `None` where it accepts.
    pub refusal: Option<String>,
}

/// A policy as a policy host sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentPolicy<'a> {
    /// The body.
    pub body: &'a [u8],
    /// The charset that the reply declares, in whatever case.
    pub charset: Option<&'a str>,
}

impl Sender {
    /// Each kind, the strictest to the letter first.
    pub const ALL: [Self; 4] =
        [Self::Strict, Self::LiteralPrefix, Self::GoogleLike, Self::PostfixLike];

    /// The words for it: `Google-like`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::LiteralPrefix => "literal prefix",
            Self::GoogleLike => "Google-like",
            Self::PostfixLike => "Postfix-like",
        }
    }

    /// Why this sender does not accept a set of TXT records, each with its strings joined.
    pub fn refusal_of_records(self, records: &[&[u8]]) -> Option<String> {
        match self {
            Self::Strict => {
                refusal_of_selected(records, select_record(records.iter().copied())).err()
            }
            Self::LiteralPrefix | Self::GoogleLike => {
                let literal: Vec<&[u8]> = records
                    .iter()
                    .copied()
                    .filter(|record| record.starts_with(b"v=STSv1;"))
                    .collect();
                match literal.as_slice() {
                    [] => Some("no record begins with the literal v=STSv1;".to_owned()),
                    [record] => Record::parse(record).err().map(|error| error.to_string()),
                    several => Some(format!("{} records begin with v=STSv1;", several.len())),
                }
            }
            Self::PostfixLike => postfix::refusal_of_records(records),
        }
    }

    /// Why this sender does not accept a policy.
    pub fn refusal_of_policy(self, sent: SentPolicy<'_>) -> Option<String> {
        match self {
            Self::Strict | Self::LiteralPrefix => {
                Policy::parse(sent.body).err().map(|error| error.to_string())
            }
            Self::GoogleLike => {
                let reading = Policy::read(sent.body);
                let is_late =
                    |kind: &PolicyDefectKind| matches!(kind, PolicyDefectKind::VersionNotFirst);
                match reading.policy() {
                    Err(error) => Some(error.to_string()),
                    Ok(_) if reading.defects.iter().any(|defect| is_late(&defect.kind)) => {
                        Some("version is not the first field".to_owned())
                    }
                    Ok(policy) if policy.max_age().as_secs() < GOOGLE_LEAST_MAX_AGE => {
                        Some(format!("max_age is below {GOOGLE_LEAST_MAX_AGE}"))
                    }
                    Ok(_) => None,
                }
            }
            Self::PostfixLike => postfix::refusal_of_policy(sent),
        }
    }
}

/// What each kind of sender makes of what was seen; `None` where there is no record and no policy to
/// judge, or it was not seen as a whole.
pub fn acceptances(evidence: &Evidence) -> Option<[Acceptance; 4]> {
    let Lookup::Found(records) = evidence.sts_records.as_ref()? else { return None };
    let texts: Vec<Octets> = records.value.iter().map(TextRecord::text).collect();
    let texts: Vec<&[u8]> = texts.iter().map(Octets::as_slice).collect();
    let fetches = &evidence.policy_host.as_ref()?.fetches;
    // One that a sender could use, where there is one: they differ where addresses do.
    let replies = || {
        fetches.iter().filter_map(|fetch| match &fetch.outcome {
            FetchOutcome::Replied(reply) if reply.status == 200 => Some((fetch, reply)),
            FetchOutcome::Replied(_) | FetchOutcome::Failed(_) => None,
        })
    };
    let (_, reply) = replies()
        .find(|(fetch, _)| crate::usable_policy(fetch).is_some())
        .or_else(|| replies().next())?;
    let parameters = reply.content_type.iter().flat_map(|value| value.split(';').skip(1));
    let charset = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    let sent = SentPolicy { body: reply.body.as_slice(), charset };
    Some(Sender::ALL.map(|sender| {
        let records = sender.refusal_of_records(&texts);
        Acceptance { sender, refusal: records.or_else(|| sender.refusal_of_policy(sent)) }
    }))
}

fn refusal_of_selected(records: &[&[u8]], selection: Selection) -> Result<(), String> {
    match selection {
        Selection::One(index) => {
            let record = records.get(index).copied().unwrap_or_default();
            Record::parse(record).map(drop).map_err(|error| error.to_string())
        }
        Selection::None { .. } => Err("no record is an STS record".to_owned()),
        Selection::Several(indices) => Err(format!("{} records are STS records", indices.len())),
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;

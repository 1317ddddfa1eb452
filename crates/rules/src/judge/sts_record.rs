//! Judges the TXT record at `_mta-sts.`

use mta_sts::{PolicyId, Selection, select_record};
use sealpost_evidence::Octets;

use super::policy_host::HostJudgement;
use super::txt::{Remaining, Selected, TxtJudge};
use super::{Context, Findings, sts_text};
use crate::{Place, catalogue};

/// Is there a policy to look for?
pub(super) enum RecordState {
    NotAsked,
    Unknown,
    Absent,
    /// There is an attempt at a record that senders can't use.
    Invalid,
    Valid,
}

pub(super) fn judge(
    context: &Context<'_>,
    host: &HostJudgement,
    expects_mail: bool,
    findings: &mut Findings,
) -> RecordState {
    let Some(lookup) = &context.evidence.sts_records else { return RecordState::NotAsked };
    let record = TxtJudge {
        place: Place::StsRecord,
        name: &format!("_mta-sts.{}", context.domain),
        prefix: "v=STSv1;",
        unknown: &catalogue::STS102,
        several: &catalogue::STS103,
        foreign: &catalogue::STS104,
        version: &catalogue::STS105,
        delegated: &catalogue::STS112,
        select,
        read: &|text, subject| sts_text::findings(text, Some(context.domain), subject),
    };
    match record.judge(context, lookup, findings) {
        Remaining::Unknown => RecordState::Unknown,
        Remaining::Discarded => RecordState::Invalid,
        Remaining::One(text) => match mta_sts::Record::parse(text.as_slice()) {
            Ok(_) => RecordState::Valid,
            Err(_) => RecordState::Invalid,
        },
        Remaining::None => {
            if let Some(body) = &host.served {
                let message = "no record, though the policy host serves a policy";
                let id = PolicyId::from_content(body.as_slice());
                let finding = record.finding(context, &catalogue::STS114, message);
                findings.push(finding.publish(sts_text::publish_line(context.domain, &id)));
            } else if expects_mail {
                let message = "no TXT record for MTA-STS";
                findings.push(record.finding(context, &catalogue::STS101, message));
            }
            RecordState::Absent
        }
    }
}

fn select(texts: &[Octets]) -> Selected {
    match select_record(texts.iter().map(Octets::as_slice)) {
        Selection::One(index) => Selected::One(index),
        Selection::None { near_misses } => Selected::None { near_misses },
        Selection::Several(indices) => Selected::Several(indices),
    }
}

//! Judges the TXT record at `_smtp._tls.`

use sealpost_evidence::Octets;
use tls_rpt::{Selection, select_record};

use super::txt::{Remaining, Selected, TxtJudge};
use super::{Context, Findings, tls_rpt_text};
use crate::{Place, catalogue};

/// Does the domain ask for reports?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reports {
    /// A usable record does.
    AskedFor,
    /// No, or it is not known.
    NotAskedFor,
}

pub(super) fn judge(context: &Context<'_>, expects_mail: bool, findings: &mut Findings) -> Reports {
    let Some(lookup) = &context.evidence.tls_rpt_records else { return Reports::NotAskedFor };
    let record = TxtJudge {
        place: Place::TlsRptRecord,
        name: &format!("_smtp._tls.{}", context.domain),
        prefix: "v=TLSRPTv1;",
        unknown: &catalogue::RPT102,
        several: &catalogue::RPT103,
        foreign: &catalogue::RPT104,
        version: &catalogue::RPT105,
        delegated: &catalogue::RPT114,
        select,
        read: &|text, subject| tls_rpt_text::findings(text, Some(context.domain), subject),
    };
    let remaining = record.judge(context, lookup, findings);
    if let Remaining::One(text) = &remaining
        && tls_rpt::Record::parse(text.as_slice()).is_ok()
    {
        return Reports::AskedFor;
    }
    if expects_mail && matches!(remaining, Remaining::None) {
        let message = "no TXT record for TLS reports";
        let finding = record.finding(context, &catalogue::RPT101, message);
        findings.push(finding.publish(tls_rpt_text::publish_line(context.domain)));
    }
    Reports::NotAskedFor
}

fn select(texts: &[Octets]) -> Selected {
    match select_record(texts.iter().map(Octets::as_slice)) {
        Selection::One(index) => Selected::One(index),
        Selection::None { near_misses } => Selected::None { near_misses },
        Selection::Several(indices) => Selected::Several(indices),
    }
}

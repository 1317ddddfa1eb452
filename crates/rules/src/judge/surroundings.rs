//! Judges records that stand at the wrong place, and the life of the STS record.

use sealpost_evidence::{Lookup, TextRecord};

use super::{Context, Findings};
use crate::{Finding, Place, Subject, catalogue};

/// A day, in seconds.
const LONGEST_TTL: u32 = 86_400;

pub(super) fn judge(context: &Context<'_>, findings: &mut Findings) {
    let domain = context.domain;
    if let Some(found) = context.evidence.sts_records.as_ref().and_then(Lookup::found)
        && found.ttl > LONGEST_TTL
    {
        let name = format!("_mta-sts.{domain}");
        let message = format!("its time to live is {} seconds", found.ttl);
        let subject = Subject::new(Place::StsRecord, &name);
        let dig = context.commands.dig("TXT", &name);
        findings.push(Finding::new(&catalogue::STS116, subject, message).command(Some(dig)));
    }
    let texts = context.evidence.surroundings.as_ref().and_then(|around| around.texts.value());
    for (beginning, rule, place, owner) in [
        ("v=STSv1", &catalogue::STS115, Place::StsRecord, format!("_mta-sts.{domain}.")),
        ("v=TLSRPTv1", &catalogue::RPT120, Place::TlsRptRecord, format!("_smtp._tls.{domain}.")),
    ] {
        let misplaced = texts.into_iter().flatten().map(TextRecord::text);
        for text in misplaced.filter(|text| text.as_slice().starts_with(beginning.as_bytes())) {
            let subject = Subject::new(place, domain.as_str());
            let dig = context.commands.dig("TXT", domain);
            findings.push(
                Finding::new(rule, subject, format!("a TXT record begins with {beginning}"))
                    .publish(format!("{owner} IN TXT {}", crate::Quoted(&text.to_text())))
                    .command(Some(dig)),
            );
        }
    }
}

//! The findings on the text of an STS record.

use mail_domain::DomainName;
use mta_sts::{PolicyId, Record, RecordDefectKind as Kind, RecordReading};

use crate::{Excerpt, Finding, Rule, Subject, catalogue};

pub(crate) fn findings(
    text: &[u8],
    domain: Option<&DomainName>,
    subject: &Subject,
) -> Vec<Finding> {
    let reading = Record::read(text);
    let source = format!("TXT {}", subject.name);
    let found = reading.defects.iter().filter_map(|defect| {
        let rule = rule_for(&defect.kind)?;
        let message = defect.kind.to_string();
        let excerpt = Excerpt::new(&source, text, defect.span.range());
        let finding = Finding::new(rule, subject.clone(), message).excerpt(excerpt);
        let better = domain.and_then(|domain| {
            Some(publish_line(domain, &suggested_id(&reading, text, &defect.kind)?))
        });
        Some(match better {
            Some(line) => finding.publish(line),
            None => finding,
        })
    });
    found.collect()
}

/// The line for a zone file.
pub(crate) fn publish_line(domain: &DomainName, id: &PolicyId) -> String {
    format!("_mta-sts.{domain}. IN TXT \"v=STSv1; id={id};\"")
}

fn rule_for(kind: &Kind) -> Option<&'static Rule> {
    Some(match kind {
        Kind::VersionMissing | Kind::VersionInvalid { .. } | Kind::VersionNotFirst => {
            &catalogue::STS105
        }
        Kind::IdMissing => &catalogue::STS106,
        Kind::IdInvalid { .. } => &catalogue::STS107,
        Kind::SpaceBeforeSemicolon => &catalogue::STS109,
        Kind::DuplicateField { .. } => &catalogue::STS110,
        Kind::UnknownField { .. } => &catalogue::STS111,
        // It stands behind two hundred others.
        Kind::TooMany => return None,
        _ => &catalogue::STS108,
    })
}

/// An id to publish instead, where the fault leaves one to be seen: the one that is there, or what
/// is left of it without the characters that are not allowed.
fn suggested_id(reading: &RecordReading, text: &[u8], kind: &Kind) -> Option<PolicyId> {
    if let Some((id, _)) = &reading.id {
        return Some(id.clone());
    }
    if !matches!(kind, Kind::IdInvalid { .. }) {
        return None;
    }
    let defect = reading.defects.iter().find(|defect| &defect.kind == kind)?;
    let letters: String = text
        .get(defect.span.range())?
        .iter()
        .filter(|octet| octet.is_ascii_alphanumeric())
        .take(32)
        .map(|octet| char::from(*octet))
        .collect();
    letters.parse().ok()
}

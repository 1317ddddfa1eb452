//! The findings on the text of a TLS-RPT record.

use mail_domain::DomainName;
use tls_rpt::{Record, RecordDefectKind as Kind};

use crate::{Excerpt, Finding, Rule, Subject, catalogue};

pub(crate) fn findings(
    text: &[u8],
    domain: Option<&DomainName>,
    subject: &Subject,
) -> Vec<Finding> {
    let reading = Record::read(text);
    let source = format!("TXT {}", subject.name);
    let found = reading.defects.iter().map(|defect| {
        let rule = rule_for(&defect.kind);
        let message = defect.kind.to_string();
        let excerpt = Excerpt::new(&source, text, defect.span.range());
        let finding = Finding::new(rule, subject.clone(), message).excerpt(excerpt);
        match domain {
            Some(domain) if matches!(defect.kind, Kind::RuaMissing | Kind::NoUsableUri) => {
                finding.publish(publish_line(domain))
            }
            _ => finding,
        }
    });
    found.collect()
}

/// The line for a zone file, with an address that is the domain's own.
pub(crate) fn publish_line(domain: &DomainName) -> String {
    format!("_smtp._tls.{domain}. IN TXT \"v=TLSRPTv1; rua=mailto:tls-reports@{domain}\"")
}

fn rule_for(kind: &Kind) -> &'static Rule {
    match kind {
        Kind::VersionMissing | Kind::VersionInvalid | Kind::VersionNotFirst => &catalogue::RPT105,
        Kind::RuaMissing => &catalogue::RPT106,
        Kind::NoUsableUri => &catalogue::RPT107,
        Kind::UriInvalid { .. } => &catalogue::RPT108,
        Kind::UriSchemeUnknown { .. } => &catalogue::RPT109,
        Kind::DuplicateField { .. } | Kind::DuplicateUri => &catalogue::RPT111,
        Kind::UnknownField { .. } | Kind::TooManyFields => &catalogue::RPT112,
        Kind::SpaceBeforeSemicolon => &catalogue::RPT113,
        Kind::TooManyUris => &catalogue::RPT108,
        _ => &catalogue::RPT110,
    }
}

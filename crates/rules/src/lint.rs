//! A text alone, before it is published.

use mta_sts::{Policy, PolicyReading, RecordReading};

use crate::judge::{policy_text, sts_text, tls_rpt_text};
use crate::{Finding, Place, Subject};

/// What was read of a policy text, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct PolicyLint {
    /// What could be understood.
    pub reading: PolicyReading,
    /// The findings, in the order of the text.
    pub findings: Vec<Finding>,
}

/// What was read of a record's text, and what is to be said of it.
#[derive(Clone, Debug)]
pub enum RecordLint {
    /// It is, or was meant as, an STS record.
    Sts {
        /// What could be understood.
        reading: RecordReading,
        /// The findings, in the order of the text.
        findings: Vec<Finding>,
    },
    /// It is, or was meant as, a TLS-RPT record.
    TlsRpt {
        /// What could be understood.
        reading: tls_rpt::RecordReading,
        /// The findings, in the order of the text.
        findings: Vec<Finding>,
    },
}

/// Reads a policy body; `source` names it in the findings.
pub fn lint_policy(body: &[u8], source: &str) -> PolicyLint {
    let reading = Policy::read(body);
    let text = policy_text::PolicyText { body, source };
    let subject = Subject::new(Place::Policy, source);
    let findings = policy_text::findings(&text, &reading, None, &subject);
    PolicyLint { reading, findings }
}

/// Reads the text of a TXT record, as an STS record unless it looks like a TLS-RPT record.
pub fn lint_record(text: &[u8]) -> RecordLint {
    if looks_like_tls_rpt(text) {
        let subject = Subject::new(Place::TlsRptRecord, "record");
        let findings = tls_rpt_text::findings(text, None, &subject);
        RecordLint::TlsRpt { reading: tls_rpt::Record::read(text), findings }
    } else {
        let subject = Subject::new(Place::StsRecord, "record");
        let findings = sts_text::findings(text, None, &subject);
        RecordLint::Sts { reading: mta_sts::Record::read(text), findings }
    }
}

/// The first field decides, if it is like a version; else the names of the fields.
fn looks_like_tls_rpt(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let mut fields = text.split(';').map(|field| field.trim_matches([' ', '\t', '"']));
    let first = fields.next().unwrap_or_default();
    if first.contains("tlsrp") {
        return true;
    }
    if first.contains("stsv") {
        return false;
    }
    let named = |field: &str, name: &str| {
        field.split('=').next().is_some_and(|before| before.trim() == name) && field.contains('=')
    };
    [first].into_iter().chain(fields).any(|field| named(field, "rua"))
}

impl PolicyLint {
    /// Can a sender that follows RFC 8461 to the letter use the policy?
    pub fn is_valid(&self) -> bool {
        self.reading.policy().is_ok()
    }
}

impl RecordLint {
    /// Can a sender that follows the RFC to the letter use the record?
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Sts { reading, .. } => reading.record().is_ok(),
            Self::TlsRpt { reading, .. } => reading.record().is_ok(),
        }
    }

    /// The findings, in the order of the text.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Sts { findings, .. } | Self::TlsRpt { findings, .. } => findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_record_is_what_its_author_meant() {
        for text in [
            "v=TLSRPTv1; rua=mailto:a@b.test",
            "v=tlsrptv1;",
            "v=TLSRPv1; rua=mailto:a@hosts.test",
            "rua=mailto:a@hosts.test",
            "\"v=TLSRPTv1; rua=x\"",
            "x=1; rua=mailto:a@b.test",
        ] {
            assert!(looks_like_tls_rpt(text.as_bytes()), "{text}");
        }
        for text in ["v=STSv1; id=1; x=tlsrpt", "v=STSv1; rua=x", "id=1", "", "V=STSv1", "arua=x"] {
            assert!(!looks_like_tls_rpt(text.as_bytes()), "{text}");
        }
    }
}

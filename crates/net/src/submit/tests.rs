//! Tests of the way out, against hand-made servers on loopback.

mod mail;
mod post;
mod program;

use std::sync::{Arc, Mutex};

use mail_domain::DomainName;
use tls_rpt::{
    AppliedPolicy, DateRange, PackedReport, Parsed, PolicyReport, PolicyType, Report, SessionCount,
    Summary,
};

use super::*;

/// What servers heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

fn report() -> PackedReport {
    let name = |text: &str| DomainName::parse(text).unwrap();
    let report = Report {
        organization_name: Some("Reporter".to_owned()),
        date_range: DateRange {
            start: Some("2030-06-14T00:00:00Z".parse().unwrap()),
            end: Some("2030-06-14T23:59:59Z".parse().unwrap()),
        },
        contact_info: Some("tls@reporter.example".to_owned()),
        report_id: Some("1@reporter.example".to_owned()),
        policies: vec![PolicyReport {
            policy: AppliedPolicy {
                policy_type: Some(PolicyType::NoPolicyFound),
                policy_domain: Some(Parsed::Valid(name("a.test"))),
                ..AppliedPolicy::default()
            },
            summary: Summary {
                successful: Some(SessionCount::from(1)),
                failed: Some(SessionCount::ZERO),
                ..Summary::default()
            },
            ..PolicyReport::default()
        }],
        ..Report::default()
    };
    PackedReport::pack(&report, &name("a.test")).unwrap()
}

/// The fault of what was not taken, and whether it may be tried again.
fn fault(submitted: &Submitted) -> (&'static str, String) {
    match submitted {
        Submitted::Accepted(_) => panic!("{submitted:?}"),
        Submitted::Later { fault, .. } => ("later", fault.to_string()),
        Submitted::Refused(fault) => ("refused", fault.to_string()),
    }
}

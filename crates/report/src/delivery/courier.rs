//! One attempt at one submission.

use std::{sync::Arc, time::Duration};

use sealpost_net::{Certificates, Letter, MailWay, Network, Poster, Submitted};
use sealpost_store::submissions::{Claim, Outcome, Settlement};
use tls_rpt::{PackedReport, ReportUri, RetrySchedule};

use super::Author;
use crate::section::{Delivery, HttpsCertificates};

/// How long one attempt may take. RFC 5321 section 4.5.3.2 would have more, one command after the
/// other; who has taken nothing by then is asked again later.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

/// Carries reports out.
#[derive(Clone)]
pub(super) struct Courier {
    network: Network,
    poster: Poster,
    way: MailWay,
    author: Arc<Author>,
    schedule: RetrySchedule,
}

/// What came of an attempt.
pub(super) struct Attempted {
    pub(super) settlement: Settlement,
    /// Whether the destination itself has refused it for good.
    pub(super) is_refused_there: bool,
}

impl Courier {
    pub(super) fn new(network: Network, delivery: &Delivery, author: Arc<Author>) -> Self {
        let certificates = match delivery.certificates {
            HttpsCertificates::Any => Certificates::Any,
            HttpsCertificates::Valid => Certificates::Valid,
        };
        Self {
            poster: Poster::new(network.clone(), certificates),
            network,
            way: delivery.mail.clone(),
            author,
            schedule: delivery.schedule(),
        }
    }

    /// Tries it once.
    pub(super) async fn attempt(&self, claim: Claim, now: impl Fn() -> i64) -> Attempted {
        let tried = self.carry(&claim).await;
        let now = now();
        let seed = seed(&claim.report_id, &claim.rua);
        let mut is_refused_there = false;
        let (outcome, answer) = match tried {
            Ok(Submitted::Accepted(acceptance)) => {
                let how = acceptance.protection.as_str();
                (Outcome::Accepted, format!("{} ({how}): {}", acceptance.place, acceptance.answer))
            }
            Ok(Submitted::Later { fault, after }) => {
                let expires_at = claim.expires_at;
                let next = self.schedule.next_attempt(claim.attempt, now, expires_at, after, seed);
                let outcome = next.map_or(Outcome::Expired, |due| Outcome::Later { due });
                (outcome, fault.to_string())
            }
            Ok(Submitted::Refused(fault)) => {
                // A relay refuses for its own reasons.
                is_refused_there = self.way == MailWay::Direct || is_https(&claim.rua);
                (Outcome::Refused, fault.to_string())
            }
            Err(text) => (Outcome::Refused, text),
        };
        Attempted { settlement: Settlement { claim, outcome, answer, now }, is_refused_there }
    }

    async fn carry(&self, claim: &Claim) -> Result<Submitted, String> {
        let unfit = |error: &dyn std::error::Error| format!("it cannot be sent: {error}");
        let uri = ReportUri::parse(&claim.rua).map_err(|error| unfit(&error))?;
        let report = PackedReport::reopen(claim.octets.clone(), &claim.about);
        let report = report.map_err(|error| unfit(&error))?;
        Ok(match &uri {
            ReportUri::Https(uri) => self.poster.post(uri, &report, PATIENCE).await,
            ReportUri::Mailto(uri) => {
                let written = self.author.write(claim, &report, uri.mailbox());
                let written = written.map_err(|error| unfit(&error))?;
                let letter = Letter {
                    sender: Some(&written.sender),
                    recipient: uri.mailbox(),
                    octets: written.mail.octets(),
                };
                self.network.submit_mail(&letter, &self.way, PATIENCE).await
            }
        })
    }
}

fn is_https(rua: &str) -> bool {
    rua.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// A number of a report and a destination, the same each time.
pub(super) fn seed(report_id: &str, rua: &str) -> u64 {
    let digest = sealpost_store::Digest::of(format!("{report_id}\n{rua}").as_bytes());
    let octets = digest.as_bytes().iter().take(8);
    octets.fold(0, |number, octet| (number << 8) | u64::from(*octet))
}

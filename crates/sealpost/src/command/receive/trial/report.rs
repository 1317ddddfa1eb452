//! The report that is sent, and its mail.

use std::hash::{BuildHasher as _, RandomState};

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_dkim::{Selector, SigningKey};
use sealpost_evidence::traffic::Day;
use tls_rpt::{
    AppliedPolicy, ComposedMail, DateRange, MailAddress, MailHead, MessageId, PackedReport, Parsed,
    PolicyReport, PolicyType, Purpose, Report, SessionCount, Summary,
};

use crate::arguments::TestArguments;
use crate::outcome::Failure;

/// The largest key file that is read, in octets.
const LARGEST_KEY: u64 = 64 * 1024;
const SECONDS_A_DAY: i64 = 86_400;

/// Who reports, about whom, and which day.
pub(super) struct Author<'a> {
    about: &'a DomainName,
    contact: &'a MailAddress,
    organisation: String,
    now: Timestamp,
    start: Timestamp,
    end: Timestamp,
    /// What makes the ids of this run unique.
    unique: String,
}

impl<'a> Author<'a> {
    /// The last day that is over, as of now.
    pub(super) fn new(arguments: &'a TestArguments, now: Timestamp) -> Result<Self, Failure> {
        let day = now.as_second().div_euclid(SECONDS_A_DAY).saturating_sub(1);
        let at = |second: i64| {
            let time = day.saturating_mul(SECONDS_A_DAY).saturating_add(second);
            Timestamp::from_second(time)
                .map_err(|error| Failure::new(format!("make a report: {error}")))
        };
        let name = arguments.organization.as_deref();
        let name = name.unwrap_or_else(|| arguments.contact.domain().as_str());
        let random = RandomState::new().hash_one(now.as_nanosecond());
        Ok(Self {
            about: &arguments.domain,
            contact: &arguments.contact,
            // Whoever reads the report sees first that it is none.
            organisation: format!("{name} (test)"),
            now,
            start: at(0)?,
            end: at(SECONDS_A_DAY - 1)?,
            unique: format!("test.{}.{random:016x}", now.as_second()),
        })
    }

    /// The day that the report is of.
    pub(super) fn day(&self) -> Day {
        Day::of(self.start.as_second())
    }

    /// A report that counts no session; each has its own number, so that each is found again.
    pub(super) fn report(&self, number: usize) -> Result<PackedReport, Failure> {
        let id = self.id(number)?;
        let report = Report {
            organization_name: Some(self.organisation.clone()),
            date_range: DateRange { start: Some(self.start), end: Some(self.end) },
            contact_info: Some(self.contact.to_string()),
            report_id: Some(id.to_string()),
            policies: vec![PolicyReport {
                policy: AppliedPolicy {
                    policy_type: Some(PolicyType::NoPolicyFound),
                    policy_domain: Some(Parsed::Valid(self.about.clone())),
                    ..AppliedPolicy::default()
                },
                summary: Summary {
                    successful: Some(SessionCount::ZERO),
                    failed: Some(SessionCount::ZERO),
                    ..Summary::default()
                },
                ..PolicyReport::default()
            }],
            ..Report::default()
        };
        PackedReport::pack(&report, self.about)
            .map_err(|error| Failure::new(format!("make a report: {error}")))
    }

    /// The mail with it, not yet signed.
    pub(super) fn mail(&self, report: &PackedReport, to: &MailAddress) -> ComposedMail {
        report.mail(&MailHead {
            from: self.contact,
            to,
            date: self.now,
            message_id: report.id(),
            purpose: Purpose::Trial,
        })
    }

    fn id(&self, number: usize) -> Result<MessageId, Failure> {
        MessageId::new(&format!("{}.{number}", self.unique), self.contact.domain())
            .map_err(|error| Failure::new(format!("make an id: {error}")))
    }
}

/// A key to sign with, and where receivers find its public part.
pub(super) struct Signature {
    pub(super) key: SigningKey,
    pub(super) selector: Selector,
    pub(super) signer: DomainName,
}

impl Signature {
    /// What the flags name; `None` if they name no key.
    pub(super) fn of(arguments: &TestArguments) -> Result<Option<Self>, Failure> {
        let (Some(file), Some(selector)) = (&arguments.key, &arguments.selector) else {
            return Ok(None);
        };
        let pem = crate::input::read(file, LARGEST_KEY)?;
        let key = SigningKey::from_pem(&pem).map_err(|error| {
            Failure::new(format!("read the key in {}: {error}", file.display()))
        })?;
        let signer = arguments.signer.as_ref().unwrap_or_else(|| arguments.contact.domain());
        Ok(Some(Self { key, selector: selector.clone(), signer: signer.clone() }))
    }

    pub(super) fn sign(&self, mail: &ComposedMail, now: i64) -> Result<ComposedMail, Failure> {
        let field =
            sealpost_dkim::sign(mail.octets(), &self.key, &self.selector, &self.signer, now)
                .map_err(|error| Failure::new(format!("sign the mail: {error}")))?;
        Ok(mail.with_signature(&field))
    }
}

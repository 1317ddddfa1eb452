//! What became of it all, for people and for programs.

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Trust;
use sealpost_net::{Protection, Submitted};
use sealpost_store::reports::Scope;
use serde::Serialize;
use tls_rpt::{PackedReport, ReportUri};

use super::Foresight;
use super::report::Signature;
use crate::command::receive::text::{WIDTH, counted, shown, wrapped};
use crate::outcome::Outcome;

/// How much of a text from outside is shown, in characters.
const LONGEST: usize = 400;
/// What stands before each line about a destination.
const INDENT: &str = "  ";
/// The width of the word that a line begins with.
const WORD: usize = 11;

/// What became of all reports.
pub(super) struct Account {
    domain: String,
    signed: Option<Signed>,
    /// Whether anybody looks into the store.
    is_awaited: bool,
    pub(super) foresight: Option<Foresight>,
    pub(super) destinations: Vec<Destination>,
}

/// By whom the mails are signed.
#[derive(Clone, Serialize)]
struct Signed {
    signer: String,
    selector: String,
    algorithm: &'static str,
    /// What has to be in DNS at the selector.
    record: Option<String>,
}

/// What became of one report.
pub(super) struct Destination {
    uri: String,
    is_mail: bool,
    pub(super) report_id: String,
    submitted: Submitted,
    pub(super) arrived: Option<Arrived>,
}

/// A report that is in the store.
pub(super) struct Arrived {
    pub(super) after_s: u64,
    pub(super) scope: Scope,
    pub(super) trust: Trust,
}

impl Account {
    pub(super) fn new(domain: &DomainName, signature: Option<&Signature>, wait: Duration) -> Self {
        let signed = signature.map(|signature| Signed {
            signer: signature.signer.to_string(),
            selector: signature.selector.to_string(),
            algorithm: signature.key.algorithm().as_str(),
            record: signature.key.record().ok(),
        });
        let (domain, destinations) = (domain.to_string(), Vec::new());
        Self { domain, signed, is_awaited: !wait.is_zero(), foresight: None, destinations }
    }

    /// How the command ends. Without a look into the store, what was taken is all that can be known.
    pub(super) fn outcome(&self) -> Outcome {
        let fails = |place: &Destination| match &place.submitted {
            Submitted::Refused(_) => true,
            Submitted::Accepted(_) | Submitted::Later { .. } => {
                place.arrived.as_ref().is_some_and(|arrived| arrived.scope != Scope::Counted)
            }
        };
        let is_open = |place: &Destination| {
            let is_there =
                place.arrived.is_some() || !self.is_awaited && place.submitted.is_accepted();
            !is_there
        };
        if self.destinations.iter().any(fails) {
            Outcome::Findings
        } else if self.destinations.iter().any(is_open) {
            Outcome::Unknown
        } else {
            Outcome::Clean
        }
    }

    pub(super) fn shown(&self) -> AccountShown<'_> {
        let foresight = self.foresight.as_ref().map(|foresight| foresight.as_ref().ok());
        AccountShown {
            domain: &self.domain,
            signed: self.signed.as_ref(),
            key_in_dns: foresight.map(|trust| trust.is_some_and(Trust::counts)),
            destinations: self.destinations.iter().map(Destination::shown).collect(),
        }
    }

    /// For a terminal.
    pub(super) fn page(&self) -> String {
        let places = counted(self.destinations.len() as u64, "destination", "destinations");
        let mut page = format!("{} wants TLS reports at {places}\n", self.domain);
        for line in self.about_signature() {
            for line in wrapped(&line, WIDTH) {
                page += &format!("{line}\n");
            }
        }
        // On one line, so that it can be copied.
        if let Some(record) = self.missing_record() {
            page += &format!("{record}\n");
        }
        for place in &self.destinations {
            page += &format!("\n{}\n", shown(&place.uri, LONGEST));
            for (word, text) in place.lines(self.is_awaited) {
                for (index, line) in
                    wrapped(&text, WIDTH - INDENT.len() - WORD).into_iter().enumerate()
                {
                    let word = if index == 0 { word } else { "" };
                    page += &format!("{INDENT}{word:<WORD$}{line}\n");
                }
            }
        }
        page
    }

    /// What should stand in DNS, where it does not.
    fn missing_record(&self) -> Option<&str> {
        let is_wrong = matches!(&self.foresight, Some(Ok(trust)) if !trust.counts());
        self.signed.as_ref().filter(|_| is_wrong)?.record.as_deref()
    }

    fn about_signature(&self) -> Vec<String> {
        if !self.destinations.iter().any(|place| place.is_mail) {
            return Vec::new();
        }
        let Some(signed) = &self.signed else {
            return vec![
                "The mail is not signed: no key was given. RFC 8460 section 3 has receivers \
                 ignore such reports, so it will arrive unverified and not count. To test the \
                 whole way, give --key and --selector."
                    .to_owned(),
            ];
        };
        let Signed { signer, selector, algorithm, .. } = signed;
        let mut lines =
            vec![format!("The mail is signed by {signer}, selector {selector}, {algorithm}.")];
        let name = format!("{selector}._domainkey.{signer}");
        match &self.foresight {
            None => {}
            Some(Ok(trust)) if trust.counts() => {
                lines.push(format!("The key in DNS at {name} fits."));
            }
            Some(Ok(trust)) => {
                let reason = match trust {
                    Trust::Unverified { reason } => reason.as_str(),
                    _ => "unknown",
                };
                lines.push(format!("By what is in DNS at {name} it does not hold ({reason})."));
                if self.missing_record().is_some() {
                    lines.push("The record there should be:".to_owned());
                }
            }
            Some(Err(_)) => {
                lines.push(format!("The key at {name} could not be looked up from here."));
            }
        }
        lines
    }
}

impl Destination {
    pub(super) fn new(uri: &ReportUri, report: &PackedReport, submitted: Submitted) -> Self {
        Self {
            uri: uri.to_string(),
            is_mail: matches!(uri, ReportUri::Mailto(_)),
            report_id: report.id().to_string(),
            submitted,
            arrived: None,
        }
    }

    /// Whether it was taken and has not been seen.
    pub(super) fn is_awaited(&self) -> bool {
        self.arrived.is_none() && self.submitted.is_accepted()
    }

    fn shown(&self) -> DestinationShown<'_> {
        let (place, text, protection) = match &self.submitted {
            Submitted::Accepted(taken) => {
                (Some(taken.place.as_str()), taken.answer.as_str(), Some(taken.protection.as_str()))
            }
            Submitted::Later { fault, .. } | Submitted::Refused(fault) => {
                (fault.place.as_deref(), fault.text.as_str(), None)
            }
        };
        DestinationShown {
            uri: &self.uri,
            report_id: &self.report_id,
            submission: self.submitted.as_str(),
            place,
            text,
            protection,
            arrived_after_s: self.arrived.as_ref().map(|arrived| arrived.after_s),
            scope: self.arrived.as_ref().map(|arrived| arrived.scope.as_str()),
            trust: self.arrived.as_ref().map(|arrived| &arrived.trust),
        }
    }

    /// What is said of it, each with the word before it.
    fn lines(&self, is_awaited: bool) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        match &self.submitted {
            Submitted::Accepted(taken) => {
                let how = match taken.protection {
                    Protection::Local => "",
                    Protection::Open => ", not encrypted",
                    Protection::Encrypted => ", encrypted, certificate not valid for the host",
                    Protection::Verified => ", encrypted",
                };
                let said = match taken.answer.as_str() {
                    "" => String::new(),
                    answer => format!(": {}", shown(answer, LONGEST)),
                };
                lines.push(("accepted", format!("by {}{how}{said}", shown(&taken.place, LONGEST))));
            }
            Submitted::Later { fault, .. } => {
                lines.push(("failed", shown(&fault.to_string(), LONGEST)));
                lines.push(("", "it may work later: a sender would try again".to_owned()));
            }
            Submitted::Refused(fault) => {
                lines.push(("refused", shown(&fault.to_string(), LONGEST)));
            }
        }
        match &self.arrived {
            Some(arrived) => {
                let seconds = counted(arrived.after_s, "second", "seconds");
                lines.push(("arrived", format!("after {seconds}")));
                lines.push(self.belief(arrived));
            }
            None if self.submitted.is_accepted() && is_awaited => {
                lines.push(("arrived", "not seen in the store".to_owned()));
            }
            None => {}
        }
        lines
    }

    fn belief(&self, arrived: &Arrived) -> (&'static str, String) {
        let who = match &arrived.trust {
            Trust::Verified { signer } => format!("{signer} signed it"),
            Trust::Vouched { signer, server } => format!("{server} says that {signer} signed it"),
            Trust::Admitted { source, .. } => format!("the setting {source} admits its source"),
            Trust::Unverified { reason } => {
                let reason = shown(reason, LONGEST);
                return (
                    "doubted",
                    format!("nobody vouches for it ({reason}); {}", advice(&reason)),
                );
            }
        };
        match arrived.scope {
            Scope::NotOurs => (
                "apart",
                "it is about no domain of ours: add it to `domains` in [receive]".to_owned(),
            ),
            Scope::Counted | Scope::Unverified => {
                ("believed", format!("{}; it counts", shown(&who, LONGEST)))
            }
        }
    }
}

/// What to do about a report that does not count.
fn advice(reason: &str) -> &'static str {
    match reason {
        "https" => {
            "a POST carries no signature, so it counts only if [[receive.admit]] names its source"
        }
        "no-signature" => "give --key and --selector",
        "key-unknown" => "the receiver could not look up the key, and tries again",
        "body-changed" => "something on the way changes mails: look for footers and disclaimers",
        "not-aligned" => "the signer has to be the domain of the contact, or one above or below it",
        _ => "look at the key in DNS and at what stands on the way",
    }
}

/// The account for programs.
#[derive(Serialize)]
pub(super) struct AccountShown<'a> {
    domain: &'a str,
    /// Null where no key was given.
    signed: Option<&'a Signed>,
    /// Whether the key in DNS fits; null where that was not asked.
    key_in_dns: Option<bool>,
    destinations: Vec<DestinationShown<'a>>,
}

/// What became of one report, for programs.
#[derive(Serialize)]
struct DestinationShown<'a> {
    uri: &'a str,
    report_id: &'a str,
    /// `accepted`, `later` or `refused`.
    submission: &'static str,
    place: Option<&'a str>,
    text: &'a str,
    /// `verified`, `encrypted`, `open` or `local`.
    protection: Option<&'static str>,
    /// Null where it was not seen in the store.
    arrived_after_s: Option<u64>,
    /// `counted`, `unverified` or `not-ours`.
    scope: Option<&'static str>,
    trust: Option<&'a Trust>,
}

//! `sealpost receive test`: do reports arrive where a domain wants them, and are they believed?

mod account;
mod arrival;
mod report;

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Trust;
use sealpost_evidence::{Lookup, Octets, TextRecord};
use sealpost_net::{Certificates, Letter, MailWay, Network, Poster, Program};
use sealpost_receive::Notary;
use tls_rpt::{Record, ReportUri, Selection, select_record};

use self::account::{Account, Destination};
use self::arrival::Arrivals;
use self::report::{Author, Signature};
use super::stored::Stored;
use crate::arguments::{Format, TestArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// How long one destination may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// The most destinations that are written to; no record has as many.
const MOST_DESTINATIONS: usize = 16;

pub(super) async fn run(
    arguments: &TestArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let signature = Signature::of(arguments)?;
    let way = way(arguments)?;
    // Nothing is sent before it is clear that we can look for it.
    let stored = match arguments.wait {
        0 => None,
        _ => Some(Stored::open_to_read(&arguments.store).await.map_err(|failure| {
            failure.hint("give the store of the daemon with --store or --config, or --wait 0")
        })?),
    };
    let network = arguments.network.open_over(arguments.store.load()?.network)?;
    let uris = match destinations(&network, &arguments.domain).await {
        Ok(uris) => uris,
        Err((text, outcome)) => {
            output.say(&text);
            return Ok(outcome);
        }
    };
    let clock = arguments.network.clock();
    let author = Author::new(arguments, clock.now())?;
    let wait = Duration::from_secs(arguments.wait.into());
    let mut account = Account::new(&arguments.domain, signature.as_ref(), wait);
    let poster = Poster::new(network.clone(), Certificates::Any);
    for (index, uri) in uris.iter().enumerate() {
        output.progress(&format!("sending to {uri}"));
        let report = author.report(index + 1)?;
        let submitted = match uri {
            ReportUri::Https(uri) => poster.post(uri, &report, PATIENCE).await,
            ReportUri::Mailto(uri) => {
                let mail = author.mail(&report, uri.mailbox());
                let mail = match &signature {
                    Some(signature) => signature.sign(&mail, clock.now().as_second())?,
                    None => mail,
                };
                if account.foresight.is_none() && signature.is_some() {
                    let notary = Notary::new(network.clone());
                    let octets = mail.octets();
                    account.foresight = Some(notary.vouch(octets, clock.now().as_second()).await);
                }
                let letter = Letter {
                    sender: Some(&arguments.contact),
                    recipient: uri.mailbox(),
                    octets: mail.octets(),
                };
                network.submit_mail(&letter, &way, PATIENCE).await
            }
        };
        account.destinations.push(Destination::new(uri, &report, submitted));
    }
    if let Some(stored) = &stored {
        let arrivals = Arrivals::new(stored, &arguments.domain, author.day());
        arrivals.wait_for(&mut account.destinations, wait, output).await?;
    }
    output.progress("");
    match arguments.format {
        Format::Json => output.json(&account.shown())?,
        Format::Human => output.text(&account.page())?,
    }
    Ok(account.outcome())
}

fn way(arguments: &TestArguments) -> Result<MailWay, Failure> {
    match (&arguments.relay, &arguments.sendmail) {
        (Some(relay), _) => Ok(MailWay::Relay(relay.clone())),
        (None, Some(path)) => Program::at(path).map(MailWay::Program).ok_or_else(|| {
            Failure::new(format!("use {} as sendmail: its path is not absolute", path.display()))
        }),
        (None, None) => Ok(MailWay::Direct),
    }
}

/// Where the domain wants reports, or why that is nowhere.
async fn destinations(
    network: &Network,
    domain: &DomainName,
) -> Result<Vec<ReportUri>, (String, Outcome)> {
    let name = format!("_smtp._tls.{domain}");
    let texts: Vec<Octets> = match network.text_records(&name).await {
        Lookup::Found(found) => found.value.iter().map(TextRecord::text).collect(),
        Lookup::Absent(_) => Vec::new(),
        Lookup::Unknown(fault) => {
            let text = format!(
                "could not tell: the record at {name} could not be looked up: {}",
                fault.text
            );
            return Err((text, Outcome::Unknown));
        }
    };
    let none = |text: String| Err((text, Outcome::Findings));
    let text = match select_record(texts.iter().map(Octets::as_slice)) {
        Selection::One(place) => texts.get(place).map(Octets::as_slice).unwrap_or_default(),
        Selection::None { .. } => {
            return none(format!(
                "{domain} asks for no TLS reports: there is no TLS-RPT record at {name}\n\n\
                 hint: publish there the text \"v=TLSRPTv1; rua=mailto:tls-reports@{domain}\""
            ));
        }
        Selection::Several(_) => {
            return none(format!(
                "{domain} asks for no TLS reports: there is more than one TLS-RPT record at \
                 {name}, and senders ignore them all\n\nhint: leave one"
            ));
        }
    };
    match Record::parse(text) {
        Ok(record) => Ok(record.rua.into_iter().take(MOST_DESTINATIONS).collect()),
        Err(error) => none(format!(
            "senders cannot use the TLS-RPT record at {name}: {error}\n\n\
             hint: `sealpost record lint` shows where"
        )),
    }
}

/// What the store will think of a mail, by what DNS says now; an error where DNS does not say.
type Foresight = Result<Trust, sealpost_receive::Undecided>;

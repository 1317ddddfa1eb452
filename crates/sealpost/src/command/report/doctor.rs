//! `sealpost report doctor`

use std::path::Path;

use mail_domain::DomainName;
use sealpost_dkim::SigningKey;
use sealpost_net::MailWay;
use sealpost_report::{
    Examined, Health, PostfixRelease, Reporter, ReporterKey, ReporterWay, Section, examine,
};
use serde::Serialize;
use tls_rpt::MailAddress;

use super::super::enforce::setup::postconf::Postconf;
use crate::arguments::{DoctorArguments, Format};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The largest key file that is read, in octets.
const LARGEST_KEY: u64 = 64 * 1024;

#[derive(Serialize)]
struct Shown {
    examined: Vec<Examined>,
}

pub(super) async fn run(
    arguments: &DoctorArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let configuration = arguments.store.load()?;
    let host = arguments.network.ehlo_name.clone();
    let host = host.unwrap_or_else(|| configuration.network.ehlo_name.clone());
    let section = arguments.store.over(configuration.report);
    let mut reporter = reporter(arguments, &section, &host)?;
    if reporter.way == ReporterWay::MailServer && leaves_through_here(&section) {
        // Without one it is another mail server.
        let release = Postconf::new(&arguments.postconf, None).release().await;
        let read = |(version, date): (String, String)| PostfixRelease::read(&version, &date);
        reporter.postfix = release.ok().and_then(read);
    }
    let network = arguments.network.open_over(configuration.network)?;
    let now = arguments.network.clock().now().as_second();
    output.progress("asking the DNS");
    let examined = examine(&reporter, &network, now).await;
    output.progress("");
    let worst = examined.iter().map(|one| one.state).max().unwrap_or(Health::Good);
    let shown = Shown { examined };
    match arguments.format {
        Format::Json => output.json(&shown)?,
        Format::Human => show(&shown, output)?,
    }
    Ok(match worst {
        Health::Good => Outcome::Clean,
        Health::Unknown => Outcome::Unknown,
        Health::Doubtful | Health::Bad => Outcome::Findings,
    })
}

fn reporter(
    arguments: &DoctorArguments,
    section: &Section,
    host: &str,
) -> Result<Reporter, Failure> {
    let contact = match (&arguments.contact, &section.contact) {
        (Some(contact), _) => contact.domain().clone(),
        (None, Some(contact)) => MailAddress::parse(contact)
            .map_err(|error| Failure::new(format!("use the contact {contact}: {error}")))?
            .domain()
            .clone(),
        (None, None) => {
            return Err(Failure::new("look at the set-up: it is not known who reports")
                .hint("give `contact` in [report], or --contact"));
        }
    };
    let delivery = section.delivery.clone().unwrap_or_default();
    let domain = |flag: &Option<MailAddress>, configured: &Option<MailAddress>| {
        flag.as_ref().or(configured.as_ref()).map(|address| address.domain().clone())
    };
    let author = domain(&arguments.from, &delivery.from).unwrap_or_else(|| contact.clone());
    let mut keys = Vec::new();
    if let (Some(path), Some(selector)) = (&arguments.key, &arguments.selector) {
        let domain = arguments.signer.clone().unwrap_or_else(|| author.clone());
        keys.push(ReporterKey { selector: selector.clone(), domain, key: key(path)? });
    } else {
        for configured in &delivery.dkim {
            keys.push(ReporterKey {
                selector: configured.selector.clone(),
                domain: configured.domain.clone().unwrap_or_else(|| author.clone()),
                key: key(&configured.key)?,
            });
        }
    }
    let is_direct = arguments.direct || delivery.mail == MailWay::Direct;
    let host = DomainName::parse(host).map_err(|error| {
        Failure::new(format!("use {host} as the name of this machine: {error}"))
    })?;
    Ok(Reporter {
        submitter: contact,
        return_path: domain(&arguments.return_path, &delivery.return_path)
            .unwrap_or_else(|| author.clone()),
        author,
        keys,
        way: if is_direct { ReporterWay::Direct } else { ReporterWay::MailServer },
        postfix: None,
        own_mails: delivery.own_mails,
        host,
        addresses: section.addresses.clone(),
    })
}

/// Whether it is a mail server of this machine that takes the mails.
fn leaves_through_here(section: &Section) -> bool {
    match section.delivery.clone().unwrap_or_default().mail {
        MailWay::Program(_) => true,
        MailWay::Relay(relay) => relay.is_here(),
        MailWay::Direct => false,
    }
}

fn key(path: &Path) -> Result<SigningKey, Failure> {
    let pem = crate::input::read(path, LARGEST_KEY)?;
    SigningKey::from_pem(&pem)
        .map_err(|error| Failure::new(format!("use the key in {}: {error}", path.display())))
}

fn show(shown: &Shown, output: &mut Output) -> Result<(), Failure> {
    for one in &shown.examined {
        let state = match one.state {
            Health::Good => "good",
            Health::Unknown => "could not tell",
            Health::Doubtful => "doubtful",
            Health::Bad => "bad",
        };
        output.line(&format!("{}: {state}: {}", one.what, one.found))?;
        if let Some(remedy) = &one.remedy {
            output.line(&format!("  {}", remedy.replace('\n', "\n  ")))?;
        }
    }
    Ok(())
}

//! `sealpost report doctor`

use sealpost_net::MailWay;
use sealpost_report::{DkimKey, Examined, Health, Reporter, ReporterError, Section, examine};
use serde::Serialize;

use crate::arguments::{DoctorArguments, Format};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;
use crate::postconf::Postconf;

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
    let section = over(arguments, section);
    let mut reporter = Reporter::of(&section, &host).map_err(|error| match error {
        ReporterError::NoContact => {
            Failure::new(error).hint("give `contact` in [report], or --contact")
        }
        error => Failure::new(error),
    })?;
    reporter.postfix = Postconf::new(&arguments.postconf, None).for_reports(&section).await;
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

/// What is configured, with the flags over it.
fn over(arguments: &DoctorArguments, mut section: Section) -> Section {
    if let Some(contact) = &arguments.contact {
        section.contact = Some(contact.clone());
    }
    let mut delivery = section.delivery.take().unwrap_or_default();
    if arguments.from.is_some() {
        delivery.from.clone_from(&arguments.from);
    }
    if arguments.return_path.is_some() {
        delivery.return_path.clone_from(&arguments.return_path);
    }
    if let (Some(key), Some(selector)) = (&arguments.key, &arguments.selector) {
        let domain = arguments.signer.clone();
        delivery.dkim = vec![DkimKey { key: key.clone(), selector: selector.clone(), domain }];
    }
    if arguments.direct {
        delivery.mail = MailWay::Direct;
    }
    Section { delivery: Some(delivery), ..section }
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

//! `sealpost lab`

mod attacks;
mod pages;
mod reports;
mod tour;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use mail_domain::DomainName;
use sealpost_check::{Checked, Checker};
use sealpost_lab::{Domain, Lab, Options, Ports};
use sealpost_listen::Inherited;
use sealpost_net::{Network, Scope, Settings};
use sealpost_runtime::{Clock, Stopwatch};
use serde_json::json;

use self::pages::Pages;
use crate::arguments::{Format, LabArguments, PortsName};
use crate::daemon::Signals;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// How many domains are looked at at the same time.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(32).unwrap();

pub(super) async fn run(
    arguments: &LabArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    if let Some(command) = &arguments.command {
        return attacks::run(command, output);
    }
    if arguments.tour {
        return tour::run(arguments, inherited, output).await;
    }
    let clock = Clock::system();
    // Before the lab is open, so that whoever has seen it open can end it decently.
    let mut signals = Signals::new()?;
    let options = Options {
        ports: ports(arguments),
        directory: arguments.directory.clone(),
        ..Options::new(clock.now())
    };
    let opened = Lab::start(options).await;
    let lab = opened.map_err(|error| Failure::new(format!("open the lab: {error}")))?;
    let mut outcome = Outcome::Clean;
    if !arguments.serve {
        let settings = Settings::from_toml(lab.settings_file()).map_err(Failure::new)?;
        let network = Network::new(settings, clock).map_err(Failure::new)?;
        outcome = check_fleet(&network, arguments.format, output).await?;
    }
    let mut shown = Ok(outcome);
    if !arguments.once {
        output.say(&how_to_use(&lab));
        if arguments.serve {
            output.say("the lab is open");
            signals.stop().await;
        } else {
            shown = show(&lab, arguments.ports, inherited, output).await.map(|_| outcome);
        }
        output.say("the lab closes");
    }
    lab.stop().await;
    shown
}

/// Shows the pages until somebody ends it.
async fn show(
    lab: &Lab,
    ports: Option<PortsName>,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let pages = Pages::write(lab, ports)?;
    output.say(&format!(
        "\nA month of TLS reports on some of its domains comes in now. Look at it in a browser, at \
         the address below, or in another terminal:\n\n  \
         {} receive summary --config {}\n",
        program(),
        pages.configuration.display()
    ));
    output.say("the lab is open");
    pages.show(inherited, output).await
}

fn ports(arguments: &LabArguments) -> Ports {
    match arguments.ports {
        Some(PortsName::Standard) => Ports::Standard,
        Some(PortsName::Preferred) => Ports::Preferred,
        Some(PortsName::Ephemeral) => Ports::Ephemeral,
        // Whoever only wants the table does not care where the lab is.
        None if arguments.once => Ports::Ephemeral,
        None => Ports::Preferred,
    }
}

/// Checks every domain of the fleet and shows the table: domain, verdict, findings, as expected or
/// not.
async fn check_fleet(
    network: &Network,
    format: Format,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let watch = Stopwatch::start();
    let mut fleet = BTreeMap::new();
    let mut names = Vec::new();
    for domain in Lab::fleet() {
        let name = DomainName::parse(domain.name).map_err(Failure::new)?;
        fleet.insert(name.clone(), domain);
        names.push(name);
    }
    if format == Format::Human {
        let width = name_width();
        output.line(&format!("{:width$} {:9} {:15} about", "domain", "verdict", "findings"))?;
    }
    let mut unexpected = 0;
    let mut failure = None;
    let checker = Checker::new(network.clone(), Scope::all(), AT_ONCE);
    let each = |checked: Checked| {
        if let Some(domain) = fleet.get(&checked.evidence.domain) {
            let row = Row::new(domain, &checked);
            unexpected += usize::from(!row.is_expected());
            failure = row.show(format, output).err();
        }
        if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    checker.check_in_order(&names, each).await;
    if let Some(failure) = failure {
        return Err(failure);
    }
    output.say(&format!(
        "\n{} domains in {:.1} s: {}",
        names.len(),
        watch.elapsed().as_secs_f64(),
        match unexpected {
            0 => "every verdict and finding as expected".to_owned(),
            count => format!("{count} NOT as expected"),
        }
    ));
    Ok(if unexpected == 0 { Outcome::Clean } else { Outcome::Findings })
}

/// One line of the table.
struct Row<'a> {
    domain: &'a Domain,
    verdict: &'static str,
    findings: BTreeSet<&'static str>,
}

impl<'a> Row<'a> {
    fn new(domain: &'a Domain, checked: &Checked) -> Self {
        Self {
            domain,
            verdict: checked.judgement.verdict.map_or("none", sealpost_rules::Verdict::as_str),
            findings: checked.judgement.findings.iter().map(|f| f.rule.code).collect(),
        }
    }

    fn is_expected(&self) -> bool {
        let expect = &self.domain.expect;
        self.verdict == expect.verdict && self.findings.iter().eq(expect.findings)
    }

    fn show(&self, format: Format, output: &mut Output) -> Result<(), Failure> {
        let expect = &self.domain.expect;
        if format == Format::Json {
            return output.json_line(&json!({
                "domain": self.domain.name,
                "about": self.domain.about,
                "verdict": self.verdict,
                "findings": self.findings,
                "expected": self.is_expected(),
                "expected_verdict": expect.verdict,
                "expected_findings": expect.findings,
            }));
        }
        let findings = join(self.findings.iter().copied());
        let (name, about) = (self.domain.name, self.domain.about);
        let width = name_width();
        output.line(&format!("{name:width$} {:9} {findings:15} {about}", self.verdict))?;
        if !self.is_expected() {
            let findings = join(expect.findings.iter().copied());
            let note = "NOT AS EXPECTED:";
            output.line(&format!("{note:>width$} {:9} {findings}", expect.verdict))?;
        }
        Ok(())
    }
}

/// The longest name of the fleet decides where the next column begins.
fn name_width() -> usize {
    Lab::fleet().iter().map(|domain| domain.name.len()).max().unwrap_or(0)
}

fn join<'a>(codes: impl Iterator<Item = &'a str>) -> String {
    match codes.collect::<Vec<_>>().join(" ") {
        codes if codes.is_empty() => "-".to_owned(),
        codes => codes,
    }
}

/// This program, as a person calls it.
fn program() -> String {
    std::env::current_exe()
        .map_or_else(|_| "sealpost".to_owned(), |path| path.display().to_string())
}

fn how_to_use(lab: &Lab) -> String {
    let program = program();
    let settings = lab.settings_file().display();
    format!(
        "\nThe lab runs until Ctrl-C. In another terminal, look at one of its domains:\n\n  \
         {program} check --network {settings} sts-id-with-dashes.test\n\n\
         or at its servers with any tool:\n\n  \
         dig @{} -p {} MX good.test\n\n\
         HTTPS is on port {}, SMTP on port {}; trust {}.\n\
         Mail that its MX hosts take is written down in {}, who came to them in {}.\n\n\
         Attack one of its domains, and see that nothing reaches the attacker:\n\n  \
         {program} lab attack --directory {} starttls-stripped victim-unsigned.test",
        lab.resolver().ip(),
        lab.resolver().port(),
        lab.https_port(),
        lab.smtp_port(),
        lab.trust_roots_file().display(),
        lab.deliveries_file().display(),
        lab.visits_file().display(),
        lab.directory().display()
    )
}

//! `sealpost check`

mod diff;
mod kept;
mod list;
mod seen;
mod sink;
mod summary;

use std::num::NonZeroUsize;
use std::path::Path;

use mail_domain::DomainName;
use sealpost_check::formats::NagiosState;
use sealpost_check::{Checked, Checker, DomainReport};
use sealpost_evidence::{Evidence, FORMAT};
use sealpost_net::{Network, Part, Scope, Settings};
use sealpost_rules::{Quoted, Severity};

use self::sink::Sink;
use crate::arguments::{CheckArguments, CheckCommand, CheckFormat, FailOn, PartName};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The largest evidence file that is read, in octets.
const LARGEST_EVIDENCE: u64 = 256 * 1024 * 1024;

/// How many domains of the command line are looked at at the same time.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(32).unwrap();

pub(super) async fn run(
    arguments: CheckArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match &arguments.command {
        Some(CheckCommand::Summary(arguments)) => return summary::run(arguments, output),
        Some(CheckCommand::Diff(arguments)) => return diff::run(arguments, output),
        None => {}
    }
    let ended = look(&arguments, output).await;
    match ended {
        // To a monitoring system, status 2 is a fault of what is watched.
        Err(failure) if arguments.format == CheckFormat::Nagios && !failure.is_quiet() => {
            output.failure(&failure);
            output.line("MTA-STS UNKNOWN - the check could not run")?;
            Ok(Outcome::Monitoring(NagiosState::Unknown))
        }
        ended => ended,
    }
}

async fn look(arguments: &CheckArguments, output: &mut Output) -> Result<Outcome, Failure> {
    if arguments.schema {
        output.json(&schemars::schema_for!(DomainReport))?;
        return Ok(Outcome::Clean);
    }
    if arguments.domains.is_empty() && arguments.evidence.is_none() {
        return list::run(arguments, output).await;
    }
    let mut sink = Sink::new(arguments, output);
    if let Some(file) = &arguments.evidence {
        for evidence in read_evidence(file)? {
            if sink.take(&Checked::new(evidence)).is_break() {
                break;
            }
        }
        return sink.finish();
    }
    let domains = parse_domains(&arguments.domains)?;
    let network = open(settings(arguments)?, arguments)?;
    let checker = Checker::new(network, scope(&arguments.only), AT_ONCE);
    sink.keep_evidence(arguments)?;
    checker.check_in_order(&domains, |checked| sink.take(&checked)).await;
    sink.finish()
}

/// How to look at several domains: what is seen of a host serves for each that names it.
fn settings(arguments: &CheckArguments) -> Result<Settings, Failure> {
    Ok(Settings { share_hosts: true, ..arguments.network.settings()? })
}

fn open(settings: Settings, arguments: &CheckArguments) -> Result<Network, Failure> {
    Network::new(settings, arguments.network.clock()).map_err(Failure::new)
}

fn parse_domains(texts: &[String]) -> Result<Vec<DomainName>, Failure> {
    texts
        .iter()
        .map(|text| {
            DomainName::parse(text)
                .map_err(|error| Failure::new(format!("read the domain {}: {error}", Quoted(text))))
        })
        .collect()
}

fn scope(only: &[PartName]) -> Scope {
    if only.is_empty() {
        return Scope::all();
    }
    let parts: Vec<Part> = only
        .iter()
        .map(|part| match part {
            PartName::Sts => Part::Sts,
            PartName::Tlsrpt => Part::TlsRpt,
            PartName::Mx => Part::Mx,
            PartName::MxRecords => Part::MxRecords,
        })
        .collect();
    Scope::of(&parts)
}

impl FailOn {
    fn severity(self) -> Severity {
        match self {
            Self::Note => Severity::Note,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
        }
    }
}

/// Reads evidence that was kept, and refuses what a later version wrote.
fn read_evidence(file: &Path) -> Result<Vec<Evidence>, Failure> {
    let name = file.display();
    let octets = input::read(file, LARGEST_EVIDENCE)?;
    if octets.len() as u64 > LARGEST_EVIDENCE {
        return Err(Failure::new(format!("read {name}: more than {LARGEST_EVIDENCE} octets")));
    }
    let mut all = Vec::new();
    for value in serde_json::Deserializer::from_slice(&octets).into_iter::<serde_json::Value>() {
        let wrong = |what: String| {
            Failure::new(format!("read {name}: {what}"))
                .hint("give a file that `sealpost check --save-evidence` wrote")
        };
        let value = value.map_err(|error| wrong(error.to_string()))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        match format {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) if format > u64::from(FORMAT) => {
                let what = format!("read {name}: a later version of sealpost wrote it");
                return Err(Failure::new(what).hint("judge it with that version"));
            }
            _ => return Err(wrong("it is not evidence".to_owned())),
        }
        all.push(serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?);
    }
    if all.is_empty() {
        return Err(Failure::new(format!("read {name}: there is no evidence in it")));
    }
    Ok(all)
}

//! `sealpost check`

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use mail_domain::DomainName;
use sealpost_check::{Checked, DomainReport, check_each};
use sealpost_evidence::{Evidence, FORMAT};
use sealpost_net::{Part, Scope};
use sealpost_rules::{Quoted, Severity, Verdict};

use crate::arguments::{CheckArguments, FailOn, Format, PartName};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The largest evidence file that is read, in octets.
const LARGEST_EVIDENCE: u64 = 256 * 1024 * 1024;

pub(super) async fn run(
    arguments: CheckArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    if arguments.schema {
        output.json(&schemars::schema_for!(DomainReport))?;
        return Ok(Outcome::Clean);
    }
    let mut sink = Sink::new(&arguments, output)?;
    if let Some(file) = &arguments.evidence {
        for evidence in read_evidence(file)? {
            if sink.take(&Checked::new(evidence)).is_break() {
                break;
            }
        }
        return sink.finish();
    }
    let domains = parse_domains(&arguments.domains)?;
    let network = arguments.network.open()?;
    check_each(&network, &domains, scope(&arguments.only), |checked| sink.take(&checked)).await;
    sink.finish()
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
        })
        .collect();
    Scope::of(&parts)
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

/// Takes results as they come: shows them, keeps the evidence, remembers the worst.
struct Sink<'a> {
    output: &'a mut Output,
    format: Format,
    fail_on: Severity,
    evidence: Option<fs_err::File>,
    worst: Outcome,
    shown: usize,
    failure: Option<Failure>,
}

impl<'a> Sink<'a> {
    fn new(arguments: &CheckArguments, output: &'a mut Output) -> Result<Self, Failure> {
        let fail_on = match arguments.fail_on {
            FailOn::Note => Severity::Note,
            FailOn::Warning => Severity::Warning,
            FailOn::Error => Severity::Error,
        };
        let evidence = match &arguments.save_evidence {
            Some(file) => Some(fs_err::File::create(file)?),
            None => None,
        };
        let format = arguments.format;
        Ok(Self {
            output,
            format,
            fail_on,
            evidence,
            worst: Outcome::Clean,
            shown: 0,
            failure: None,
        })
    }

    /// Breaks when nothing more can be written.
    fn take(&mut self, checked: &Checked) -> ControlFlow<()> {
        self.worst = worse(self.worst, outcome(checked, self.fail_on));
        match self.show(checked) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn show(&mut self, checked: &Checked) -> Result<(), Failure> {
        if let Some(file) = &mut self.evidence {
            let mut line = serde_json::to_vec(&checked.evidence).map_err(Failure::new)?;
            line.push(b'\n');
            file.write_all(&line)?;
        }
        match self.format {
            Format::Json => self.output.json_line(&DomainReport::new(checked))?,
            Format::Human => {
                let gap = if self.shown > 0 { "\n" } else { "" };
                let page = self.output.page().domain(checked);
                self.output.text(&format!("{gap}{page}"))?;
            }
        }
        self.shown += 1;
        Ok(())
    }

    fn finish(self) -> Result<Outcome, Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.worst),
        }
    }
}

fn outcome(checked: &Checked, fail_on: Severity) -> Outcome {
    let severities = || checked.judgement.findings.iter().map(|finding| finding.rule.severity);
    if severities().any(|severity| severity >= fail_on && severity != Severity::Unknown) {
        Outcome::Findings
    } else if checked.judgement.verdict == Some(Verdict::Unknown)
        || severities().any(|severity| severity == Severity::Unknown)
    {
        Outcome::Unknown
    } else {
        Outcome::Clean
    }
}

/// A finding is certain, so it counts before what could not be told.
fn worse(left: Outcome, right: Outcome) -> Outcome {
    match (left, right) {
        (Outcome::Findings, _) | (_, Outcome::Findings) => Outcome::Findings,
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
        (Outcome::Clean, Outcome::Clean) => Outcome::Clean,
    }
}

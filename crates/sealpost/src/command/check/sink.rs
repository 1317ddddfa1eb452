//! Where results go, one after the other.

use std::io::Write as _;
use std::ops::ControlFlow;

use sealpost_check::formats::{Csv, Document, Github, Junit, Nagios, Prometheus, Sarif};
use sealpost_check::{Checked, DomainReport, ResultLine, Summary};
use sealpost_rules::{Severity, Verdict};

use super::kept;
use crate::arguments::{CheckArguments, CheckFormat};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Takes results as they come: shows them, keeps the evidence, remembers the worst.
pub(super) struct Sink<'a> {
    pub(super) output: &'a mut Output,
    shape: Shape,
    /// Where results go if not to standard output.
    file: Option<fs_err::File>,
    evidence: Option<fs_err::File>,
    fail_on: Severity,
    worst: Outcome,
    shown: usize,
    summary: Option<Summary>,
    failure: Option<Failure>,
}

/// What results look like.
enum Shape {
    /// A page for each domain.
    Pages,
    /// A line for each domain.
    Lines,
    Json,
    Document(Box<dyn Document>),
    /// Its own document, for the state at the end.
    Nagios(Nagios),
}

impl Shape {
    fn document(&mut self) -> Option<&mut dyn Document> {
        match self {
            Self::Document(document) => Some(document.as_mut()),
            Self::Nagios(nagios) => Some(nagios),
            Self::Pages | Self::Lines | Self::Json => None,
        }
    }
}

impl<'a> Sink<'a> {
    /// Writes to standard output.
    pub(super) fn new(arguments: &CheckArguments, output: &'a mut Output) -> Self {
        let fail_on = arguments.fail_on.severity();
        let shape = match arguments.format {
            CheckFormat::Human => Shape::Pages,
            CheckFormat::Json => Shape::Json,
            CheckFormat::Csv => Shape::Document(Box::new(Csv)),
            CheckFormat::Junit => Shape::Document(Box::new(Junit::new(fail_on))),
            CheckFormat::Sarif => Shape::Document(Box::new(Sarif::default())),
            CheckFormat::Github => Shape::Document(Box::new(Github)),
            CheckFormat::Prometheus => Shape::Document(Box::new(Prometheus::default())),
            CheckFormat::Nagios => Shape::Nagios(Nagios::default()),
        };
        let (file, evidence, summary, failure) = (None, None, None, None);
        let worst = Outcome::Clean;
        Self { output, shape, file, evidence, fail_on, worst, shown: 0, summary, failure }
    }

    /// The same for a list: a line for each domain in place of a page, and sums.
    pub(super) fn for_list(mut self) -> Self {
        if matches!(self.shape, Shape::Pages) {
            self.shape = Shape::Lines;
        }
        self.summary = Some(Summary::default());
        self
    }

    /// Results go into a file, and the sums to standard output.
    pub(super) fn write_into(&mut self, file: fs_err::File) {
        self.file = Some(file);
    }

    /// Evidence is kept, if it shall be. It comes after all that may refuse the run: a file of before
    /// is written over.
    pub(super) fn keep_evidence(&mut self, arguments: &CheckArguments) -> Result<(), Failure> {
        if let Some(path) = &arguments.save_evidence {
            self.evidence = Some(kept::open_evidence(path, arguments.list.resume)?);
        }
        Ok(())
    }

    /// Counts a result that is in the file already.
    pub(super) fn count(&mut self, line: &ResultLine) {
        let severities = line.findings.iter().map(|finding| finding.severity);
        self.worst = worse(self.worst, outcome(line.verdict, severities, self.fail_on));
        self.shown += 1;
        if let Some(summary) = &mut self.summary {
            summary.add(line);
        }
    }

    /// Part of the list could not be read: a clean result would say too much.
    pub(super) fn could_not_tell(&mut self) {
        self.worst = worse(self.worst, Outcome::Unknown);
    }

    /// How many results there are.
    pub(super) fn shown(&self) -> usize {
        self.shown
    }

    /// Breaks when nothing more can be written.
    pub(super) fn take(&mut self, checked: &Checked) -> ControlFlow<()> {
        let report = DomainReport::new(checked);
        match self.show(checked, &report) {
            Ok(()) => {
                let severities = report.findings.iter().map(|finding| finding.severity);
                self.worst = worse(self.worst, outcome(report.verdict, severities, self.fail_on));
                if let Some(summary) = &mut self.summary {
                    summary.add(&ResultLine::from(&report));
                }
                ControlFlow::Continue(())
            }
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn show(&mut self, checked: &Checked, report: &DomainReport) -> Result<(), Failure> {
        if let Some(file) = &mut self.evidence {
            write_json_line(file, &checked.evidence)?;
        }
        let is_first = self.shown == 0;
        let text = match &mut self.shape {
            Shape::Json => match &mut self.file {
                Some(file) => {
                    write_json_line(file, report)?;
                    String::new()
                }
                None => {
                    self.output.json_line(report)?;
                    String::new()
                }
            },
            Shape::Pages => {
                let gap = if is_first { "" } else { "\n" };
                format!("{gap}{}", self.output.page().domain(checked))
            }
            Shape::Lines => line(report),
            Shape::Document(document) => begun(document.as_mut(), is_first, report),
            Shape::Nagios(nagios) => begun(nagios, is_first, report),
        };
        self.shown += 1;
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.file {
            _ if text.is_empty() => Ok(()),
            Some(file) => Ok(file.write_all(text.as_bytes())?),
            None => self.output.text(text),
        }
    }

    /// Ends the document and shows the sums.
    pub(super) fn finish(mut self) -> Result<Outcome, Failure> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let is_empty = self.shown == 0;
        let end = match self.shape.document() {
            Some(document) if is_empty => format!("{}{}", document.begin(), document.end()),
            Some(document) => document.end(),
            None => String::new(),
        };
        self.write(&end)?;
        if let Some(file) = &self.file {
            file.sync_all()?;
        }
        if let Some(summary) = self.summary.take() {
            match (&self.shape, &self.file) {
                (Shape::Lines, _) => self.output.text(&format!("\n{summary}"))?,
                (_, Some(_)) => self.output.text(&summary.to_string())?,
                (_, None) => {}
            }
        }
        match &self.shape {
            Shape::Nagios(nagios) => Ok(Outcome::Monitoring(nagios.state())),
            _ => Ok(self.worst),
        }
    }
}

fn begun(document: &mut dyn Document, is_first: bool, report: &DomainReport) -> String {
    let begin = if is_first { document.begin() } else { String::new() };
    begin + &document.domain(report)
}

/// `failing    a.test  STS401 MX302`, without notes.
fn line(report: &DomainReport) -> String {
    let verdict = report.verdict.map_or("in part", Verdict::as_str);
    let mut codes: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|finding| finding.code)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    let line = format!("{verdict:9} {:30} {}", report.domain, codes.join(" "));
    format!("{}\n", line.trim_end())
}

fn write_json_line(file: &mut fs_err::File, value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(value).map_err(Failure::new)?;
    line.push(b'\n');
    Ok(file.write_all(&line)?)
}

fn outcome(
    verdict: Option<Verdict>,
    severities: impl Iterator<Item = Severity> + Clone,
    fail_on: Severity,
) -> Outcome {
    let is_finding = |severity| severity >= fail_on && severity != Severity::Unknown;
    if severities.clone().any(is_finding) {
        Outcome::Findings
    } else if verdict == Some(Verdict::Unknown)
        || severities.into_iter().any(|severity| severity == Severity::Unknown)
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
        _ => Outcome::Clean,
    }
}

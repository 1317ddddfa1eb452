//! `sealpost check diff`

use std::fmt::Write as _;

use sealpost_check::{Change, Comparison, FindingLine, Presence, one_line};
use sealpost_rules::{Severity, Verdict};

use super::summary::for_each;
use crate::arguments::{DiffArguments, Format};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(arguments: &DiffArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let mut comparison = Comparison::default();
    for_each(&arguments.old, output, |line, _| {
        comparison.add_earlier(line);
        Ok(())
    })?;
    let mut account = Account { fail_on: arguments.fail_on.severity(), ..Account::default() };
    let format = arguments.format;
    for_each(&arguments.new, output, |line, output| {
        account.take(&comparison.compare(&line), format, output)
    })?;
    for change in comparison.gone() {
        account.take(&change, format, output)?;
    }
    if format == Format::Human {
        output.text(&account.said())?;
    }
    Ok(if account.is_worse { Outcome::Findings } else { Outcome::Clean })
}

/// What all changes come to.
struct Account {
    fail_on: Severity,
    is_worse: bool,
    domains: u64,
    changed: u64,
    added: usize,
    sustained: usize,
    resolved: usize,
    open: usize,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            fail_on: Severity::Error,
            is_worse: false,
            domains: 0,
            changed: 0,
            added: 0,
            sustained: 0,
            resolved: 0,
            open: 0,
        }
    }
}

impl Account {
    fn take(
        &mut self,
        change: &Change,
        format: Format,
        output: &mut Output,
    ) -> Result<(), Failure> {
        self.domains += 1;
        self.added += change.added.len();
        self.resolved += change.resolved.len();
        self.open += change.open.len();
        if change.presence == Presence::Both {
            self.sustained += change.sustained.len();
        }
        let counts = |finding: &FindingLine| {
            finding.severity >= self.fail_on && finding.severity != Severity::Unknown
        };
        self.is_worse |= change.added.iter().any(counts);
        if !change.is_one() {
            return Ok(());
        }
        self.changed += 1;
        match format {
            Format::Json => output.json_line(change),
            Format::Human => output.text(&page(change)),
        }
    }

    fn said(&self) -> String {
        let Self { domains, changed, added, sustained, resolved, open, .. } = self;
        format!(
            "{}{domains} domains, {changed} changed; findings: {added} added, {sustained} sustained, \
             {resolved} resolved, {open} could not be told this time\n",
            if *changed > 0 { "\n" } else { "" },
        )
    }
}

fn page(change: &Change) -> String {
    let word = |verdict: Option<Verdict>| verdict.map_or("in part", Verdict::as_str);
    let (before, after) = (word(change.verdicts.0), word(change.verdicts.1));
    let verdict = match change.presence {
        Presence::New => format!("new, {after}"),
        Presence::Gone => format!("gone, was {before}"),
        Presence::Both if before == after => after.to_owned(),
        Presence::Both => format!("{before} -> {after}"),
    };
    let mut page = format!("{}: {verdict}\n", change.domain);
    let groups = [("added", &change.added), ("resolved", &change.resolved), ("open", &change.open)];
    for (word, findings) in groups {
        for finding in findings {
            let FindingLine { code, severity, title, subject, .. } = finding;
            let (code, title, subject) = (one_line(code), one_line(title), one_line(subject));
            // Writing to a string can't fail.
            writeln!(page, "  {word:8} {severity:8} {code:8} {subject}: {title}").ok();
        }
    }
    page
}

//! `sealpost receive list`

use sealpost_evidence::traffic::{Reporter, Trust};
use sealpost_store::StoreError;
use sealpost_store::reports::{
    Content, DayRange, Echo, ReportFilter, ReportSummary, ReporterId, Reports, Scope, Subject,
    Validity,
};
use serde_json::{Value, json};

use super::stored::Stored;
use super::text::{bounds, shown};
use crate::arguments::{ListFormat, ReceiveListArguments, WhichReports};
use crate::csv;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Rows that are asked for at a time.
const PAGE: u32 = 1000;
/// The columns of a row.
const HEAD: [&str; 15] = [
    "day",
    "domain",
    "organisation",
    "signer",
    "trust",
    "scope",
    "successful_lower",
    "successful_upper",
    "failed_lower",
    "failed_upper",
    "report_id",
    "received",
    "state",
    "number",
    "is_echo",
];
/// What an echo is.
pub(super) const ECHO: &str = "echo: its sender counts no more sessions than it brought mails with \
                               reports on this domain in that time, most likely those mails";

pub(super) async fn run(
    arguments: &ReceiveListArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let stored = Stored::open_to_read(&arguments.which.store).await?;
    let reports = stored.reports();
    match arguments.format {
        ListFormat::Human => output.line(&heading())?,
        ListFormat::Csv => output.text(&csv::row(&HEAD))?,
        ListFormat::Json => {}
    }
    let (mut listed, mut any_echo) = (0, false);
    let most = arguments.limit;
    let whole = each(&reports, &arguments.which, |summary, echo| {
        if listed == most {
            return Ok(false);
        }
        listed += 1;
        any_echo |= echo == Echo::Likely;
        match arguments.format {
            ListFormat::Human => output.line(&line(summary, echo))?,
            ListFormat::Csv => output.text(&csv::row(&fields(summary, echo)))?,
            ListFormat::Json => output.json_line(&object(summary, echo))?,
        }
        Ok(true)
    })
    .await
    .map_err(|error| error.into_failure(&stored))?;
    if any_echo && arguments.format == ListFormat::Human {
        output.say(ECHO);
    }
    let counts_only = !arguments.which.unverified && !arguments.which.not_ours;
    if listed == 0 && counts_only && arguments.format == ListFormat::Human {
        output
            .say("none of these reports counts: --unverified and --not-ours list those kept apart");
    }
    if !whole {
        output.say(&format!(
            "there are more than these {most}: give a higher --limit, or fewer days"
        ));
    }
    Ok(Outcome::Clean)
}

/// Why a list ended before its end.
pub(super) enum Ended {
    Store(StoreError),
    Output(Failure),
}

impl Ended {
    pub(super) fn into_failure(self, stored: &Stored) -> Failure {
        match self {
            Self::Store(error) => stored.failure(&error),
            Self::Output(failure) => failure,
        }
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Hands out reports with their marks, the newest day first, until it is told to stop; whether it came to the end.
pub(super) async fn each(
    reports: &Reports,
    which: &WhichReports,
    mut take: impl FnMut(&ReportSummary, Echo) -> Result<bool, Failure>,
) -> Result<bool, Ended> {
    let Some(filter) = which.filter(reports).await? else { return Ok(true) };
    let mut after = None;
    loop {
        let mut page = reports.list(filter.clone(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(true) };
        after = Some(last.place());
        page.retain(|summary| which.is_by(&summary.reporter));
        let echoes = reports.echoes(page.clone()).await?;
        for (summary, echo) in page.iter().zip(echoes) {
            if !take(summary, echo).map_err(Ended::Output)? {
                return Ok(false);
            }
        }
    }
}

impl WhichReports {
    /// The filter that these arguments mean; `None` if no reporter has that name. Where several have
    /// it, each report is still to be asked for its own.
    async fn filter(&self, reports: &Reports) -> Result<Option<ReportFilter>, StoreError> {
        let scope = match (self.unverified, self.not_ours) {
            (true, _) => Scope::Unverified,
            (_, true) => Scope::NotOurs,
            (false, false) => Scope::Counted,
        };
        let all = DayRange::all();
        let days = DayRange {
            first: self.since.unwrap_or(all.first),
            last: self.until.unwrap_or(all.last),
        };
        let content = if self.failed { Content::Failures } else { Content::Any };
        let mut subject = Subject { domain: self.domain.clone(), reporter: None };
        if self.reporter.is_some() {
            let named = self.named(reports, scope).await?;
            match named.as_slice() {
                [] => return Ok(None),
                [only] => subject.reporter = Some(*only),
                _ => {}
            }
        }
        Ok(Some(ReportFilter { scope, subject, days, content }))
    }

    /// The reporters of a scope that [`Self::is_by`] means.
    async fn named(&self, reports: &Reports, scope: Scope) -> Result<Vec<ReporterId>, StoreError> {
        let (mut named, mut after) = (Vec::new(), None);
        loop {
            let page = reports.reporters(scope, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(named) };
            after = Some(last.id);
            let meant = page.iter().filter(|row| self.is_by(&row.activity.reporter));
            named.extend(meant.map(|row| row.id));
        }
    }

    /// Is it the reporter that was asked for: by its signing domain, or a part of its name?
    fn is_by(&self, reporter: &Reporter) -> bool {
        self.reporter.as_ref().is_none_or(|wanted| {
            let wanted = wanted.to_lowercase();
            reporter.signer.eq_ignore_ascii_case(&wanted)
                || reporter.organisation.to_lowercase().contains(&wanted)
        })
    }
}

pub(super) fn trust(trust: &Trust) -> &'static str {
    match trust {
        Trust::Verified { .. } => "verified",
        Trust::Vouched { .. } => "vouched",
        Trust::Admitted { .. } => "admitted",
        Trust::Unverified { .. } => "unverified",
    }
}

fn heading() -> String {
    format!("{:10} {:20} {:12} {:>9} {:>6} trust", "day", "domain", "reporter", "ok", "failed")
}

fn line(summary: &ReportSummary, echo: Echo) -> String {
    let domain = summary.domain.as_ref().map_or("-", |domain| domain.as_str());
    let mark = match (summary.validity, echo) {
        (Validity::Superseded, _) => "revised",
        (Validity::Current, Echo::Likely) => "echo",
        (Validity::Current, Echo::No) => "",
    };
    let line = format!(
        "{:10} {:20} {:12} {:>9} {:>6} {:10} {mark}",
        summary.day.to_string(),
        shown(domain, 20),
        shown(&summary.reporter.organisation, 12),
        bounds(summary.successful),
        bounds(summary.failed),
        trust(&summary.trust),
    );
    line.trim_end().to_owned()
}

pub(super) fn state(summary: &ReportSummary) -> &'static str {
    match summary.validity {
        Validity::Current => "current",
        Validity::Superseded => "superseded",
    }
}

fn fields(summary: &ReportSummary, echo: Echo) -> [String; HEAD.len()] {
    let count = |count: u64| count.to_string();
    [
        summary.day.to_string(),
        summary.domain.as_ref().map(ToString::to_string).unwrap_or_default(),
        summary.reporter.organisation.clone(),
        summary.reporter.signer.clone(),
        trust(&summary.trust).to_owned(),
        summary.scope.as_str().to_owned(),
        count(summary.successful.lower),
        count(summary.successful.upper),
        count(summary.failed.lower),
        count(summary.failed.upper),
        summary.report_id.clone(),
        time(summary.received_at),
        state(summary).to_owned(),
        summary.id.0.to_string(),
        (echo == Echo::Likely).to_string(),
    ]
}

fn object(summary: &ReportSummary, echo: Echo) -> Value {
    json!({
        "number": summary.id.0,
        "day": summary.day,
        "domain": summary.domain,
        "organisation": summary.reporter.organisation,
        "trust": summary.trust,
        "scope": summary.scope.as_str(),
        "state": state(summary),
        "report_id": summary.report_id,
        "begins": time(summary.begins_at),
        "ends": time(summary.ends_at),
        "received": time(summary.received_at),
        "successful": summary.successful,
        "failed": summary.failed,
        "is_echo": echo == Echo::Likely,
    })
}

/// A moment as RFC 3339 writes it; empty for one that no calendar has.
pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

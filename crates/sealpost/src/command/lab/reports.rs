//! `sealpost lab reports`

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sealpost_lab::reporters::{Kind, Month, MonthOptions, Sending, Told, Way, Ways};
use sealpost_runtime::Clock;
use serde_json::json;

use crate::arguments::{Format, ReportsArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(arguments: &ReportsArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let month = month(arguments.seed, arguments.days)?;
    write(&month.sendings, &arguments.folder)?;
    match arguments.format {
        Format::Json => month.told.iter().try_for_each(|told| output.json_line(&row(told)))?,
        Format::Human => table(&month.told, output)?,
    }
    output.say(&account(&month, arguments));
    Ok(Outcome::Clean)
}

/// A month, or as many days, up to yesterday: what has been told of it by now. All mails are signed
/// now.
pub(super) fn month(seed: u64, days: u32) -> Result<Month, Failure> {
    let now = Clock::system().now();
    let length = SignedDuration::from_hours(24 * i64::from(days));
    let first = now.checked_sub(length);
    let first = first.map_err(|error| Failure::new(format!("find the first day: {error}")))?;
    Ok(Month::new(MonthOptions { seed, first, days, signed: Some(now), ways: Ways::MailOnly }))
}

/// A file for each mail, in the order in which they are sent.
pub(super) fn write(sendings: &[Sending], folder: &Path) -> Result<(), Failure> {
    fs_err::create_dir_all(folder).map_err(Failure::new)?;
    if fs_err::read_dir(folder).map_err(Failure::new)?.next().is_some() {
        let failure = Failure::new(format!("write into {}: it is not empty", folder.display()));
        return Err(failure.hint("name another folder, so that no two months are mixed up"));
    }
    let mails = sendings.iter().filter_map(|sending| match &sending.way {
        Way::Mail { octets, .. } => Some((sending, octets)),
        Way::Post { .. } => None,
    });
    for (number, (sending, octets)) in (1..).zip(mails) {
        let (reporter, domain) = (sending.reporter.domain(), sending.domain.name);
        let name = format!("{number:05}-{reporter}-{domain}-{}.eml", sending.kind.name());
        fs_err::write(folder.join(name), octets).map_err(Failure::new)?;
    }
    Ok(())
}

/// Looks as `receive summary` does, so that both can be held beside each other.
fn table(told: &[Told], output: &mut Output) -> Result<(), Failure> {
    let mut domains: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut all = Sums::default();
    for told in told {
        domains.entry(told.domain.name).or_default().add(told);
        all.add(told);
    }
    let line = |name: &str, sums: &Sums| {
        let [successful, failed] = [sums.successful, sums.failed].map(between);
        format!("{name:<40} {:>8} {successful:>15} {failed:>13}", sums.reports)
    };
    output.line(&format!("{:<40} {:>8} {:>15} {:>13}", "", "reports", "successful", "failed"))?;
    output.line(&line("counted", &all))?;
    output.line("")?;
    domains.iter().try_for_each(|(name, sums)| output.line(&line(name, sums)))
}

/// Of a domain, or of all: at least and at most so many sessions.
#[derive(Default)]
struct Sums {
    reports: u64,
    successful: (u64, u64),
    failed: (u64, u64),
}

impl Sums {
    /// Nobody can tell sessions from each other that are listed under two policies.
    fn add(&mut self, told: &Told) {
        let elsewhere = told.failed.saturating_mul(told.listed.saturating_sub(1));
        self.reports += 1;
        self.successful.0 += told.successful.saturating_sub(elsewhere);
        self.successful.1 += told.successful.saturating_mul(told.listed);
        self.failed.0 += told.failed;
        self.failed.1 += told.failed.saturating_mul(told.listed);
    }
}

fn between((lower, upper): (u64, u64)) -> String {
    if lower == upper { lower.to_string() } else { format!("{lower}-{upper}") }
}

fn row(told: &Told) -> serde_json::Value {
    let time = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    json!({
        "reporter": told.reporter.domain(),
        "organisation": told.reporter.organisation(),
        "domain": told.domain.name,
        "begins": time(told.begins),
        "ends": time(told.ends),
        "successful": told.successful,
        "failed": told.failed,
        "listed_under": told.listed,
    })
}

fn account(month: &Month, arguments: &ReportsArguments) -> String {
    let count = |is: fn(Kind) -> bool| month.sendings.iter().filter(|s| is(s.kind)).count();
    format!(
        "{} mails in {}: {} count, {} come again or are replaced, {} are about a stranger, {} are \
         forged or were changed on their way",
        month.sendings.iter().filter(|s| matches!(s.way, Way::Mail { .. })).count(),
        arguments.folder.display(),
        count(Kind::counts),
        count(|kind| matches!(kind, Kind::Again | Kind::Incomplete)),
        count(|kind| kind == Kind::NotOurs),
        count(|kind| matches!(kind, Kind::Forged(_) | Kind::Altered)),
    )
}

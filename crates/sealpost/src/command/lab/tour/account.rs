//! What the lab knows of the sessions, and whether the pages say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use sealpost_evidence::traffic::Day;
use sealpost_lab::Visit;
use sealpost_lab::reporters::{Reporter, Sessions};
use serde_json::Value;

use super::acts::DOMAIN;
use super::pages::{Pages, rows, text};
use crate::outcome::Failure;

const SECONDS: i64 = 86_400;

/// All sessions of the tour, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    sums: BTreeMap<(Day, Reporter), Sum>,
    /// Failed sessions, by day and by what failed.
    results: BTreeMap<(Day, &'static str), u64>,
    addresses: BTreeMap<String, IpAddr>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    successful: u64,
    failed: u64,
}

/// Numbers held beside each other.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// The large ones: where it stands, what the lab knows, what the page says.
    pub(super) rows: Vec<(String, u64, Option<u64>)>,
    /// How many were compared, the rows included.
    pub(super) numbers: usize,
    /// What differs.
    pub(super) differing: Vec<String>,
}

impl Account {
    /// Counts sessions that took place.
    pub(super) fn add(&mut self, sessions: &[Sessions]) {
        for one in sessions {
            self.count(one.at, one.reporter, one.failure, one.count);
            self.addresses.insert(one.mx.clone(), one.receiving_ip);
        }
    }

    /// Counts visits that Postfix paid to MX hosts on a day, as the hosts saw them.
    pub(super) fn add_visits(&mut self, of: Reporter, at: i64, visits: &[Visit]) {
        for visit in visits {
            self.count(at, of, failure(visit), 1);
            self.addresses.insert(visit.host.clone(), visit.address);
        }
    }

    fn count(&mut self, at: i64, of: Reporter, failure: Option<&'static str>, count: u64) {
        let day = Day::new(at.div_euclid(SECONDS));
        let sum = self.sums.entry((day, of)).or_default();
        match failure {
            None => sum.successful += count,
            Some(failure) => {
                sum.failed += count;
                *self.results.entry((day, failure)).or_default() += count;
            }
        }
    }

    /// Where a host was met.
    pub(super) fn address(&self, host: &str) -> Option<IpAddr> {
        self.addresses.get(host).copied()
    }

    /// Asks the pages for each number. Each reporter has reported once on each day on which it sent.
    pub(super) async fn compare(&self, pages: Pages) -> Result<Comparison, Failure> {
        let mut compared = Comparison::default();
        let domain = pages.domain().await?;
        let since = text(&domain, "since").to_owned();
        let shown = |day: &Day| day.to_string() >= since;
        let all = self.sum(shown);
        compared.three("the domain’s page", all, &domain);
        let home = pages.data("/api/v1/domains").await?;
        let row = find(&home, "domains", |row| text(row, "domain") == DOMAIN);
        compared.three("the first page", all, &row);
        self.compare_days(&domain, shown, &mut compared);
        self.compare_reporters(&domain, shown, &mut compared);
        self.compare_failures(&domain, shown, &mut compared);
        compared.three("the list of reports", self.sum(|_| true), &listed(pages).await?);
        compare_words(&pages.html().await?, all, &mut compared);
        Ok(compared)
    }

    fn compare_days(
        &self,
        domain: &Value,
        shown: impl Fn(&Day) -> bool,
        compared: &mut Comparison,
    ) {
        let days: BTreeSet<Day> = self.sums.keys().map(|(day, _)| *day).filter(shown).collect();
        for day in &days {
            let row = find(domain, "days", |row| text(row, "day") == day.to_string());
            compared.sums(&day.to_string(), self.sum(|other| other == day), &row);
        }
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let said = count(rows(domain, "days").count());
        compared.number("days with reports", count(days.len()), Some(said));
    }

    fn compare_reporters(
        &self,
        domain: &Value,
        shown: impl Fn(&Day) -> bool,
        compared: &mut Comparison,
    ) {
        for reporter in Reporter::ALL {
            let days = self.sums.iter().filter(|((day, of), _)| *of == reporter && shown(day));
            let days: Vec<(Day, Sum)> = days.map(|((day, _), sum)| (*day, *sum)).collect();
            if days.is_empty() {
                continue;
            }
            let name = reporter.domain();
            let row = find(domain, "reporters", |row| text(row, "signer") == name);
            compared.three(
                &format!("as {name} tells"),
                total(days.iter().map(|(_, sum)| *sum)),
                &row,
            );
            for (day, sum) in days {
                let shown = find(&row, "days", |row| text(row, "day") == day.to_string());
                compared.sums(&format!("{name} on {day}"), (1, sum), &shown);
            }
        }
    }

    fn compare_failures(
        &self,
        domain: &Value,
        shown: impl Fn(&Day) -> bool,
        compared: &mut Comparison,
    ) {
        let mut results: BTreeMap<&str, u64> = BTreeMap::new();
        for ((_, result), count) in self.results.iter().filter(|((day, _), _)| shown(day)) {
            *results.entry(result).or_default() += count;
        }
        for (result, count) in results {
            let groups =
                rows(domain, "failures").filter(|group| text(group, "result_type") == result);
            let said = groups.filter_map(|group| group.get("sessions")?.as_u64()).sum();
            compared.row(format!("{result}, explained"), count, Some(said));
        }
    }

    /// Reports and sessions of some days.
    fn sum(&self, of: impl Fn(&Day) -> bool) -> (u64, Sum) {
        total(self.sums.iter().filter(|((day, _), _)| of(day)).map(|(_, sum)| *sum))
    }
}

impl Comparison {
    fn row(&mut self, what: String, known: u64, said: Option<u64>) {
        self.numbers += 1;
        if said != Some(known) {
            self.differing.push(format!("{what}: {known}, and the pages say {said:?}"));
        }
        self.rows.push((what, known, said));
    }

    fn three(&mut self, place: &str, (reports, sum): (u64, Sum), said: &Value) {
        self.row(format!("{place}: reports"), reports, said.get("reports").and_then(Value::as_u64));
        self.row(format!("{place}: went well"), sum.successful, exact(said, "successful"));
        self.row(format!("{place}: failed"), sum.failed, exact(said, "failed"));
    }

    fn sums(&mut self, place: &str, (reports, sum): (u64, Sum), said: &Value) {
        self.number(place, reports, said.get("reports").and_then(Value::as_u64));
        self.number(place, sum.successful, exact(said, "successful"));
        self.number(place, sum.failed, exact(said, "failed"));
    }

    fn number(&mut self, place: &str, known: u64, said: Option<u64>) {
        self.numbers += 1;
        if said != Some(known) {
            self.differing.push(format!("{place}: {known}, and the pages say {said:?}"));
        }
    }
}

/// Why a visit of Postfix did not come to mail, in the words of RFC 8460 §4.3. A certificate that is only
/// shown to be refused is, on the tour, the one that the attacker has signed himself: others call that
/// `certificate-not-trusted`, and Postfix a validation failure, for the reason `self-signed_certificate`.
pub(super) fn failure(visit: &Visit) -> Option<&'static str> {
    match (visit.taken, &visit.tls) {
        (0, None) => Some("starttls-not-supported"),
        (0, Some(_)) => Some("validation-failure"),
        _ => None,
    }
}

/// How many, and their sum.
fn total(sums: impl Iterator<Item = Sum>) -> (u64, Sum) {
    sums.fold((0, Sum::default()), |(count, all), sum| {
        let successful = all.successful + sum.successful;
        (count + 1, Sum { successful, failed: all.failed + sum.failed })
    })
}

/// Every report of the list, added up.
async fn listed(pages: Pages) -> Result<Value, Failure> {
    let (mut reports, mut successful, mut failed, mut after) = (0_u64, 0_u64, 0_u64, String::new());
    loop {
        let page = pages.data(&format!("/api/v1/reports?domain={DOMAIN}&after={after}")).await?;
        for row in rows(&page, "reports") {
            reports += 1;
            successful += exact(row, "successful").unwrap_or(0);
            failed += exact(row, "failed").unwrap_or(0);
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    let both = |number: u64| serde_json::json!({ "lower": number, "upper": number });
    Ok(serde_json::json!({
        "reports": reports,
        "successful": both(successful),
        "failed": both(failed),
    }))
}

/// What people read.
fn compare_words(html: &str, (reports, sum): (u64, Sum), compared: &mut Comparison) {
    for words in [
        format!("<p>{} reports from", grouped(reports)),
        format!("{} sessions went well", grouped(sum.successful)),
        format!(", {} failed (", grouped(sum.failed)),
    ] {
        compared.numbers += 1;
        if !html.contains(&words) {
            compared.differing.push(format!("the page for people does not say {words:?}"));
        }
    }
}

/// The first of a list of which this holds; null if there is none.
fn find(value: &Value, list: &str, is: impl Fn(&Value) -> bool) -> Value {
    rows(value, list).find(|row| is(row)).cloned().unwrap_or_default()
}

/// A number of which both bounds are the same.
fn exact(value: &Value, member: &str) -> Option<u64> {
    let bounds = value.get(member)?;
    let (lower, upper) = (bounds.get("lower")?.as_u64()?, bounds.get("upper")?.as_u64()?);
    (lower == upper).then_some(upper)
}

/// As the pages write it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let places = digits.char_indices().map(|(place, digit)| {
        let is_group = place > 0 && (digits.len() - place).is_multiple_of(3);
        if is_group { format!("\u{202f}{digit}") } else { digit.to_string() }
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_told() {
        let both = |number: u64| json!({ "lower": number, "upper": number });
        let known = (2, Sum { successful: 10, failed: 1 });
        let said = |successful: Value| json!({ "reports": 2, "successful": successful, "failed": both(1) });
        for (said, differing) in [
            (said(both(10)), 0),
            (said(both(11)), 1),
            (said(json!({ "lower": 9, "upper": 10 })), 1),
            (Value::Null, 3),
        ] {
            let mut compared = Comparison::default();
            compared.three("a page", known, &said);
            compared.sums("a day", known, &said);
            assert_eq!(compared.numbers, 6);
            assert_eq!(compared.differing.len(), 2 * differing, "{said}");
        }
    }

    #[test]
    fn people_read_numbers_in_groups() {
        let known = (12_345, Sum { successful: 1_000, failed: 7 });
        let html =
            "<p>12\u{202f}345 reports from 3, 1\u{202f}000 sessions went well, 7 failed (0.7 %)";
        for (html, differing) in [(html, 0), ("<p>12345 reports from 3, 999 sessions went well", 3)]
        {
            let mut compared = Comparison::default();
            compare_words(html, known, &mut compared);
            assert_eq!(compared.differing.len(), differing, "{html}");
        }
    }
}

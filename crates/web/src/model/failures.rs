//! What failed at a domain, and what it means.

use schemars::JsonSchema;
use sealpost_evidence::traffic::{Bounds, Day};
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FailureRow {
    pub(crate) organisation: String,
    pub(crate) policy_type: String,
    pub(crate) result_type: String,
    pub(crate) mx_host: Option<String>,
    pub(crate) receiving_ip: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) sessions: u64,
    pub(crate) first_day: Day,
    pub(crate) last_day: Day,
    /// The name under which a person accepts it as explained.
    pub(crate) kind: String,
    /// Rows with the same number differ in nothing but the policy, and may be of the same sessions.
    pub(crate) alike: usize,
    /// Nothing fails here but the mails that bring reports, most likely.
    pub(crate) is_echo: bool,
    pub(crate) diagnosis: Diagnosis,
}

/// What it means.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Diagnosis {
    /// The code in the reference of failures.
    pub(crate) code: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) title: &'static str,
    pub(crate) sentence: String,
    pub(crate) grounds: Vec<String>,
    pub(crate) action: String,
}

/// Failures that mean the same, and against which the same is to be done.
#[derive(Debug)]
pub(crate) struct Trouble<'a> {
    pub(crate) remedies: Vec<Remedy<'a>>,
    /// Most sessions first.
    pub(crate) cases: Vec<FailureBlock<'a>>,
}

/// What is to be done against what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remedy<'a> {
    pub(crate) code: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) title: &'static str,
    pub(crate) action: &'a str,
}

/// Cases of one trouble that are shown; the others are behind them.
const SHOWN: usize = 2;

impl<'a> Trouble<'a> {
    /// The first cases.
    pub(crate) fn shown(&self) -> &[FailureBlock<'a>] {
        self.cases.get(..SHOWN).unwrap_or(&self.cases)
    }

    /// Those behind them.
    pub(crate) fn further(&self) -> &[FailureBlock<'a>] {
        self.cases.get(SHOWN..).unwrap_or_default()
    }
}

pub(super) fn troubles(rows: &[FailureRow]) -> Vec<Trouble<'_>> {
    let mut troubles: Vec<Trouble<'_>> = Vec::new();
    for case in blocks(rows) {
        let remedies = case.remedies();
        match troubles.iter_mut().find(|trouble| trouble.remedies == remedies) {
            Some(trouble) => trouble.cases.push(case),
            None => troubles.push(Trouble { remedies, cases: vec![case] }),
        }
    }
    troubles
}

fn blocks(rows: &[FailureRow]) -> Vec<FailureBlock<'_>> {
    let mut blocks: Vec<FailureBlock<'_>> = Vec::new();
    for row in rows {
        match blocks.iter_mut().find(|block| block.first.alike == row.alike) {
            Some(block) => block.add(row),
            None => blocks.push(FailureBlock::of(row)),
        }
    }
    blocks
}

/// Failures that differ in nothing but the policy.
#[derive(Debug)]
pub(crate) struct FailureBlock<'a> {
    pub(crate) first: &'a FailureRow,
    /// All of them.
    pub(crate) rows: Vec<&'a FailureRow>,
    pub(crate) sessions: Bounds,
    pub(crate) first_day: Day,
    pub(crate) last_day: Day,
}

impl<'a> FailureBlock<'a> {
    fn of(row: &'a FailureRow) -> Self {
        let FailureRow { sessions, first_day, last_day, .. } = *row;
        let sessions = Bounds::exactly(sessions);
        Self { first: row, rows: vec![row], sessions, first_day, last_day }
    }

    /// Adds a row of the same reporter.
    fn add(&mut self, row: &'a FailureRow) {
        self.rows.push(row);
        self.sessions.lower = self.sessions.lower.max(row.sessions);
        self.sessions.upper = self.sessions.upper.saturating_add(row.sessions);
        self.first_day = self.first_day.min(row.first_day);
        self.last_day = self.last_day.max(row.last_day);
    }

    /// Each thing that is to be done, once.
    fn remedies(&self) -> Vec<Remedy<'a>> {
        let mut remedies = Vec::new();
        for Diagnosis { code, severity, title, action, .. } in self.meanings() {
            let remedy = Remedy { code, severity, title, action };
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        remedies
    }

    /// Those of which each means something else: that may hang on the policy.
    pub(crate) fn meanings(&self) -> Vec<&'a Diagnosis> {
        let mut meanings: Vec<&Diagnosis> = Vec::new();
        for row in &self.rows {
            if !meanings.contains(&&row.diagnosis) {
                meanings.push(&row.diagnosis);
            }
        }
        meanings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(alike: usize, policy_type: &str, sessions: u64, action: &str) -> FailureRow {
        FailureRow {
            organisation: "Reporter".to_owned(),
            policy_type: policy_type.to_owned(),
            result_type: "starttls-not-supported".to_owned(),
            mx_host: None,
            receiving_ip: None,
            reason: None,
            sessions,
            first_day: Day::new(7),
            last_day: Day::new(if policy_type == "sts" { 8 } else { 9 }),
            kind: format!("{policy_type}/starttls-not-supported/-"),
            alike,
            is_echo: false,
            diagnosis: Diagnosis {
                code: "FAIL101",
                severity: "error",
                title: "no STARTTLS",
                sentence: "It is not offered.".to_owned(),
                grounds: Vec::new(),
                action: action.to_owned(),
            },
        }
    }

    #[test]
    fn failures_that_only_the_policy_tells_apart_are_one_block() {
        let rows = [
            row(0, "sts", 4, "switch it on"),
            row(1, "sts", 3, "switch it on"),
            row(0, "tlsa", 4, "switch it on"),
            row(1, "tlsa", 5, "mend the record"),
        ];
        let blocks = blocks(&rows);
        let told: Vec<_> = blocks
            .iter()
            .map(|block| (block.rows.len(), block.sessions, block.meanings().len()))
            .collect();
        let expected =
            [(2, Bounds { lower: 4, upper: 8 }, 1), (2, Bounds { lower: 5, upper: 8 }, 2)];
        assert_eq!(told, expected);
        let days = (blocks[0].first_day, blocks[0].last_day);
        assert_eq!(days, (Day::new(7), Day::new(9)));
    }

    #[test]
    fn what_asks_for_the_same_stands_together() {
        let elsewhere = |row: FailureRow| FailureRow {
            diagnosis: Diagnosis { sentence: "At another host.".to_owned(), ..row.diagnosis },
            ..row
        };
        let rows = [
            row(0, "sts", 9, "switch it on"),
            row(1, "sts", 8, "mend the record"),
            elsewhere(row(2, "sts", 7, "switch it on")),
            row(3, "sts", 6, "switch it on"),
        ];
        let troubles = troubles(&rows);
        let told: Vec<_> = troubles
            .iter()
            .map(|trouble| {
                let sessions = |case: &FailureBlock<'_>| case.sessions.upper;
                let actions: Vec<&str> =
                    trouble.remedies.iter().map(|remedy| remedy.action).collect();
                let shown: Vec<u64> = trouble.shown().iter().map(sessions).collect();
                let further: Vec<u64> = trouble.further().iter().map(sessions).collect();
                (actions, shown, further)
            })
            .collect();
        let expected = [
            (vec!["switch it on"], vec![9, 7], vec![6]),
            (vec!["mend the record"], vec![8], Vec::new()),
        ];
        assert_eq!(told, expected);
    }
}

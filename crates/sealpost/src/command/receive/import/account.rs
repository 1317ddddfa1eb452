//! What became of everything, for people and for programs.

use std::collections::BTreeMap;

use sealpost_evidence::traffic::Trust;
use sealpost_receive::{Arrived, Taken, unverified_in_words};
use sealpost_store::{RawState, reports::Accepted};
use serde::Serialize;

use super::feed::Left;
use crate::outcome::Outcome;
use crate::output::Output;

/// Submissions that are named when they could not be read; the others are only counted.
const NAMED: u64 = 20;

/// What became of what was to be taken in.
#[derive(Debug, Default, Serialize)]
pub(in crate::command::receive) struct Account {
    /// Mails and files that were taken in.
    pub(in crate::command::receive) submissions: u64,
    /// Those of them that had not come before.
    pub(in crate::command::receive) new: u64,
    /// Those that had come before, and were not counted again.
    pub(in crate::command::receive) duplicate: u64,
    /// What was in those that were read; each policy domain of a report by itself.
    pub(in crate::command::receive) reports: Reports,
    /// What could not be read and is kept apart, by the reason.
    pub(in crate::command::receive) quarantined: BTreeMap<String, u64>,
    /// Submissions with a signature whose key could not be looked up.
    pub(in crate::command::receive) undecided: u64,
    /// Files and messages that were left where they are: they cannot be read from the disk, or are
    /// too long.
    pub(in crate::command::receive) left: u64,
    /// Files in folders that look like no report.
    pub(in crate::command::receive) passed_over: u64,
    #[serde(skip)]
    named: u64,
}

/// What became of reports.
#[derive(Debug, Default, Serialize)]
pub(in crate::command::receive) struct Reports {
    pub(in crate::command::receive) new: u64,
    pub(in crate::command::receive) duplicate: u64,
    pub(in crate::command::receive) revision: u64,
    /// Those, of all the above, that nobody vouches for.
    pub(in crate::command::receive) unverified: u64,
    /// The same by the reason why.
    pub(in crate::command::receive) unverified_because: BTreeMap<String, u64>,
}

impl Account {
    pub(in crate::command::receive) fn add(
        &mut self,
        arrived: &Arrived,
        name: &str,
        output: &mut Output,
    ) {
        count(&mut self.submissions);
        count(if arrived.stored.before.is_none() { &mut self.new } else { &mut self.duplicate });
        let Some(taken) = &arrived.taken else { return };
        self.add_taken(taken, name, output);
    }

    /// Counts what was read again, which had come before.
    pub(in crate::command::receive) fn add_again(
        &mut self,
        taken: &Taken,
        name: &str,
        output: &mut Output,
    ) {
        count(&mut self.submissions);
        count(&mut self.duplicate);
        self.add_taken(taken, name, output);
    }

    /// Counts what came for the first time.
    pub(super) fn add_first(&mut self, taken: &Taken, name: &str, output: &mut Output) {
        count(&mut self.submissions);
        count(&mut self.new);
        self.add_taken(taken, name, output);
    }

    /// Counts what had come before and has nothing new to say.
    pub(super) fn add_known(&mut self) {
        count(&mut self.submissions);
        count(&mut self.duplicate);
    }

    /// Counts mails that are too long, and were left.
    pub(super) fn leave_more(&mut self, mails: u64) {
        self.left = self.left.saturating_add(mails);
    }

    fn add_taken(&mut self, taken: &Taken, name: &str, output: &mut Output) {
        for accepted in &taken.accepted {
            count(match accepted {
                Accepted::New(_) => &mut self.reports.new,
                Accepted::Duplicate(_) => &mut self.reports.duplicate,
                Accepted::Revision(_) => &mut self.reports.revision,
            });
        }
        for trust in &taken.trusts {
            if let Trust::Unverified { reason } = trust {
                count(&mut self.reports.unverified);
                // The reasons are ours, and few.
                count(self.reports.unverified_because.entry(reason.clone()).or_default());
            }
        }
        match &taken.state {
            RawState::New => count(&mut self.undecided),
            RawState::Quarantined { reason } => {
                count(self.quarantined.entry(reason.clone()).or_default());
                self.name(name, &format!("kept apart: {reason}"), output);
            }
            RawState::Read | RawState::Refused { .. } => {}
        }
    }

    pub(super) fn leave(&mut self, left: &Left, output: &mut Output) {
        count(&mut self.left);
        self.name(&left.name, &left.reason, output);
    }

    pub(in crate::command::receive) fn pass_over(&mut self, files: u64) {
        self.passed_over = self.passed_over.saturating_add(files);
    }

    pub(in crate::command::receive) fn outcome(&self) -> Outcome {
        if !self.quarantined.is_empty() || self.left > 0 {
            Outcome::Findings
        } else if self.undecided > 0 {
            Outcome::Unknown
        } else {
            Outcome::Clean
        }
    }

    fn name(&mut self, name: &str, what: &str, output: &mut Output) {
        count(&mut self.named);
        if self.named <= NAMED {
            output.progress("");
            output.say(&crate::outcome::without_controls(&format!("{name}: {what}")));
        }
    }

    /// For people, line by line.
    pub(in crate::command::receive) fn lines(&self) -> Vec<String> {
        let Reports { new, duplicate, revision, unverified, unverified_because } = &self.reports;
        let mut lines = vec![
            format!("mails and files: {}", self.submissions),
            format!("  new           {}", self.new),
            format!("  came before   {}", self.duplicate),
            "reports, by policy domain:".to_owned(),
            format!("  new           {new}"),
            format!("  came before   {duplicate}"),
            format!("  revisions     {revision}"),
        ];
        let mut more = |count: u64, text: String| {
            if count != 0 {
                lines.push(text);
            }
        };
        more(*unverified, format!("  unverified    {unverified} of these: they count for nothing"));
        for (reason, count) in unverified_because {
            let words = unverified_in_words(reason).unwrap_or(reason);
            more(*count, format!("    {count:>7}  {words}"));
        }
        let quarantined = self.quarantined.values().fold(0_u64, |sum, n| sum.saturating_add(*n));
        more(quarantined, format!("kept apart, to be read by a later version: {quarantined}"));
        for (reason, count) in &self.quarantined {
            more(*count, format!("  {reason}: {count}"));
        }
        let undecided = self.undecided;
        more(
            undecided,
            format!("their keys could not be looked up, `reparse` tries again: {undecided}"),
        );
        more(self.left, format!("left where they are: {}", self.left));
        let passed_over = self.passed_over;
        more(passed_over, format!("looked like no report, and were passed over: {passed_over}"));
        lines
    }
}

fn count(number: &mut u64) {
    *number = number.saturating_add(1);
}

//! What the records at `_mta-sts.` and `_smtp._tls.` have in common: of several TXT records one
//! must remain after the others are discarded (RFC 8461 §3.1, RFC 8460 §3).

use sealpost_evidence::{Lookup, Octets, TextRecord};

use super::{Context, Findings};
use crate::{Finding, Place, Quoted, Rule, Subject};

/// How one kind of record is judged.
pub(super) struct TxtJudge<'a> {
    pub(super) place: Place,
    pub(super) name: &'a str,
    /// What a record must begin with.
    pub(super) prefix: &'static str,
    pub(super) unknown: &'static Rule,
    pub(super) several: &'static Rule,
    pub(super) foreign: &'static Rule,
    pub(super) version: &'static Rule,
    pub(super) delegated: &'static Rule,
    pub(super) select: fn(&[Octets]) -> Selected,
    /// The findings on the text of one record.
    pub(super) read: &'a dyn Fn(&[u8], &Subject) -> Vec<Finding>,
}

/// The outcome of the selection rule of `mta-sts` or `tls-rpt`.
pub(super) enum Selected {
    One(usize),
    None { near_misses: Vec<usize> },
    Several(Vec<usize>),
}

/// What is left after discarding.
pub(super) enum Remaining {
    /// The look-up failed.
    Unknown,
    /// There is none, nor anything like one.
    None,
    /// There is an attempt at a record, or there are several: senders act as if there were none.
    Discarded,
    /// This record, valid or not.
    One(Octets),
}

impl TxtJudge<'_> {
    pub(super) fn judge(
        &self,
        context: &Context<'_>,
        lookup: &Lookup<Vec<TextRecord>>,
        findings: &mut Findings,
    ) -> Remaining {
        let found = match lookup {
            Lookup::Unknown(fault) => {
                let (rule, message) = context.failed(self.unknown, "TXT", fault);
                findings.push(self.finding(context, rule, message));
                return Remaining::Unknown;
            }
            Lookup::Absent(_) => return Remaining::None,
            Lookup::Found(found) => found,
        };
        if let Some(target) = found.aliases.last() {
            let message = format!("it is an alias of {}", Quoted(target));
            findings.push(self.finding(context, self.delegated, message));
        }
        let texts: Vec<Octets> = found.value.iter().map(TextRecord::text).collect();
        match (self.select)(&texts) {
            Selected::One(index) => {
                self.note_foreign(context, &texts, index, findings);
                let text = texts.get(index).cloned().unwrap_or_default();
                findings.extend(self.read(context, &text));
                Remaining::One(text)
            }
            Selected::None { near_misses } => {
                let Some(text) = near_misses.first().and_then(|index| texts.get(*index)) else {
                    return Remaining::None;
                };
                let read = self.read(context, text);
                let names_the_version = read.iter().any(|finding| finding.rule == self.version);
                findings.extend(read);
                if !names_the_version {
                    let message = format!(
                        "among several TXT records one without the exact beginning \"{}\" is \
                         discarded",
                        self.prefix
                    );
                    findings.push(self.finding(context, self.version, message));
                }
                Remaining::Discarded
            }
            Selected::Several(indices) => {
                let message = format!("{} records begin with \"{}\"", indices.len(), self.prefix);
                findings.push(self.finding(context, self.several, message));
                Remaining::Discarded
            }
        }
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::new(self.place, self.name)
    }

    pub(super) fn finding(
        &self,
        context: &Context<'_>,
        rule: &'static Rule,
        message: impl Into<String>,
    ) -> Finding {
        Finding::new(rule, self.subject(), message)
            .command(Some(context.commands.dig("TXT", self.name)))
    }

    fn read(&self, context: &Context<'_>, text: &Octets) -> Vec<Finding> {
        let command = context.commands.dig("TXT", self.name);
        let read = (self.read)(text.as_slice(), &self.subject());
        read.into_iter().map(|finding| finding.command(Some(command.clone()))).collect()
    }

    fn note_foreign(
        &self,
        context: &Context<'_>,
        texts: &[Octets],
        ours: usize,
        findings: &mut Findings,
    ) {
        let mut others = texts.iter().enumerate().filter(|(index, _)| *index != ours);
        if let Some((_, example)) = others.next() {
            let count = others.count() + 1;
            let message = format!(
                "{count} more TXT record{} at this name, such as {}",
                if count == 1 { "" } else { "s" },
                Quoted(&example.to_text())
            );
            findings.push(self.finding(context, self.foreign, message));
        }
    }
}

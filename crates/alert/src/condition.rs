//! What is true now, as far as that is known.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::incident::{Basis, Urgency};
use sealpost_rules::incidents::IncidentCause;
use sealpost_store::incidents::{LONGEST_SUBJECT, LONGEST_TEXT, MOST_GROUNDS};

/// Something that is not as it should be, now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it is.
    pub cause: &'static IncidentCause,
    /// Of which domain.
    pub domain: DomainName,
    /// An MX host, a reporter; empty for the domain itself.
    pub subject: String,
    /// What speaks for it.
    pub basis: Basis,
    /// It presses no more than this.
    pub at_most: Urgency,
    /// It presses no less than this.
    pub at_least: Urgency,
    /// What was seen, in a sentence.
    pub summary: String,
    /// What speaks for it, a text each.
    pub grounds: Vec<String>,
    /// When a look of our own found it last, where nothing else speaks for it: until another look
    /// finds it too, it may have been a moment.
    pub seen_at: Option<i64>,
}

/// What makes two conditions the same.
pub(crate) type Key<'a> = (&'a str, &'a DomainName, &'a str);

/// Where conditions are known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The roll-outs: stages, what is served, what waits. The store says it, whatever the DNS does.
    Rollouts,
    /// The looks of the passes over roll-outs.
    Passes,
    /// The looks of our own at every domain.
    Looks,
    /// The certificates of policy hosts, and what stands in the way of new ones.
    Certificates,
    /// Reports that somebody vouches for.
    Reports,
    /// The exceptions of the operator.
    Exceptions,
}

/// What is true now, and of what that is known.
#[derive(Clone, Debug, Default)]
pub struct Look {
    conditions: Vec<Condition>,
    /// Sources that have looked at everything, but for these domains.
    whole: BTreeMap<Source, BTreeSet<DomainName>>,
    /// Domains that a source does not look at any more.
    let_go: BTreeSet<DomainName>,
}

/// What the sources said last. What a source could not tell stays as it was.
#[derive(Debug, Default)]
pub struct Board {
    held: BTreeMap<(Source, DomainName), Vec<Condition>>,
    unknown: BTreeSet<(Source, DomainName)>,
    let_go: BTreeSet<(Source, DomainName)>,
    whole: BTreeSet<Source>,
}

impl Condition {
    /// One that presses as its cause says.
    pub fn new(
        cause: &'static IncidentCause,
        domain: &DomainName,
        basis: Basis,
        summary: impl AsRef<str>,
    ) -> Self {
        Self {
            cause,
            domain: domain.clone(),
            subject: String::new(),
            basis,
            at_most: Urgency::Critical,
            at_least: Urgency::Note,
            summary: line(summary.as_ref()),
            grounds: Vec::new(),
            seen_at: None,
        }
    }

    /// A look found it at this time.
    #[must_use]
    pub fn seen_at(self, at: i64) -> Self {
        Self { seen_at: Some(at), ..self }
    }

    /// About this.
    #[must_use]
    pub fn about(mut self, subject: impl AsRef<str>) -> Self {
        self.subject = line(subject.as_ref()).chars().take(LONGEST_SUBJECT).collect();
        self
    }

    /// With these grounds.
    #[must_use]
    pub fn grounds(mut self, grounds: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.grounds.extend(grounds.into_iter().map(|ground| line(ground.as_ref())));
        self.grounds.truncate(MOST_GROUNDS);
        self
    }

    /// It presses no more than this.
    #[must_use]
    pub fn at_most(self, urgency: Urgency) -> Self {
        Self { at_most: urgency, ..self }
    }

    /// It presses no less than this.
    #[must_use]
    pub fn at_least(self, urgency: Urgency) -> Self {
        Self { at_least: urgency, ..self }
    }

    /// How much it presses.
    pub fn urgency(&self) -> Urgency {
        self.cause.urgency(self.basis).min(self.at_most).max(self.at_least)
    }

    pub(crate) fn key(&self) -> Key<'_> {
        (self.cause.code, &self.domain, &self.subject)
    }

    /// Puts another of the same key to it.
    fn join(&mut self, other: Self) {
        self.basis = self.basis.with(other.basis);
        self.seen_at = self.seen_at.zip(other.seen_at).map(|(one, other)| one.max(other));
        self.at_most = self.at_most.min(other.at_most);
        self.at_least = self.at_least.max(other.at_least);
        if other.summary != self.summary {
            self.grounds.insert(0, other.summary);
        }
        for ground in other.grounds {
            if !self.grounds.contains(&ground) {
                self.grounds.push(ground);
            }
        }
        self.grounds.truncate(MOST_GROUNDS);
    }
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Rollouts,
        Self::Passes,
        Self::Looks,
        Self::Certificates,
        Self::Reports,
        Self::Exceptions,
    ];

    /// Whether it may tell of this cause.
    pub fn tells_of(self, code: &str) -> bool {
        match self {
            Self::Rollouts => code.starts_with("INC5") || matches!(code, "INC202" | "INC303"),
            Self::Passes => code.starts_with("INC1") || matches!(code, "INC201" | "INC203"),
            Self::Looks => {
                code.starts_with("INC1")
                    || matches!(code, "INC201" | "INC202" | "INC203" | "INC301")
            }
            Self::Certificates => matches!(code, "INC301" | "INC302"),
            Self::Reports => {
                code.starts_with("INC1") || code.starts_with("INC4") || code == "INC201"
            }
            Self::Exceptions => code.starts_with("INC6"),
        }
    }
}

impl Look {
    /// These are true, and everything is known.
    pub fn whole(conditions: Vec<Condition>) -> Self {
        let whole = Source::ALL.into_iter().map(|source| (source, BTreeSet::new())).collect();
        Self { conditions: merged(conditions), whole, let_go: BTreeSet::new() }
    }

    /// What is true: one of each cause, domain and subject.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Whether a source does not look at this domain any more.
    pub fn has_let_go(&self, domain: &DomainName) -> bool {
        self.let_go.contains(domain)
    }

    /// Whether what is not among the conditions is known not to be true.
    pub fn knows(&self, code: &str, domain: &DomainName) -> bool {
        let mut sources = Source::ALL.into_iter().filter(|source| source.tells_of(code)).peekable();
        sources.peek().is_some()
            && sources.all(|source| {
                self.whole.get(&source).is_some_and(|unknown| !unknown.contains(domain))
            })
    }
}

impl Board {
    /// A source has looked at a domain.
    pub fn put(&mut self, source: Source, domain: &DomainName, conditions: Vec<Condition>) {
        let key = (source, domain.clone());
        self.unknown.remove(&key);
        self.let_go.remove(&key);
        if conditions.is_empty() {
            self.held.remove(&key);
        } else {
            self.held.insert(key, conditions);
        }
    }

    /// A source could not tell how a domain is: what it said before stays.
    pub fn cannot_tell(&mut self, source: Source, domain: &DomainName) {
        let key = (source, domain.clone());
        self.let_go.remove(&key);
        self.unknown.insert(key);
    }

    /// A source does not look at a domain any more: what it said is over.
    pub fn let_go(&mut self, source: Source, domain: &DomainName) {
        let key = (source, domain.clone());
        self.held.remove(&key);
        self.unknown.remove(&key);
        self.let_go.insert(key);
    }

    /// A source has looked at all that there is, and that is these domains.
    pub fn complete(&mut self, source: Source, domains: &BTreeSet<DomainName>) {
        self.whole.insert(source);
        self.held.retain(|(of, domain), _| *of != source || domains.contains(domain));
        self.unknown.retain(|(of, domain)| *of != source || domains.contains(domain));
        self.let_go.retain(|(of, domain)| *of != source || domains.contains(domain));
    }

    /// A source has failed as a whole: what it said before stays, and is not known any more.
    pub fn failed(&mut self, source: Source) {
        self.whole.remove(&source);
    }

    /// What is true now.
    pub fn look(&self) -> Look {
        let conditions = self.held.values().flatten().cloned().collect();
        let mut whole: BTreeMap<Source, BTreeSet<DomainName>> =
            self.whole.iter().map(|source| (*source, BTreeSet::new())).collect();
        for (source, domain) in &self.unknown {
            if let Some(unknown) = whole.get_mut(source) {
                unknown.insert(domain.clone());
            }
        }
        let let_go = self.let_go.iter().map(|(_, domain)| domain.clone()).collect();
        Look { conditions: merged(conditions), whole, let_go }
    }
}

/// One of each key.
fn merged(conditions: Vec<Condition>) -> Vec<Condition> {
    let mut merged: BTreeMap<(&'static str, DomainName, String), Condition> = BTreeMap::new();
    for condition in conditions {
        let key = (condition.cause.code, condition.domain.clone(), condition.subject.clone());
        match merged.get_mut(&key) {
            Some(one) => one.join(condition),
            None => {
                merged.insert(key, condition);
            }
        }
    }
    merged.into_values().collect()
}

/// Text that may come from outside, in one line, without characters that do something.
pub(crate) fn line(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown = |c: char| if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(LONGEST_TEXT).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use sealpost_rules::incidents::{INC101, INC302};

    use super::*;

    fn domain(name: &str) -> DomainName {
        name.parse().unwrap()
    }

    #[test]
    fn what_two_sources_say_weighs_more() {
        let of = domain("example.com");
        let one = |basis| Condition::new(&INC101, &of, basis, "it fails").about("mx1.example.com");
        assert_eq!(one(Basis::Reports).urgency(), Urgency::Warning);
        let mut board = Board::default();
        board.put(Source::Rollouts, &of, vec![one(Basis::Look).at_most(Urgency::Warning)]);
        board.put(Source::Reports, &of, vec![one(Basis::Reports)]);
        let look = board.look();
        let [joined] = look.conditions() else { panic!("{look:?}") };
        assert_eq!(joined.basis, Basis::Both);
        assert_eq!(joined.urgency(), Urgency::Warning, "the policy is in testing");
        board.put(Source::Rollouts, &of, vec![one(Basis::Look)]);
        assert_eq!(board.look().conditions()[0].urgency(), Urgency::Critical);
    }

    #[test]
    fn what_could_not_be_told_is_not_gone() {
        let (one, other) = (domain("one.example"), domain("two.example"));
        let mut board = Board::default();
        assert!(!board.look().knows("INC302", &one), "nothing was looked at yet");
        board.complete(Source::Certificates, &BTreeSet::from([one.clone(), other.clone()]));
        assert!(board.look().knows("INC302", &one));
        assert!(!board.look().knows("INC101", &one), "others tell of that");
        assert!(!board.look().knows("INC999", &one), "nobody tells of that");

        let found = Condition::new(&INC302, &one, Basis::Look, "soon");
        board.put(Source::Certificates, &one, vec![found]);
        board.cannot_tell(Source::Certificates, &one);
        assert_eq!(board.look().conditions().len(), 1, "it stays");
        assert!(!board.look().knows("INC302", &one));
        assert!(board.look().knows("INC302", &other));
        board.put(Source::Certificates, &one, Vec::new());
        assert!(board.look().conditions().is_empty() && board.look().knows("INC302", &one));
        board.failed(Source::Certificates);
        assert!(!board.look().knows("INC302", &other));
    }

    #[test]
    fn what_nobody_looks_at_any_more_is_known_to_be_over() {
        let one = domain("one.example");
        let mut board = Board::default();
        board.put(
            Source::Certificates,
            &one,
            vec![Condition::new(&INC302, &one, Basis::Look, "soon")],
        );
        board.complete(Source::Certificates, &BTreeSet::from([one.clone()]));
        board.let_go(Source::Certificates, &one);
        let look = board.look();
        assert!(
            look.conditions().is_empty() && look.knows("INC302", &one) && look.has_let_go(&one)
        );
        board.cannot_tell(Source::Certificates, &one);
        assert!(!board.look().knows("INC302", &one) && !board.look().has_let_go(&one));
        board.let_go(Source::Certificates, &one);
        board.put(Source::Certificates, &one, Vec::new());
        assert!(board.look().knows("INC302", &one) && !board.look().has_let_go(&one));
    }

    /// A report that tells of it too is no moment.
    #[test]
    fn it_may_be_a_moment_if_only_looks_speak_for_it() {
        let of = domain("example.com");
        let one = |basis| Condition::new(&INC101, &of, basis, "it fails");
        let joined = |conditions: Vec<Condition>| {
            let [one] = &merged(conditions)[..] else { panic!() };
            one.seen_at
        };
        let (early, late) = (one(Basis::Look).seen_at(5), one(Basis::Look).seen_at(7));
        assert_eq!(joined(vec![early.clone(), late]), Some(7));
        assert_eq!(joined(vec![early, one(Basis::Reports)]), None);
    }

    #[test]
    fn what_strangers_write_stays_in_its_line() {
        assert_eq!(line("a\r\nBcc: b\u{202e}\u{2028}"), "a\u{fffd}\u{fffd}Bcc: b\u{fffd}\u{fffd}");
    }
}

//! What was done with a domain, row by row, and how that reads.

use std::fmt::{self, Write as _};

use mta_sts::Policy;
use serde::{Deserialize, Serialize};

use crate::{Cause, Mark, Move, Stage, Time};

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Sealpost, by itself.
    Itself,
    /// A person.
    Person(String),
    /// Whoever hosts the policy or keeps the zone: it was seen, not done by us.
    Observed,
}

/// A row of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// Who.
    pub by: Actor,
    /// What.
    pub event: Event,
    /// The evidence, a line each.
    pub grounds: Vec<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The domain moved to another stage.
    Moved {
        /// From.
        from: Stage,
        /// To.
        to: Stage,
        /// Why.
        cause: Cause,
    },
    /// A move was shown to a person.
    Proposed {
        /// From.
        from: Stage,
        /// To.
        to: Stage,
        /// Why.
        cause: Cause,
        /// What the person was told to think of.
        mark: Option<Mark>,
    },
    /// A person stood in for evidence.
    Waived {
        /// The stage that may be left.
        stage: Stage,
    },
    /// A person lives with a kind of failure.
    Accepted {
        /// The kind.
        group: String,
    },
    /// A policy was served for the first time.
    BodyServed {
        /// Its mode and max_age, such as `enforce 604800`.
        terms: String,
    },
    /// An id was announced.
    IdAnnounced {
        /// The id.
        id: String,
    },
    /// A live check was asked for, or came in.
    Checked {
        /// What it found, in a few words.
        verdict: String,
    },
    /// A person said what was served before we knew the domain.
    PastStated {
        /// What.
        statement: String,
    },
    /// A person did what the planner refuses.
    Forced {
        /// What.
        what: String,
    },
    /// Time has passed, or a clock was set, that counts for nothing.
    Uncounted {
        /// What, in a sentence.
        what: String,
    },
    /// The domain was taken over as it was.
    Adopted {
        /// The stage that fits it.
        stage: Stage,
    },
    /// The domain is configured no longer, and senders may hold its policy.
    TakenOut,
    /// It is configured again, and was served all the while.
    TakenBack,
    /// No sender can hold the policy of a domain that was taken out.
    LetGo,
}

impl Event {
    /// This policy is served for the first time; none, or something that is none.
    pub fn of_body(policy: Option<&Policy>) -> Self {
        let terms = policy.map_or_else(
            || "none".to_owned(),
            |policy| format!("{} {}", policy.mode(), policy.max_age()),
        );
        Self::BodyServed { terms }
    }
}

impl Entry {
    /// The row of a move that is made.
    pub fn of_move(at: Time, by: Actor, to: &Move) -> Self {
        let event = Event::Moved { from: to.from, to: to.to, cause: to.cause };
        Self { at, by, event, grounds: to.grounds.clone() }
    }

    /// The row of a move that is proposed.
    pub fn of_proposal(at: Time, to: &Move) -> Self {
        let Move { from, to: stage, cause, mark, grounds } = to;
        let event = Event::Proposed { from: *from, to: *stage, cause: *cause, mark: *mark };
        Self { at, by: Actor::Itself, event, grounds: grounds.clone() }
    }
}

/// The history as people keep a logbook: a line with the time, what was done and by whom, then the
/// evidence, a line each. Rows are shown in the order in which they are given.
pub fn logbook<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut text = String::new();
    for entry in entries {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}{}", entry.at, entry.event, entry.by);
        for ground in &entry.grounds {
            let _ = writeln!(text, "    {}", one_line(ground));
        }
    }
    text
}

/// Grounds may hold what others wrote: no row of the logbook can be made up by them.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

impl fmt::Display for Actor {
    /// As it stands behind an event.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => Ok(()),
            Self::Person(name) => write!(f, ", by {}", one_line(name)),
            Self::Observed => f.write_str(", as observed"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { from, to, cause } => write!(f, "{from} → {to}: {cause}"),
            Self::Proposed { from, to, cause, mark } => {
                write!(f, "proposed {from} → {to}: {cause}")?;
                mark.iter().try_for_each(|mark| write!(f, " ({mark})"))
            }
            Self::Waived { stage } => write!(f, "waved through out of {stage}"),
            Self::Accepted { group } => write!(f, "accepted: {}", one_line(group)),
            Self::BodyServed { terms } => write!(f, "policy served: {}", one_line(terms)),
            Self::IdAnnounced { id } => write!(f, "id announced: {}", one_line(id)),
            Self::Checked { verdict } => write!(f, "live check: {}", one_line(verdict)),
            Self::PastStated { statement } => write!(f, "past stated: {}", one_line(statement)),
            Self::Forced { what } => write!(f, "forced: {}", one_line(what)),
            Self::Uncounted { what } => f.write_str(&one_line(what)),
            Self::Adopted { stage } => write!(f, "taken over as it is, at {stage}"),
            Self::TakenOut => f.write_str("taken out of the configuration"),
            Self::TakenBack => f.write_str("in the configuration again, and served all the while"),
            Self::LetGo => f.write_str("let go: no sender can hold its policy any more"),
        }
    }
}

//! What follows from the facts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Stage, Time};

/// What is to be done with a domain now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Decision {
    /// The move, if there is one.
    pub step: Step,
    /// Every condition of the way on, and how it stands. What does not hold is waited for.
    pub readings: Vec<Reading>,
    /// What others have to do meanwhile.
    pub asks: Vec<Ask>,
    /// When time alone may change the decision; `None` if only events can.
    pub look_again_at: Option<Time>,
}

/// Whether there is a move, and whose it is to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The domain stays where it is.
    Stay,
    /// The move is to be made.
    Go(Move),
    /// The move is to be shown to a person, who may make it.
    Propose(Move),
}

/// A move from one stage to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// From this stage.
    pub from: Stage,
    /// To this one.
    pub to: Stage,
    /// Why.
    pub cause: Cause,
    /// What else a person should know of it.
    pub mark: Option<Mark>,
    /// The evidence, a line each.
    pub grounds: Vec<String>,
}

/// How a domain stands after it was last looked at, for people. It is kept as JSON, with members
/// beside these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outlook {
    /// The move that was proposed, for as long as it still would be.
    pub proposed: Option<Move>,
    /// What the gate waits for.
    pub waits: Vec<String>,
    /// What a person, or a lagging server, has to do.
    pub todo: Vec<String>,
}

/// Why a domain moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The gate is open.
    GateOpen,
    /// The gate is open because a person waved the domain through.
    WavedThrough,
    /// Our own look reproduces a fault on our own MX hosts.
    FaultReproduced,
    /// Reports tell of failures that our own look does not see.
    ReportsAlone,
    /// A person wants it.
    Wished,
    /// The configuration fixes the policy, and with it the stage.
    Configured,
}

/// What a person should think of before making a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Somebody may want enforcement off: failures are reported, and our own hosts are fine.
    PossibleAttack,
}

/// A condition of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// What the stage asks for is live.
    SeenLive,
    /// It has been for long enough.
    Days,
    /// Enough reporters.
    Reporters,
    /// Enough sessions.
    Sessions,
    /// Few failures that are ours.
    FailureShare,
    /// Every kind of failure is explained or accepted.
    FailureGroups,
    /// A recent live check finds nothing wrong.
    LiveCheck,
    /// No sudden rise of failures.
    NoSpike,
    /// Nobody can hold an earlier policy any more.
    CacheHorizon,
}

/// How a condition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It holds.
    Holds,
    /// It does not, and a person's word stands in for it.
    Waived,
    /// It does not.
    Waits,
}

/// One condition, read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Which.
    pub condition: Condition,
    /// How it stands.
    pub state: State,
    /// What is, and what is needed, for people.
    pub text: String,
}

/// Something that others have to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Look at the domain now.
    CheckNow {
        /// Why.
        why: String,
    },
    /// Publish what the stage asks for, or wait until somebody does.
    Publish {
        /// What has to be uploaded or set.
        todo: String,
    },
    /// Look again at what is live: it could not be told.
    Observe,
    /// Show a person the kinds of failures that nobody has explained.
    Explain,
}

impl Decision {
    /// The conditions that do not hold.
    pub fn waits(&self) -> impl Iterator<Item = &Reading> {
        self.readings.iter().filter(|reading| reading.state == State::Waits)
    }

    /// The move, made or proposed.
    pub fn the_move(&self) -> Option<&Move> {
        match &self.step {
            Step::Go(to) | Step::Propose(to) => Some(to),
            Step::Stay => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GateOpen => "every condition holds",
            Self::WavedThrough => "waved through",
            Self::FaultReproduced => "our own check reproduces a fault on our own mail hosts",
            Self::ReportsAlone => "reports tell of failures that our own check does not see",
            Self::Wished => "asked for",
            Self::Configured => "the configuration fixes the mode",
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PossibleAttack => {
                "possible attack: whoever strips STARTTLS, or sends reports, wants enforcement off"
            }
        })
    }
}

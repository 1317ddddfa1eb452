//! What is known of a domain when its next move is considered: plain values. Whoever assembles
//! them has asked the store and the network; here nothing is asked.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use serde::{Deserialize, Serialize};

use crate::{Horizon, Stage, Time};

/// All that a decision rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Now.
    pub now: Time,
    /// The stage that the domain is in.
    pub stage: Stage,
    /// Since when.
    pub entered_at: Time,
    /// Whether what the stage asks for is live.
    pub live: Live,
    /// The last live check; `None` if there was none.
    pub check: Option<Check>,
    /// What reports that count said while the domain was in the stage.
    pub traffic: Traffic,
    /// The kinds of failures that they told of.
    pub groups: Vec<Group>,
    /// A sudden rise of failures that is not over.
    pub spike: Option<Spike>,
    /// What a person wants.
    pub wish: Option<Wish>,
    /// A person's word in place of the evidence that is missing.
    pub waiver: Option<Waiver>,
    /// Until when some sender may hold a policy of ours that is not of mode none.
    pub horizon: Horizon,
    /// The same of the policies that the history knows, with the unknown past left out.
    pub known_horizon: Horizon,
}

/// Whether what the stage asks for was seen live: the records, and the policy on every address of
/// the policy host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Live {
    /// It could not be told.
    Unknown {
        /// Why, in a few words.
        why: String,
    },
    /// Something else is live, or nothing.
    Differs {
        /// What has to be uploaded or set, in a sentence.
        todo: String,
    },
    /// It is, without interruption since this time.
    AsAsked {
        /// Since when.
        since: Time,
    },
}

/// A look of our own at the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When.
    pub at: Time,
    /// What it found.
    pub verdict: CheckVerdict,
}

/// What a look of our own found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[must_use]
pub enum CheckVerdict {
    /// Everything that a policy asks for holds, on every address.
    Green,
    /// Some of it does not.
    Faulty(Vec<Fault>),
    /// It could not be told. That is neither good nor bad.
    Unknown {
        /// Why, in a few words.
        why: String,
    },
}

/// Something that a look of our own found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// At which host.
    pub host: DomainName,
    /// At which of its addresses; `None` if it is not about an address.
    pub address: Option<IpAddr>,
    /// Whose that address is.
    pub owner: Owner,
    /// Of which kind.
    pub kind: FaultKind,
    /// How many looks in a row have seen it, this one included.
    pub looks: u32,
    /// What it is, for people.
    pub text: String,
}

/// Whose an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Ours: the operator named it, or it comes from DNS that is signed or is our own.
    Ours,
    /// Somebody else's.
    Stranger,
    /// That is not known.
    Unknown,
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// STARTTLS, its version or the certificate of an MX host. A policy of mode enforce makes
    /// senders hold mail back because of it.
    MailHost,
    /// An MX host that the policy does not cover. What MX hosts there are is said by DNS, which
    /// others may be able to forge.
    Coverage,
    /// The policy host, or a record. Held policies go on.
    Publication,
}

/// What reports that count said. Where a report can be read in two ways the less favourable number
/// is taken: fewer sessions, more failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Reporters.
    pub reporters: u32,
    /// Sessions since the stage was entered.
    pub sessions: u64,
    /// Sessions in the window.
    pub recent_sessions: u64,
    /// Sessions in the window that failed for a reason that is ours, or that nobody could tell.
    pub recent_ours: u64,
}

/// A kind of failure that reports told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What it is, for people: it comes from reports and has been escaped.
    pub text: String,
    /// How many sessions.
    pub sessions: u64,
    /// What became of it.
    pub state: GroupState,
}

/// What became of a kind of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupState {
    /// Nobody knows what it is.
    Open,
    /// It is known not to be ours, or mended.
    Explained {
        /// By what.
        cause: String,
    },
    /// A person lives with it.
    Accepted {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Until when: then it is open again.
        until: Time,
    },
}

/// A sudden rise of failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spike {
    /// The day of the failures.
    pub day: Day,
    /// When it was noticed.
    pub noticed_at: Time,
    /// Sessions that failed on that day.
    pub failed: u64,
    /// Sessions of that day.
    pub sessions: u64,
}

/// What a person wants of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// To leave MTA-STS.
    Leave {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// To begin again, from where it was left.
    Return {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// To go back to testing.
    Testing {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// A person's word in place of reports. It is for one stage, and says nothing of what a live check
/// sees: nobody can wave a broken MX host through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The stage that may be left.
    pub stage: Stage,
    /// Who says so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When. One from before the stage was entered does not count.
    pub at: Time,
}

impl Check {
    /// The faults that it found.
    pub fn faults(&self) -> &[Fault] {
        match &self.verdict {
            CheckVerdict::Faulty(faults) => faults,
            CheckVerdict::Green | CheckVerdict::Unknown { .. } => &[],
        }
    }
}

impl Fault {
    /// Is it one that only the owner of the domain can have caused: at an MX host, on an address of
    /// our own?
    pub fn is_our_own(&self) -> bool {
        self.kind == FaultKind::MailHost && self.owner == Owner::Ours && self.address.is_some()
    }
}

impl Waiver {
    /// Does it hold for this stage, entered then? A reason must be given.
    pub fn holds(&self, stage: Stage, entered_at: Time) -> bool {
        let has_reason = !self.reason.trim().is_empty() && !self.by.trim().is_empty();
        self.stage == stage && self.at >= entered_at && has_reason
    }
}

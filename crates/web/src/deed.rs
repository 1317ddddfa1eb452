//! What a person wants done with the roll-out of a domain.

use futures_util::future::BoxFuture;
use mail_domain::DomainName;
use sealpost_rollout::Stage;

/// What somebody wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// With which domain.
    pub domain: DomainName,
    /// What.
    pub deed: Deed,
    /// Who, for the logbook.
    pub by: String,
    /// Why, for the logbook.
    pub reason: String,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Move it to another stage.
    Move {
        /// To this one.
        to: Stage,
        /// Though evidence is missing for which a person may stand in.
        force: bool,
    },
    /// Let it leave its stage without the evidence of reports.
    Waive,
    /// Accept kinds of failures as explained.
    Accept {
        /// Such as `sts/certificate-expired/mx2.example.com`.
        groups: Vec<String>,
    },
}

/// What was done, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// What came of it.
    pub said: String,
    /// What was to follow from it at once and did not, and why.
    pub remains: Option<String>,
}

/// Why it was not done, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// Nothing of the domain is published from here.
    Unknown(String),
    /// Not as things are.
    Refused(String),
    /// It failed.
    Failed(String),
}

/// Who does it: what leads the domains on.
pub trait Hands: Send + Sync + 'static {
    /// Whether domains are led on here at all.
    fn are_there(&self) -> bool;

    /// Does it, and says what came of it. It goes on to its end if nobody waits for it.
    fn carry_out(&self, wish: Wish) -> BoxFuture<'static, Result<Carried, Declined>>;
}

impl Deed {
    /// With what it is done, in words.
    pub(crate) fn about(&self) -> String {
        match self {
            Self::Move { to, force: false } => format!("to {to}"),
            Self::Move { to, force: true } => format!("to {to}, though evidence is missing"),
            Self::Waive => String::new(),
            Self::Accept { groups } => groups.join(", "),
        }
    }
}

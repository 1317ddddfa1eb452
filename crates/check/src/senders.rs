//! Who would accept it, as data and for people.

use schemars::JsonSchema;
use sealpost_evidence::Evidence;
use sealpost_rules::senders::{Acceptance, Sender, SentPolicy, acceptances};
use serde::Serialize;

use crate::one_line;

/// What one kind of sender makes of a record, a policy, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SenderReport {
    /// The kind of sender.
    pub sender: Sender,
    /// Does it accept?
    pub accepts: bool,
    /// Why not.
    pub reason: Option<String>,
}

impl SenderReport {
    /// What each kind of sender makes of record and policy as they were seen; empty where there are
    /// none to judge.
    pub fn of(evidence: &Evidence) -> Vec<Self> {
        acceptances(evidence).into_iter().flatten().map(Self::from).collect()
    }

    /// What each kind of sender makes of a policy.
    pub fn of_policy(body: &[u8]) -> Vec<Self> {
        Self::each(|sender| sender.refusal_of_policy(SentPolicy { body, charset: None }))
    }

    /// What each kind of sender makes of a TXT record that is alone.
    pub fn of_record(text: &[u8]) -> Vec<Self> {
        Self::each(|sender| sender.refusal_of_records(&[text]))
    }

    /// A line for each where they differ; nothing where all agree, for then the verdict says it.
    pub fn differences(reports: &[Self]) -> Vec<String> {
        let accepting = reports.iter().filter(|report| report.accepts).count();
        if accepting == 0 || accepting == reports.len() {
            return Vec::new();
        }
        reports.iter().map(Self::line).collect()
    }

    fn each(refusal: impl Fn(Sender) -> Option<String>) -> Vec<Self> {
        let acceptance = |sender| Acceptance { sender, refusal: refusal(sender) };
        Sender::ALL.map(acceptance).map(Self::from).to_vec()
    }

    fn line(&self) -> String {
        match &self.reason {
            None => format!("{}: accepts", self.sender),
            Some(reason) => format!("{}: does not accept: {}", self.sender, one_line(reason)),
        }
    }
}

impl From<Acceptance> for SenderReport {
    fn from(acceptance: Acceptance) -> Self {
        let Acceptance { sender, refusal } = acceptance;
        Self { sender, accepts: refusal.is_none(), reason: refusal }
    }
}

//! What a person wants done with a domain now.

use sealpost_rollout::{Decision, Event, Move, Stage, Step, Time, Wish};

/// What a person wants done with a domain now: a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// To this stage.
    pub to: Stage,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Though conditions do not hold that a person may stand in for, or though senders may hold an
    /// earlier policy.
    pub force: bool,
}

impl Order {
    /// What the order comes to as a wish that the stages know.
    pub(super) fn wish(&self, from: Stage) -> Option<Wish> {
        let (by, reason) = (self.by.clone(), self.reason.clone());
        match (from, self.to) {
            (_, Stage::Leaving) => Some(Wish::Leave { by, reason }),
            (Stage::Record | Stage::Prerequisites, Stage::Removed) => {
                Some(Wish::Leave { by, reason })
            }
            (Stage::Leaving | Stage::Removed, Stage::Record) => Some(Wish::Return { by, reason }),
            (from, Stage::Testing) if from.enforces() => Some(Wish::Testing { by, reason }),
            _ => None,
        }
    }

    /// The move that a person makes, given the decision without the order; or why not.
    pub(super) fn judge(&self, from: Stage, decision: &Decision) -> Result<Move, String> {
        if from == self.to {
            return Err(format!("it is in the stage {from} already"));
        }
        if let Step::Go(open) | Step::Propose(open) = &decision.step
            && open.to == self.to
        {
            return Ok(open.clone());
        }
        if from.next() != Some(self.to) {
            let next =
                from.next().map_or(String::new(), |next| format!("; the next stage is {next}"));
            return Err(format!("no way leads from {from} to {}{next}", self.to));
        }
        let waits: Vec<String> = decision.waits().map(|reading| reading.text.clone()).collect();
        let hard = decision.waits().find(|reading| !reading.condition.may_be_waived());
        match hard {
            // A person who leads by hand is shown no proposal, and needs none.
            _ if waits.is_empty() => {}
            Some(hard) => return Err(format!("nobody can stand in for this: {}", hard.text)),
            None if self.force => {}
            None => {
                return Err(format!("{}; --force moves it all the same", waits.join("; ")));
            }
        }
        let cause = sealpost_rollout::Cause::Wished;
        let grounds = waits;
        Ok(Move { from, to: self.to, cause, mark: None, grounds })
    }

    /// The row that says that a person did what the gate refuses.
    pub(super) fn forced(
        &self,
        from: Stage,
        at: Time,
        waits: &[String],
    ) -> sealpost_rollout::Entry {
        let mut grounds = vec![self.reason.clone()];
        grounds.extend(waits.iter().cloned());
        sealpost_rollout::Entry {
            at,
            by: sealpost_rollout::Actor::Person(self.by.clone()),
            event: Event::Forced { what: format!("the move from {from} to {}", self.to) },
            grounds,
        }
    }
}

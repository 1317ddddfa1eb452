//! What one pass leaves for the next.

use sealpost_rollout::{
    Check, CheckVerdict, LONGEST_GAP, Lapse, Live, Move, Outlook, Reckoning, Spike, Time,
};
use serde::{Deserialize, Serialize};

use super::Refusal;

/// What one pass leaves for the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// What has passed, as far as it was witnessed.
    pub(super) reckoning: Option<Reckoning>,
    /// Since when what the stage asks for is live without interruption, in reckoned time.
    pub(super) live_since: Option<Time>,
    /// Since when it could not be told whether it is.
    pub(super) unseen_since: Option<Time>,
    /// Since when the domain is configured no longer, in reckoned time.
    pub(super) parted_at: Option<Time>,
    /// The last look of our own.
    pub(super) check: Option<Check>,
    /// The spike that is on.
    pub(super) spike: Option<Spike>,
    /// What people are told.
    #[serde(flatten)]
    pub(super) outlook: Outlook,
}

impl State {
    /// What was left. What cannot be read is as if it was not there: the next looks fill it.
    pub(super) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// What is left of a domain that was not taken up.
    pub(super) fn of_refusal(why: &Refusal, now: Time) -> Self {
        match why {
            Refusal::Theirs(why) => {
                let outlook = Outlook { todo: vec![why.clone()], ..Outlook::default() };
                Self { outlook, ..Self::default() }
            }
            Refusal::Untold(why) => {
                let outlook = Outlook { waits: vec![why.clone()], ..Outlook::default() };
                let verdict = CheckVerdict::Unknown { why: why.clone() };
                Self { outlook, check: Some(Check { at: now, verdict }), ..Self::default() }
            }
        }
    }

    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is live was not seen for too long: who knows what was served meanwhile. It begins anew.
    pub(super) fn lapse(&mut self, lapse: &Lapse, now: Time) {
        let is_seen = self.unseen_since.is_none_or(|since| now.since(since) <= LONGEST_GAP);
        if lapse.is_unseen || !is_seen {
            self.live_since = None;
        }
    }

    /// Takes down whether what the stage asks for is live now.
    pub(super) fn see(&mut self, live: &Live, now: Time) {
        self.live_since = match live {
            Live::AsAsked { .. } => Some(self.live_since.unwrap_or(now).min(now)),
            Live::Differs { .. } => None,
            Live::Unknown { .. } => self.live_since,
        };
        self.unseen_since = match live {
            Live::Unknown { .. } => Some(self.unseen_since.unwrap_or(now).min(now)),
            Live::AsAsked { .. } | Live::Differs { .. } => None,
        };
    }

    /// The same move as before, but for the numbers in its grounds?
    pub(super) fn is_proposed(&self, to: &Move) -> bool {
        self.outlook
            .proposed
            .as_ref()
            .is_some_and(|known| (known.from, known.to, known.cause) == (to.from, to.to, to.cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_unseen_for_hours_begins_anew() {
        let at = |hours: i64| Time::at(1_793_491_200 + hours * 3_600);
        let live = Live::AsAsked { since: at(0) };
        let unknown = Live::Unknown { why: "no answer".to_owned() };
        // Unknown from the first hour on, and seen again an hour later than that.
        for (last, since) in [(5, at(0)), (6, at(0)), (7, at(8))] {
            let mut state = State::default();
            state.see(&live, at(0));
            state.see(&unknown, at(1));
            for hour in 2..=last {
                state.lapse(&Lapse::default(), at(hour));
                state.see(&unknown, at(hour));
            }
            state.lapse(&Lapse::default(), at(last + 1));
            state.see(&live, at(last + 1));
            assert_eq!(state.live_since, Some(since), "unknown until {last}");
        }
    }
}

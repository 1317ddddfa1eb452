//! What one pass leaves for the next.

use sealpost_rollout::{Check, Move, Outlook, Spike, Time};
use serde::{Deserialize, Serialize};

/// What one pass leaves for the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Since when what the stage asks for is live without interruption.
    pub(super) live_since: Option<Time>,
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

    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The same move as before, but for the numbers in its grounds?
    pub(super) fn is_proposed(&self, to: &Move) -> bool {
        self.outlook
            .proposed
            .as_ref()
            .is_some_and(|known| (known.from, known.to, known.cause) == (to.from, to.to, to.cause))
    }
}

//! What has been changed in `main.cf`, and how it is undone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::policy_maps;

/// The parameter that makes Postfix ask us.
pub(super) const POLICY_MAPS: &str = "smtp_tls_policy_maps";

/// What has been changed in a `main.cf`. It is kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The table in `smtp_tls_policy_maps` that asks us.
    table: String,
    changes: Vec<Change>,
}

/// One parameter that has been changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The parameter.
    pub name: String,
    /// Its value before the first change; `None` if it was not set.
    pub before: Option<String>,
    /// The value that was written.
    pub after: String,
}

/// What undoing does about one parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Undo {
    /// It gets this value: what it was, or what is now without our table.
    Restore {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
    },
    /// It was not set, and is not any more.
    Remove {
        /// The parameter.
        name: String,
    },
    /// Somebody has changed it since.
    LeaveAlone {
        /// The parameter.
        name: String,
        /// The value that it keeps; `None` if it is not set.
        value: Option<String>,
    },
}

impl Record {
    /// What will have been changed once a plan is carried out; `earlier` is what was before.
    pub fn of(plan: &Plan, earlier: Option<Self>) -> Self {
        let Self { table, mut changes } = earlier.unwrap_or_default();
        for line in &plan.lines {
            // What somebody has changed since is what there was before; our own table is not.
            let list = line.before.as_deref().filter(|_| line.name == POLICY_MAPS);
            let cleaned = list.and_then(|list| policy_maps::without(list, &table));
            let before = match cleaned {
                Some(list) if list.is_empty() => None,
                Some(list) => Some(list),
                None => line.before.clone(),
            };
            match changes.iter_mut().find(|change| change.name == line.name) {
                Some(change) if line.before.as_ref() == Some(&change.after) => {
                    change.after.clone_from(&line.value);
                }
                Some(change) => {
                    change.before = before;
                    change.after.clone_from(&line.value);
                }
                None => changes.push(Change {
                    name: line.name.to_owned(),
                    before,
                    after: line.value.clone(),
                }),
            }
        }
        Self { table: plan.table.clone(), changes }
    }

    /// The table that asks us.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// What was changed.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How to undo it, from what `main.cf` sets now. What is as before already is left out.
    pub fn undo(&self, set: &BTreeMap<String, String>) -> Vec<Undo> {
        self.changes.iter().filter_map(|change| self.undo_one(change, set)).collect()
    }

    fn undo_one(&self, change: &Change, set: &BTreeMap<String, String>) -> Option<Undo> {
        let now = set.get(&change.name);
        let name = change.name.clone();
        if now == change.before.as_ref() {
            return None;
        }
        if now == Some(&change.after) {
            return Some(match &change.before {
                Some(value) => Undo::Restore { name, value: value.clone() },
                None => Undo::Remove { name },
            });
        }
        // A table that nobody serves any more would hold back all mail, whoever has added others.
        let ours = now.filter(|_| name == POLICY_MAPS);
        match ours.and_then(|list| policy_maps::without(list, &self.table)) {
            Some(value) if value.is_empty() && change.before.is_none() => {
                Some(Undo::Remove { name })
            }
            Some(value) => Some(Undo::Restore { name, value }),
            None => Some(Undo::LeaveAlone { name, value: now.cloned() }),
        }
    }
}

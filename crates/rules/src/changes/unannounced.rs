//! Policies that were changed without another id.

use mta_sts::{Record, Selection, select_record};

use super::Change;

/// A policy that is served, while the id in the record is that of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unannounced<'a> {
    /// The id.
    pub id: &'a str,
    /// The bodies that were served under it first, those that some sender may hold.
    pub held: &'a [String],
}

/// Whether the policy that is served is another than that which its id was given for, as far as
/// changes tell; they come the last first. What was served in between does not count, nor that for a
/// while there was none.
pub fn unannounced<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Option<Unannounced<'a>> {
    let mut id: Option<&str> = None;
    let (mut served, mut held): (Option<&[String]>, Option<&[String]>) = (None, None);
    for change in changes {
        let (before, after) = match change {
            Change::IdUnchanged { id: of, before, after } => {
                if id.is_some_and(|id| id != of) {
                    break;
                }
                id = Some(of);
                (before, after)
            }
            Change::PolicyChanged { before, after } if after.is_empty() => (before, after),
            // It came with another id, or it is not known whether it did.
            Change::PolicyChanged { .. } => break,
            Change::StsRecordChanged { before, after } if id_of(before) != id_of(after) => break,
            _ => continue,
        };
        if !after.is_empty() {
            served.get_or_insert(after);
        }
        if !before.is_empty() {
            held = Some(before);
        }
    }
    let (id, held) = (id?, held?);
    (served? != held).then_some(Unannounced { id, held })
}

/// The id that a record announces, if there is one that counts.
fn id_of(texts: &[String]) -> Option<mta_sts::PolicyId> {
    match select_record(texts.iter().map(String::as_bytes)) {
        Selection::One(index) => Some(Record::parse(texts.get(index)?.as_bytes()).ok()?.id),
        Selection::None { .. } | Selection::Several(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
    }

    fn same_id(id: &str, before: &str, after: &str) -> Change {
        Change::IdUnchanged { id: id.to_owned(), before: list(before), after: list(after) }
    }

    fn policy(before: &str, after: &str) -> Change {
        Change::PolicyChanged { before: list(before), after: list(after) }
    }

    fn record(before: &str, after: &str) -> Change {
        let text = |id: &str| list(&format!("v=STSv1; id={id};"));
        Change::StsRecordChanged { before: text(before), after: text(after) }
    }

    #[test]
    fn who_holds_what_its_id_was_given_for_is_not_told_of_another() {
        let other = Change::MxRemoved { host: "mx1.example.com".to_owned(), preference: 1 };
        // The last change comes first.
        for (changes, expected) in [
            (vec![], None),
            (vec![policy("a", "b")], None),
            (vec![same_id("1", "a", "b")], Some("a")),
            (vec![other.clone(), same_id("1", "a", "b"), other], Some("a")),
            (vec![same_id("1", "b", "c"), same_id("1", "a", "b")], Some("a")),
            (vec![same_id("1", "b", "a"), same_id("1", "a", "b")], None), // it is taken back
            (vec![record("1", "2"), same_id("1", "a", "b")], None),       // it is announced
            (vec![record("1", "1 "), same_id("1", "a", "b")], Some("a")), // the id is the same
            (vec![policy("b", "c"), record("1", "2"), same_id("1", "a", "b")], None),
            (vec![same_id("2", "b", "c"), record("1", "2"), same_id("1", "a", "b")], Some("b")),
            (vec![same_id("2", "b", "c"), same_id("1", "a", "b")], Some("b")),
            (vec![same_id("2", "b", "c"), policy("a", "b")], Some("b")),
            // There was none for a while.
            (vec![policy("a", "")], None),
            (vec![policy("b", ""), same_id("1", "a", "b")], Some("a")),
            (vec![same_id("1", "", "a"), policy("a", "")], None),
            (vec![same_id("1", "", "b"), policy("a", "")], Some("a")),
            (vec![same_id("1", "", "b")], None), // what there was before is not known
        ] {
            let found = unannounced(&changes).map(|found| found.held.to_vec());
            assert_eq!(found, expected.map(list), "{changes:?}");
        }
    }
}

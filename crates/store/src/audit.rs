//! Who did what over HTTP: the newest rows of each kind, so that a flood of the one does not wash
//! the other away.

pub(crate) mod sql;

use rusqlite::{Connection, Row, params};

use crate::{Store, StoreError, column};

/// The longest name of somebody, in characters.
const LONGEST_NAME: usize = 200;
/// The longest other text.
const LONGEST_TEXT: usize = 2_000;
/// The most rows that are given at a time.
const MOST_ROWS: u32 = 1_000;

/// The audit log of a store. Clones share it.
#[derive(Clone)]
pub struct Audit {
    store: Store,
}

/// What somebody did. Texts that are too long are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Of which kind it is.
    pub kind: ActKind,
    /// Seconds since 1970.
    pub at: i64,
    /// Who, as far as that is known.
    pub who: String,
    /// From where: an address.
    pub source: String,
    /// What: one of a few words of ours.
    pub what: String,
    /// With what.
    pub about: String,
    /// What came of it.
    pub outcome: String,
}

/// The kinds of acts, which are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActKind {
    /// Somebody came in, went, or tried to; the newest 2,000 are kept.
    Access,
    /// Somebody changed something, or tried to; the newest 10,000 are kept.
    Change,
    /// Somebody was refused before it came to that; the newest 1,000 are kept.
    Refusal,
}

impl Audit {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes a row, and forgets the oldest of its kind if there are too many.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn note(&self, act: Act) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            let name = column::clip(&act.who, LONGEST_NAME);
            let [source, what, about, outcome] = [&act.source, &act.what, &act.about, &act.outcome]
                .map(|text| column::clip(text, LONGEST_TEXT));
            let kind = act.kind.as_str();
            let mut note = connection.prepare_cached(sql::NOTE)?;
            note.execute(params![kind, act.at, name, source, what, about, outcome])?;
            let mut forget = connection.prepare_cached(sql::FORGET)?;
            forget.execute(params![kind, act.kind.most()])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// Rows with their numbers, newest first: those before the number `before`, `limit` and at most
    /// 1,000.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn list(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(i64, Act)>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LIST)?;
            let values = params![before.unwrap_or(i64::MAX), limit.min(MOST_ROWS)];
            let rows = statement.query_map(values, act)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        };
        self.store.readers.read(read).await
    }
}

impl ActKind {
    /// As it is stored: one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Change => "change",
            Self::Refusal => "refusal",
        }
    }

    /// So many are kept.
    const fn most(self) -> i64 {
        match self {
            Self::Access => 2_000,
            Self::Change => 10_000,
            Self::Refusal => 1_000,
        }
    }
}

fn act(row: &Row<'_>) -> rusqlite::Result<(i64, Act)> {
    let kind = match column::text(row, 1)? {
        "access" => ActKind::Access,
        "change" => ActKind::Change,
        "refusal" => ActKind::Refusal,
        _ => return Err(column::senseless(1)),
    };
    let act = Act {
        kind,
        at: row.get(2)?,
        who: row.get(3)?,
        source: row.get(4)?,
        what: row.get(5)?,
        about: row.get(6)?,
        outcome: row.get(7)?,
    };
    Ok((row.get(0)?, act))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn act(kind: ActKind, at: i64) -> Act {
        let text = |text: &str| text.to_owned();
        Act {
            kind,
            at,
            who: text("somebody"),
            source: text("192.0.2.1"),
            what: text("log-in"),
            about: String::new(),
            outcome: text("x\0").repeat(2_000),
        }
    }

    #[tokio::test]
    async fn the_newest_of_each_kind_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let audit = store.audit();
        audit.note(act(ActKind::Change, 0)).await.unwrap();
        let count = ActKind::Access.most() + 5;
        let all: Vec<i64> = (1..=count).collect();
        // No more at a time than there is room for in the queue: they come in this order.
        for some in all.chunks(500) {
            let notes = some.iter().map(|&at| {
                let audit = audit.clone();
                tokio::spawn(async move { audit.note(act(ActKind::Access, at)).await })
            });
            for note in notes.collect::<Vec<_>>() {
                note.await.unwrap().unwrap();
            }
        }
        let mut rows = Vec::new();
        while let page = audit.list(rows.last().map(|(id, _)| *id), 999).await.unwrap()
            && !page.is_empty()
        {
            rows.extend(page);
        }
        let times: Vec<i64> = rows.iter().map(|(_, act)| act.at).collect();
        let kept: Vec<i64> = (6..=count).rev().chain([0]).collect();
        assert_eq!(times, kept, "the newest first, and the change though it is the oldest");
        let longest = rows.iter().map(|(_, act)| act.outcome.chars().count()).max();
        assert_eq!(longest, Some(LONGEST_TEXT), "cut, without NUL");
    }
}

//! How far mailboxes have been read over IMAP.
//!
//! A UID names a message only together with the UIDVALIDITY of its mailbox (RFC 3501 §2.3.1.1): when
//! that changes, nothing that is remembered holds, and the mailbox has to be read from its beginning.

pub(crate) mod sql;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Store, StoreError};

/// The longest name of an account or a folder in characters.
const LONGEST: usize = 1000;

/// How far a mailbox has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The generation of its UIDs.
    pub uid_validity: u32,
    /// The largest UID up to which everything has been read; 0 for none.
    pub last_uid: u32,
    /// When that was noted, in seconds since 1970.
    pub at: i64,
}

/// The places in a store. Clones share it.
#[derive(Clone)]
pub struct Mailboxes {
    store: Store,
}

impl Mailboxes {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Notes how far a mailbox has been read. Within a generation of UIDs it is never less than
    /// before.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; [`StoreError::Refused`] for a name of more than 1,000
    /// characters.
    pub async fn reached(
        &self,
        account: String,
        folder: String,
        place: Place,
    ) -> Result<(), StoreError> {
        let is_short = |text: &str| text.chars().count() <= LONGEST;
        if !is_short(&account) || !is_short(&folder) {
            return Err(StoreError::refused("the name of a mailbox is too long"));
        }
        let work = move |connection: &Connection| {
            let Place { uid_validity, last_uid, at } = place;
            let mut statement = connection.prepare_cached(sql::REACHED)?;
            statement.execute(params![account, folder, uid_validity, last_uid, at])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }

    /// How far a mailbox has been read; `None` if it has not.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn place(
        &self,
        account: String,
        folder: String,
    ) -> Result<Option<Place>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::PLACE)?;
            Ok(statement.query_row(params![account, folder], place_of).optional()?)
        };
        self.store.readers.read(read).await
    }
}

fn place_of(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { uid_validity: row.get(0)?, last_uid: row.get(1)?, at: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[tokio::test]
    async fn a_place_moves_forward_within_a_generation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let store = Store::open(Settings::at(&path)).await.unwrap();
        let mailboxes = store.mailboxes();
        let (account, inbox) = (|| "me@mail.example:993".to_owned(), || "INBOX".to_owned());
        assert_eq!(mailboxes.place(account(), inbox()).await.unwrap(), None);
        for ((uid_validity, last_uid), expected) in [
            ((7, 10), (7, 10)),
            ((7, 4), (7, 10)),
            ((7, u32::MAX), (7, u32::MAX)),
            ((8, 3), (8, 3)), // the mailbox was made anew
            ((7, 5), (7, 5)), // it was brought back
        ] {
            let place = Place { uid_validity, last_uid, at: 1 };
            mailboxes.reached(account(), inbox(), place).await.unwrap();
            let found = mailboxes.place(account(), inbox()).await.unwrap().unwrap();
            assert_eq!((found.uid_validity, found.last_uid), expected);
        }
        store.close().await;
        let store = Store::open(Settings::at(&path)).await.unwrap();
        let mailboxes = store.mailboxes();
        assert_eq!(mailboxes.place(account(), inbox()).await.unwrap().unwrap().last_uid, 5);
        assert_eq!(mailboxes.place(account(), "Other".to_owned()).await.unwrap(), None);
    }
}

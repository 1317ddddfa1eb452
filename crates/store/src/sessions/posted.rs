//! Posts of sessions that came with a key.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Sessions, sql};
use crate::{
    Digest, StoreError,
    column::{count, senseless, stored},
};

/// A post of sessions, by the key under which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPost {
    /// The key's digest.
    pub key: Digest,
    /// The digest of what came with it.
    pub content: Digest,
    /// Sessions that were counted.
    pub counted: u64,
    /// Sessions for which there was no room.
    pub uncounted: u64,
    /// When it came, in seconds since 1970.
    pub posted_at: i64,
}

impl SessionPost {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let digest = |column| {
            let octets: [u8; 32] =
                row.get_ref(column)?.as_blob()?.try_into().or(Err(senseless(column)))?;
            Ok::<_, rusqlite::Error>(Digest::from(octets))
        };
        Ok(Self {
            key: digest(0)?,
            content: digest(1)?,
            counted: count(row, 2)?,
            uncounted: count(row, 3)?,
            posted_at: row.get(4)?,
        })
    }

    pub(super) fn save(&self, connection: &Connection) -> Result<(), StoreError> {
        let (counted, uncounted) = (stored(self.counted), stored(self.uncounted));
        connection.prepare_cached(sql::SAVE_POST)?.execute(params![
            self.key.as_bytes(),
            self.content.as_bytes(),
            counted,
            uncounted,
            self.posted_at,
        ])?;
        Ok(())
    }
}

impl Sessions {
    /// Notes that these posts were counted, if they are not noted with another content.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn note_posts(&self, posts: Vec<SessionPost>) -> Result<(), StoreError> {
        let write =
            move |connection: &Connection| posts.iter().try_for_each(|post| post.save(connection));
        self.store.writer.write(write).await
    }

    /// Forgets the post that came with a key: nothing of it was counted.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn forget_post(&self, key: Digest) -> Result<(), StoreError> {
        let write = move |connection: &Connection| {
            connection.prepare_cached(sql::FORGET_POST)?.execute([key.as_bytes()])?;
            Ok(())
        };
        self.store.writer.write(write).await
    }

    /// The post that came with a key.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn post(&self, key: Digest) -> Result<Option<SessionPost>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::POST)?;
            Ok(statement.query_row([key.as_bytes()], SessionPost::read).optional()?)
        };
        self.store.readers.read(read).await
    }

    /// Forgets the posts that came before a time, in seconds since 1970, and of the others the oldest
    /// until `most` are left; says how many, at most `limit` of each.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn prune_posts(
        &self,
        before: i64,
        most: u32,
        limit: u32,
    ) -> Result<usize, StoreError> {
        let write = move |connection: &Connection| {
            let old =
                connection.prepare_cached(sql::FORGET_POSTS)?.execute(params![before, limit])?;
            let mut statement = connection.prepare_cached(sql::FORGET_POSTS_BEYOND)?;
            Ok(old.saturating_add(statement.execute(params![limit, most])?))
        };
        self.store.writer.write(write).await
    }
}

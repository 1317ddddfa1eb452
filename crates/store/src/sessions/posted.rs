//! Posts of sessions that came with a key.

use rusqlite::{Connection, Row, params};

use super::{Epoch, Sessions, sql};
use crate::{
    Digest, StoreError,
    column::{count, senseless, stored, text_or_null},
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

/// What becomes of a post that comes with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldPost {
    /// Who asked holds the key, until the post is noted or forgotten.
    New,
    /// This was counted under it.
    Counted(SessionPost),
    /// Somebody else holds it, for this.
    Elsewhere(SessionPost),
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

    /// Holds the key of a post for a process that is about to count it, where all that share the store
    /// see it. What a process held that has ended is free when its node begins a later epoch under
    /// that name.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing. It may be repeated.
    pub async fn hold_post(
        &self,
        post: SessionPost,
        holder: &Epoch,
    ) -> Result<HeldPost, StoreError> {
        let holder = holder.clone();
        let write = move |connection: &Connection| {
            let held = connection.prepare_cached(sql::HOLD_POST)?.execute(params![
                post.key.as_bytes(),
                post.content.as_bytes(),
                stored(post.counted),
                stored(post.uncounted),
                post.posted_at,
                &*holder.node,
                holder.number,
            ])?;
            if held > 0 {
                return Ok(HeldPost::New);
            }
            let mut statement = connection.prepare_cached(sql::POST)?;
            Ok(statement.query_row([post.key.as_bytes()], |row| {
                let first = SessionPost::read(row)?;
                let is_held = text_or_null(row, 5)?.is_some();
                Ok(if is_held { HeldPost::Elsewhere(first) } else { HeldPost::Counted(first) })
            })?)
        };
        self.store.writer.write(write).await
    }

    /// The post that came with a key.
    #[cfg(test)]
    pub(crate) async fn post(&self, key: Digest) -> Result<Option<SessionPost>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::POST)?;
            let row = statement.query_row([key.as_bytes()], SessionPost::read);
            Ok(rusqlite::OptionalExtension::optional(row)?)
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

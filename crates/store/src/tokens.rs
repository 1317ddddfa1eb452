//! Tokens of programs that ask over HTTP. Only their hashes are here.

pub(crate) mod sql;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Store, StoreError, column};

/// The longest name in characters.
const LONGEST_NAME: usize = 64;
/// The most tokens that are listed.
const MOST: u32 = 1_000;

/// The tokens of a store. Clones share it.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the operator calls it.
    pub name: String,
    /// What it may do.
    pub rights: Rights,
    /// Seconds since 1970.
    pub made_at: i64,
    /// From then on it is worth nothing; without one it holds until it is revoked.
    pub ends_at: Option<i64>,
    /// When it was last used, to the hour.
    pub used_at: Option<i64>,
}

/// What somebody may do. Whoever may write may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// Look at everything.
    Read,
    /// Change something too.
    Write,
}

impl Tokens {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Keeps the hash of a token. `false` if the name is taken; then nothing is changed.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing; [`StoreError::Refused`] for a name that is empty or has
    /// more than 64 characters.
    pub async fn add(&self, token: Token, hash: [u8; 32]) -> Result<bool, StoreError> {
        if token.name.is_empty() || !column::is_within(&token.name, LONGEST_NAME) {
            return Err(StoreError::refused("the name of a token has 1 to 64 characters"));
        }
        let work = move |connection: &Connection| {
            let Token { name, rights, made_at, ends_at, .. } = &token;
            let mut statement = connection.prepare_cached(sql::ADD)?;
            let values = params![name, hash.as_slice(), rights.as_str(), made_at, ends_at];
            Ok(statement.execute(values)? > 0)
        };
        self.store.writer.write(work).await
    }

    /// Forgets a token, which then is worth nothing. `false` if there is none of this name.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn revoke(&self, name: String) -> Result<bool, StoreError> {
        let work = move |connection: &Connection| {
            Ok(connection.prepare_cached(sql::REVOKE)?.execute([&name])? > 0)
        };
        self.store.writer.write(work).await
    }

    /// All tokens by name, 1,000 at most.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn list(&self) -> Result<Vec<Token>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::LIST)?;
            let tokens = statement.query_map([MOST], token)?;
            Ok(tokens.collect::<Result<Vec<_>, _>>()?)
        };
        self.store.readers.read(read).await
    }

    /// The token with this hash, also one that has ended.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn find(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql::FIND)?;
            Ok(statement.query_row([hash.as_slice()], token).optional()?)
        };
        self.store.readers.read(read).await
    }

    /// Notes when a token was used.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of writing.
    pub async fn used(&self, name: String, at: i64) -> Result<(), StoreError> {
        let work = move |connection: &Connection| {
            connection.prepare_cached(sql::USED)?.execute(params![at, name])?;
            Ok(())
        };
        self.store.writer.write(work).await
    }
}

impl Rights {
    /// As it is stored and written: one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let rights = match column::text(row, 1)? {
        "read" => Rights::Read,
        "write" => Rights::Write,
        _ => return Err(column::senseless(1)),
    };
    Ok(Token {
        name: row.get(0)?,
        rights,
        made_at: row.get(2)?,
        ends_at: row.get(3)?,
        used_at: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn token(name: &str, rights: Rights) -> Token {
        Token { name: name.to_owned(), rights, made_at: 7, ends_at: Some(9), used_at: None }
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_hash_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let tokens = store.tokens();
        assert!(tokens.add(token("grafana", Rights::Read), [1; 32]).await.unwrap());
        assert!(!tokens.add(token("grafana", Rights::Write), [2; 32]).await.unwrap(), "taken");
        assert!(tokens.add(token("deploy", Rights::Write), [3; 32]).await.unwrap());
        assert_eq!(tokens.find([2; 32]).await.unwrap(), None);
        tokens.used("grafana".to_owned(), 8).await.unwrap();
        let found = tokens.find([1; 32]).await.unwrap().unwrap();
        assert_eq!(found, Token { used_at: Some(8), ..token("grafana", Rights::Read) });
        let names: Vec<_> = tokens.list().await.unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["deploy", "grafana"]);
        assert!(tokens.revoke("grafana".to_owned()).await.unwrap());
        assert!(!tokens.revoke("grafana".to_owned()).await.unwrap());
        assert_eq!(tokens.find([1; 32]).await.unwrap(), None);
        for name in ["", &"x".repeat(65)] {
            assert!(tokens.add(token(name, Rights::Read), [4; 32]).await.is_err());
        }
    }
}

//! Texts that are met again every day, each stored once.

use rusqlite::{Connection, params};
use sealpost_evidence::traffic::Day;

use super::sql;
use crate::{StoreError, raw::Digest};

/// How much of a digest is the name of a text.
pub(super) const NAME: usize = 16;

/// A text and its name.
pub(super) struct Text {
    pub(super) digest: [u8; NAME],
    pub(super) content: String,
}

impl Text {
    pub(super) fn of(content: String) -> Self {
        Self { digest: Self::name(&content), content }
    }

    pub(super) fn name(content: &str) -> [u8; NAME] {
        let whole = *Digest::of(content.as_bytes()).as_bytes();
        let mut digest = [0; NAME];
        for (octet, other) in digest.iter_mut().zip(whole) {
            *octet = other;
        }
        digest
    }

    pub(super) fn save(&self, connection: &Connection, day: Day) -> Result<(), StoreError> {
        let values = params![self.digest, self.content, day.number()];
        connection.prepare_cached(sql::SAVE_TEXT)?.execute(values)?;
        Ok(())
    }
}

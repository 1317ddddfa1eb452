//! The store: one file, one writer, some readers.

use std::path::PathBuf;

use crate::{
    Audit, Certificates, Checks, Incidents, Intents, Mailboxes, Policies, Reports, Rollouts,
    Sessions, Settings, StoreError, Submissions, Tokens, backup, readers::Readers, schema,
    writer::Writer,
};

/// What sealpost remembers. Clones share the file; it is closed when the last is dropped.
#[derive(Clone)]
pub struct Store {
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
}

impl Store {
    /// Opens the file, makes it if it is missing, and brings its schema up to date. Its folder must
    /// be there, unless it is the [state folder](sealpost_runtime::state_folder).
    ///
    /// A file that can be read but not written is opened, with an error in the log: writes fail
    /// until it can be written again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Newer`] and [`StoreError::Foreign`] if the file is not for this version or
    /// not a store; else what hinders reading it.
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        let settings = Settings { schema: &schema::STORE, ..settings };
        let readers = Readers::new(settings.clone());
        let writer = Writer::start(settings, readers.clone()).await?;
        Ok(Self { writer, readers })
    }

    /// Opens a file that is there, only to read it. It is neither made nor changed, not even to
    /// bring its schema up to date. Others may write meanwhile.
    ///
    /// Whatever writes gets [`StoreError::ReadOnly`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file is missing, or its schema is older than this
    /// version; else as [`Self::open`].
    pub async fn open_to_read(settings: Settings) -> Result<Self, StoreError> {
        let readers = Readers::new(Settings { schema: &schema::STORE, ..settings });
        readers.keep_idle();
        readers.read(|_| Ok(())).await?;
        Ok(Self { writer: Writer::none(), readers })
    }

    /// What an enforcing sender remembers of policy domains.
    pub fn policies(&self) -> Policies {
        Policies::new(self.clone())
    }

    /// What an operator wants done by the process that enforces.
    pub fn intents(&self) -> Intents {
        Intents::new(self.clone())
    }

    /// Certificates of policy hosts, and how they are got.
    pub fn certificates(&self) -> Certificates {
        Certificates::new(self.clone())
    }

    /// Reports on their way out.
    pub fn submissions(&self) -> Submissions {
        Submissions::new(self.clone())
    }

    /// What TLS reports said.
    pub fn reports(&self) -> Reports {
        Reports::new(self.clone())
    }

    /// How far mailboxes have been read.
    pub fn mailboxes(&self) -> Mailboxes {
        Mailboxes::new(self.clone())
    }

    /// What mail servers told of their sessions.
    pub fn sessions(&self) -> Sessions {
        Sessions::new(self.clone())
    }

    /// How far the roll-out of each domain has come.
    pub fn rollouts(&self) -> Rollouts {
        Rollouts::new(self.clone())
    }

    /// What was seen of our own domains, and what has changed at them.
    pub fn checks(&self) -> Checks {
        Checks::new(self.clone())
    }

    /// Tokens of programs that ask over HTTP.
    pub fn tokens(&self) -> Tokens {
        Tokens::new(self.clone())
    }

    /// Who did what over HTTP.
    pub fn audit(&self) -> Audit {
        Audit::new(self.clone())
    }

    /// What people are told of.
    pub fn incidents(&self) -> Incidents {
        Incidents::new(self.clone())
    }

    /// Writes a copy of the file as it stands at one moment, while others go on writing. It is
    /// readable for its owner only, gets its name when it is whole and on the disk, and takes the
    /// place of what has this name. With `.unfinished` behind it, the name belongs to the copying.
    ///
    /// The raw file has a copy of its own, [`crate::RawStore::backup`]. Made after this one, it has
    /// the submission of every report in this one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] if there is no room; [`StoreError::Refused`] if the path is not UTF-8;
    /// else what [`StoreError`] says of reading.
    pub async fn backup(&self, to: PathBuf) -> Result<(), StoreError> {
        self.readers.read(move |connection| backup::copy(connection, &to)).await
    }

    /// Waits until everything that was queued is committed, and closes the file.
    ///
    /// Whoever writes or reads later, through this or another clone, gets [`StoreError::Closed`].
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;

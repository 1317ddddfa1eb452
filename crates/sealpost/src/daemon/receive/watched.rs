//! Mailboxes and Maildirs whose mails are fetched.

use std::convert::Infallible;
use std::sync::Arc;

use sealpost_net::Network;
use sealpost_receive::{
    MOST_MAILBOXES, MailboxDoor, MaildirDoor, ReadingRoom, Section, SectionError,
};
use sealpost_runtime::{AfterPanic, supervise};
use sealpost_store::Store;
use tokio::task::JoinSet;

use crate::outcome::Failure;

/// The doors to what is watched.
pub(crate) struct Watched {
    pub(crate) mailboxes: Vec<Arc<MailboxDoor>>,
    maildirs: Vec<Arc<MaildirDoor>>,
}

impl Watched {
    /// Doors to everything that is configured; nothing is opened yet.
    pub(crate) fn new(
        section: &Section,
        network: &Network,
        store: &Store,
        most_octets: usize,
    ) -> Result<Self, Failure> {
        if section.imap.len() > MOST_MAILBOXES {
            return Err(Failure::new(SectionError::ManyMailboxes));
        }
        let mut mailboxes = Vec::new();
        for (place, configured) in section.imap.iter().enumerate() {
            let (network, places) = (network.clone(), store.mailboxes());
            let door = MailboxDoor::new(configured, place, network, places, most_octets);
            mailboxes.push(Arc::new(door.map_err(Failure::new)?));
        }
        let maildir = |path| Arc::new(MaildirDoor::new(path, section.maildirs_after, most_octets));
        let maildirs = section.maildirs.iter().cloned().map(maildir).collect();
        Ok(Self { mailboxes, maildirs })
    }

    /// What is watched, for people.
    pub(super) fn places(&self) -> Vec<String> {
        let mailboxes = self.mailboxes.iter().map(|door| format!("{}, imap", door.name()));
        let maildirs =
            self.maildirs.iter().map(|door| format!("{}, maildir", door.path().display()));
        mailboxes.chain(maildirs).collect()
    }

    /// Watches all of it, for as long as the tasks live.
    pub(super) fn watch(self, room: &ReadingRoom, tasks: &mut JoinSet<()>) {
        for door in self.mailboxes {
            let room = room.clone();
            tasks.spawn(async move {
                let metrics = room.metrics_handle();
                let make = || {
                    let (door, room) = (Arc::clone(&door), room.clone());
                    async move {
                        let never: Infallible = door.watch(&room).await;
                        match never {}
                    }
                };
                // It gives up never.
                let _ = supervise("a mailbox", AfterPanic::Restart, &metrics.panics, make).await;
            });
        }
        for door in self.maildirs {
            tasks.spawn(watch_maildir(door, room.clone()));
        }
    }
}

/// Watches one Maildir, whatever happens.
pub(crate) async fn watch_maildir(door: Arc<MaildirDoor>, room: ReadingRoom) {
    let metrics = room.metrics_handle();
    let make = || {
        let (door, room) = (Arc::clone(&door), room.clone());
        async move {
            let never: Infallible = door.watch(&room).await;
            match never {}
        }
    };
    // It gives up never.
    let _ = supervise("a Maildir", AfterPanic::Restart, &metrics.panics, make).await;
}

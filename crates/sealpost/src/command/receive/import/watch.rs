//! What is delivered into Maildirs, as it comes; and what lies in mailboxes, once.

use std::path::Path;
use std::sync::Arc;

use sealpost_receive::{MaildirAfter, MaildirDoor, ReadingRoom, ReceiveMetrics};
use tokio::task::JoinSet;

use super::{account::Account, show};
use crate::arguments::ReceiveImportArguments;
use crate::command::receive::stored::Stored;
use crate::daemon::watch_maildir;
use crate::daemon::{Cause, Signals};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Takes in what is in these Maildirs and what comes, until it is told to stop.
pub(super) async fn maildirs(
    arguments: &ReceiveImportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let mut signals = Signals::new()?;
    let most_octets = arguments.store.section_of_intake()?.limits.message_octets;
    let door = |path: &Path| MaildirDoor::new(path.into(), MaildirAfter::Leave, most_octets);
    let doors: Vec<_> = arguments.watch.iter().map(|path| Arc::new(door(path))).collect();
    for door in &doors {
        door.look().map_err(|error| {
            Failure::from(error).hint("a Maildir has the folders `new`, `cur` and `tmp`")
        })?;
    }
    let stored = Stored::open_or_make(&arguments.store).await?;
    let intake = stored.intake(&arguments.judgement)?;
    let (room, readers) = ReadingRoom::new(intake, Arc::new(ReceiveMetrics::default()));
    let mut tasks = JoinSet::new();
    tasks.spawn(readers.run());
    for door in doors {
        output.say(&format!("watching {}", door.path().display()));
        tasks.spawn(watch_maildir(door, room.clone()));
    }
    output.say("ready");
    let ended = loop {
        tokio::select! {
            cause = signals.next() => if cause == Cause::Stop { break Ok(Outcome::Clean) },
            // None of them ends by itself.
            Some(_) = tasks.join_next() => break Err(Failure::new("go on reading reports")),
        }
    };
    tasks.shutdown().await;
    stored.close().await;
    ended
}

/// Takes in what lies in the mailboxes of the configuration.
pub(super) async fn mailboxes(
    arguments: &ReceiveImportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let stored = Stored::open_or_make(&arguments.store).await?;
    let most_octets = stored.limits().mail.octets;
    let network = arguments.judgement.network.open_over(arguments.store.load()?.network)?;
    let watched = stored.watched(&network, most_octets)?;
    if watched.mailboxes.is_empty() {
        let failure = Failure::new("find a mailbox: the configuration has no [[receive.imap]]");
        return Err(failure.hint("name the configuration with --config"));
    }
    let intake = stored.intake_over(&arguments.judgement, &network);
    let metrics = ReceiveMetrics::default();
    let (mut account, mut has_failed) = (Account::default(), false);
    for door in &watched.mailboxes {
        loop {
            let harvest = match door.once(&intake, &metrics).await {
                Ok(harvest) => harvest,
                Err(error) => {
                    output.say(&format!("{}: failed to {error}", door.name()));
                    has_failed = true;
                    break;
                }
            };
            for digest in harvest.stored {
                let entry = intake.raw().entry(digest).await;
                let Some(entry) = entry.map_err(|error| stored.failure(&error))? else { continue };
                let is_first = entry.arrivals == 1;
                if !intake.is_worth_reading(&entry) {
                    account.add_known();
                    continue;
                }
                let taken = intake.read(digest).await.map_err(|error| stored.failure(&error))?;
                let Some(taken) = taken else { continue };
                if is_first {
                    account.add_first(&taken, &door.name(), output);
                } else {
                    account.add_again(&taken, &door.name(), output);
                }
            }
            account.leave_more(harvest.too_large);
            if !harvest.is_more {
                break;
            }
        }
    }
    stored.close().await;
    show(&account, arguments.format, output)?;
    if has_failed {
        return Err(Failure::new("read all mailboxes: some could not be opened, as said above"));
    }
    Ok(account.outcome())
}

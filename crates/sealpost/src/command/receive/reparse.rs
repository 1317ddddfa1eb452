//! `sealpost receive reparse`

use sealpost_receive::{Intake, READER};
use sealpost_store::{RawEntry, RawStore, Standing, StoreError};

use super::import::{account::Account, show};
use super::stored::Stored;
use crate::arguments::ReparseArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Entries that are listed at a time.
const PAGE: u32 = 256;
/// Octets that are read together, at most.
const TOGETHER: usize = 2 << 20;

pub(super) async fn run(
    arguments: &ReparseArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let stored = Stored::open_or_make(&arguments.store).await?;
    let intake = stored.intake(&arguments.judgement)?;
    // What was not read at all may be readable at any time; what was read, only by a later version.
    let always = READER.saturating_add(1);
    let read = if arguments.all { always } else { READER };
    let mut account = Account::default();
    for (standing, reader) in [
        (Standing::New, always),
        (Standing::Quarantined, always),
        (Standing::Read, read),
        (Standing::Refused, read),
    ] {
        let together = TOGETHER.min(stored.fetched());
        let (intake, raw, account) = (&intake, stored.raw(), &mut account);
        let again = Again { intake, raw, together, account, output };
        again.read(standing, reader).await.map_err(|error| stored.failure(&error))?;
    }
    stored.close().await;
    show(&account, arguments.format, output)?;
    Ok(account.outcome())
}

struct Again<'a> {
    intake: &'a Intake,
    raw: &'a RawStore,
    together: usize,
    account: &'a mut Account,
    output: &'a mut Output,
}

impl Again<'_> {
    async fn read(mut self, standing: Standing, reader: u32) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let entries = self.raw.standing(standing, reader, after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.id;
            let mut some = Vec::new();
            let mut octets = 0_usize;
            for entry in entries {
                let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
                if octets.saturating_add(size) > self.together {
                    self.read_some(std::mem::take(&mut some)).await?;
                    octets = 0;
                }
                octets = octets.saturating_add(size);
                some.push(entry);
            }
            self.read_some(some).await?;
        }
    }

    async fn read_some(&mut self, entries: Vec<RawEntry>) -> Result<(), StoreError> {
        let mut unread = Vec::new();
        for entry in entries {
            // It may have been pruned since.
            unread.extend(self.intake.unread(entry).await?);
        }
        let names: Vec<String> = unread.iter().map(|unread| unread.digest.to_string()).collect();
        for (taken, name) in self.intake.read_all(unread).await?.iter().zip(names) {
            self.account.add_again(taken, &name, self.output);
        }
        self.output.progress(&format!("{} read again", self.account.submissions));
        Ok(())
    }
}

//! `sealpost receive import`

pub(super) mod account;
mod feed;
mod pipe;
mod turn;
mod walk;
mod watch;

use std::path::Path;

use sealpost_receive::{Arrived, Intake};
use sealpost_runtime::Clock;
use sealpost_store::StoreError;
use tokio::task::JoinSet;

use self::account::Account;
use self::feed::Batch;
use self::turn::Turn;
use self::walk::Walk;
use super::stored::Stored;
use crate::arguments::{Format, ReceiveImportArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Batches that are on their way through the intake at a time.
const TOGETHER: usize = 3;

pub(super) async fn run(
    arguments: &ReceiveImportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    if !arguments.watch.is_empty() {
        return watch::maildirs(arguments, output).await;
    }
    if arguments.imap {
        return watch::mailboxes(arguments, output).await;
    }
    if arguments.paths.iter().any(|path| path == Path::new("-")) {
        return pipe::run(arguments, output).await;
    }
    let stored = Stored::open_or_make(&arguments.store).await?;
    let most_octets = stored.limits().most_octets();
    let intake = stored.intake(&arguments.judgement)?;
    let now = Clock::system().now().as_second();
    let walk = Walk::new(arguments.paths.clone());
    let batches = feed::start(walk, most_octets, stored.fetched(), now);
    let account = take_all(&intake, batches, output).await;
    let account = account.map_err(|error| stored.failure(&error))?;
    stored.close().await;
    show(&account, arguments.format, output)?;
    Ok(account.outcome())
}

pub(super) fn show(account: &Account, format: Format, output: &mut Output) -> Result<(), Failure> {
    match format {
        Format::Json => output.json(account),
        Format::Human => account.lines().iter().try_for_each(|line| output.line(line)),
    }
}

/// Hands over batch after batch, some at a time, and counts what becomes of them. What was read is
/// noted also if something fails then.
async fn take_all(
    intake: &Intake,
    batches: tokio::sync::mpsc::Receiver<Batch>,
    output: &mut Output,
) -> Result<Account, StoreError> {
    let account = take_each(intake, batches, output).await;
    let noted = intake.note_read().await;
    output.progress("");
    let account = account?;
    noted?;
    Ok(account)
}

async fn take_each(
    intake: &Intake,
    mut batches: tokio::sync::mpsc::Receiver<Batch>,
    output: &mut Output,
) -> Result<Account, StoreError> {
    let mut account = Account::default();
    let mut taking: JoinSet<Result<(Vec<Arrived>, Batch), StoreError>> = JoinSet::new();
    let (mut turn, mut is_open) = (Turn::first(), true);
    while is_open || !taking.is_empty() {
        tokio::select! {
            batch = batches.recv(), if is_open && taking.len() < TOGETHER => match batch {
                None => is_open = false,
                Some(mut batch) => {
                    let intake = intake.clone();
                    let next = turn.next();
                    let turn = std::mem::replace(&mut turn, next);
                    taking.spawn(async move {
                        let packed = intake.pack(std::mem::take(&mut batch.incoming)).await?;
                        // What is read side by side is stored in the order in which it lay: of two
                        // revisions of a report the later one counts.
                        let put = turn.take(intake.put_packed(packed)).await?;
                        let arrived = intake.read_put(put).await?;
                        // The memory is held until here.
                        drop(batch.held.take());
                        Ok((arrived, batch))
                    });
                }
            },
            Some(taken) = taking.join_next(), if !taking.is_empty() => {
                let (arrived, batch) = taken.map_err(|_| StoreError::Closed)??;
                for (arrived, name) in arrived.iter().zip(&batch.names) {
                    account.add(arrived, name, output);
                }
                for left in &batch.left {
                    account.leave(left, output);
                }
                account.pass_over(batch.passed_over);
                output.progress(&format!("{} taken in", account.submissions));
            }
        }
    }
    Ok(account)
}

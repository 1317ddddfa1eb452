//! `sealpost enforce warm`

use std::io::BufReader;
use std::path::Path;

use mail_domain::DomainName;
use sealpost_enforce::import::{Recipients, Seen};
use sealpost_runtime::Clock;
use sealpost_store::{Store, Verb};

use super::import::{next_line, open};
use super::stored;
use crate::arguments::WarmArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Domains that are handed over together.
const BATCH: usize = 1_000;
/// Words that are named when they are no domains; the others are only counted.
const NAMED: u64 = 10;

pub(super) async fn run(
    arguments: &WarmArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let path = arguments.configuration.store_file()?;
    let store = stored::open_or_make(&path).await?;
    let mut input = BufReader::new(open(&arguments.file)?);
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut recipients = Recipients::new(limit);
    let mut batch: Vec<DomainName> = Vec::new();
    let (mut lines, mut bad, mut beyond): (u64, u64, u64) = (0, 0, 0);
    while let Some(line) = next_line(&mut input, Recipients::LONGEST_LINE)? {
        lines += 1;
        match recipients.read_line(&line) {
            Ok(Seen::New(domain)) => batch.push(domain),
            Ok(Seen::Known | Seen::Nothing) => {}
            Ok(Seen::TooMany) => beyond += 1,
            Err(error) => {
                bad += 1;
                if bad <= NAMED {
                    let file = arguments.file.display();
                    output.say(&format!("{file}: line {lines}: failed to {error}"));
                }
            }
        }
        if batch.len() >= BATCH {
            hand_over(&mut batch, &store, &path).await?;
            output.progress(&format!("{} domains in {lines} lines", recipients.count()));
        }
    }
    hand_over(&mut batch, &store, &path).await?;
    store.close().await;
    output.progress("");
    let count = recipients.count();
    output.say(&format!(
        "{count} domains in {lines} lines: the daemon asks about those it does not know"
    ));
    if bad != 0 {
        output.say(&format!("{bad} lines are no domains"));
    }
    if beyond != 0 {
        output.say(&format!(
            "{beyond} lines have domains beyond the {limit} that were taken; --limit takes more"
        ));
    }
    Ok(if bad == 0 && beyond == 0 { Outcome::Clean } else { Outcome::Findings })
}

async fn hand_over(batch: &mut Vec<DomainName>, store: &Store, path: &Path) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    let now = Clock::system().now().as_second();
    let added = store.intents().add(Verb::Warm, std::mem::take(batch), now).await;
    added.map_err(|error| stored::failure(path, &error))
}

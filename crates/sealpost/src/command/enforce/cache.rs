//! `sealpost enforce cache` and `sealpost enforce dump`

use std::path::Path;
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_enforce::{Listed, import};
use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{Remembered, Store, StoreError, Verb};
use tokio::time::sleep;

use super::stored;
use crate::arguments::{CacheCommand, ConfigurationArguments, Format};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// How long a daemon that runs may take to see what is wanted.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it has.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(command: CacheCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        CacheCommand::List { configuration, format } => {
            list(&configuration.store_file()?, format, output).await
        }
        CacheCommand::Show { domain, configuration, format } => {
            show(&domain, &configuration.store_file()?, format, output).await
        }
        CacheCommand::Refresh { domains, configuration } => {
            let domains = stored::domains(&domains)?;
            let file = &configuration.store_file()?;
            let store = stored::open(file).await?;
            ask(&store, file, Verb::Refresh, domains, output).await
        }
        CacheCommand::Purge { domains, configuration, yes } => {
            let consent = if yes { Consent::Given } else { Consent::Wanted };
            purge(&stored::domains(&domains)?, &configuration.store_file()?, consent, output).await
        }
    }
}

/// Prints everything.
pub(super) async fn dump(
    arguments: &ConfigurationArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    each(&arguments.store_file()?, output, |remembered, output| {
        output.line(&import::write_dump_line(remembered))
    })
    .await
}

async fn list(file: &Path, format: Format, output: &mut Output) -> Result<Outcome, Failure> {
    let now = Clock::system().now();
    let mut is_first = true;
    each(file, output, |remembered, output| {
        let listed = Listed::new(remembered, now);
        if format == Format::Json {
            return output.json_line(&listed);
        }
        if std::mem::take(&mut is_first) {
            output.line(&Listed::header())?;
        }
        output.line(&listed.row())
    })
    .await
}

/// Hands over all that is remembered, some at a time.
async fn each(
    file: &Path,
    output: &mut Output,
    mut show: impl FnMut(&Remembered, &mut Output) -> Result<(), Failure>,
) -> Result<Outcome, Failure> {
    let failed = |error: &StoreError| stored::failure(file, error);
    let store = stored::open_to_read(file).await?;
    let mut rows = store.policies().list_all().await.map_err(|error| failed(&error))?;
    while let Some(batch) = rows.next().await.map_err(|error| failed(&error))? {
        for remembered in &batch {
            show(remembered, output)?;
        }
    }
    match rows.unreadable() {
        0 => Ok(Outcome::Clean),
        count => {
            output.say(&format!("{count} rows make no sense and were left out"));
            Ok(Outcome::Findings)
        }
    }
}

async fn show(
    domain: &str,
    file: &Path,
    format: Format,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let domain = stored::domain(domain)?;
    let store = stored::open_to_read(file).await?;
    let loaded = store.policies().load(domain.clone()).await;
    match loaded.map_err(|error| stored::failure(file, &error))? {
        Some(remembered) => {
            let listed = Listed::new(&remembered, Clock::system().now());
            match format {
                Format::Human => output.text(&listed.to_string())?,
                Format::Json => output.json(&listed)?,
            }
            Ok(Outcome::Clean)
        }
        None => {
            output.say(&format!("nothing is remembered of {domain}"));
            Ok(Outcome::Findings)
        }
    }
}

/// Whether a person has agreed to weaken what is protected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consent {
    Given,
    Wanted,
}

async fn purge(
    domains: &[DomainName],
    file: &Path,
    consent: Consent,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let store = stored::open(file).await?;
    let now = Clock::system().now();
    let mut enforced = Vec::new();
    for domain in domains {
        let loaded = store.policies().load(domain.clone()).await;
        let Some(remembered) = loaded.map_err(|error| stored::failure(file, &error))? else {
            continue;
        };
        let listed = Listed::new(&remembered, now);
        if let Some(policy) = listed.policy.as_ref().filter(|_| listed.is_enforced()) {
            let until = policy.expires_at.map(|at| format!(" until {at}")).unwrap_or_default();
            enforced.push(format!("{domain} (only to {}{until})", policy.mx.join(", ")));
        }
    }
    if !enforced.is_empty() {
        let what = format!("the enforced policy of {}", enforced.join("; "));
        if consent == Consent::Wanted {
            return Err(Failure::new(format!("purge {what}")).hint(
                "mail would go out unprotected until the policy is fetched again, and whoever \
                 keeps that from happening reads it; `cache refresh` replaces a policy without \
                 such a gap. Say --yes to purge it all the same",
            ));
        }
        output.say(&format!("this takes away {what}"));
    }
    ask(&store, file, Verb::Purge, domains.to_vec(), output).await
}

/// Tells the daemon what is wanted, and waits until it has taken it.
async fn ask(
    store: &Store,
    file: &Path,
    verb: Verb,
    domains: Vec<DomainName>,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let failed = |error: StoreError| stored::failure(file, &error);
    let intents = store.intents();
    let count = domains.len();
    let now = Clock::system().now().as_second();
    intents.add(verb, domains.clone(), now).await.map_err(failed)?;
    let watch = Stopwatch::start();
    let mut waiting = domains;
    loop {
        waiting = intents.waiting(verb, waiting).await.map_err(failed)?;
        if waiting.is_empty() || watch.elapsed() >= PATIENCE {
            break;
        }
        sleep(PAUSE).await;
    }
    store.close().await;
    if waiting.is_empty() {
        output.say(&match verb {
            Verb::Purge => format!("purged {count}"),
            Verb::Refresh | Verb::Warm => format!("done: the daemon fetches {count} anew"),
        });
        return Ok(Outcome::Clean);
    }
    let waiting = waiting.len();
    output.say(&format!("no daemon took {waiting} of {count} yet: it is done when one runs"));
    Ok(Outcome::Unknown)
}

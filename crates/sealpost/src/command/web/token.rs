//! `sealpost web token`

use sealpost_rollout::Time;
use sealpost_runtime::Clock;
use sealpost_store::{Act, ActKind, Rights, Settings, Store, StoreError, Token};
use sealpost_web::NewToken;

use crate::arguments::{
    ListTokensArguments, NewTokenArguments, ReceiveConfiguration, RevokeTokenArguments, ScopeName,
};
use crate::outcome::{Failure, Outcome, with_source, without_controls};
use crate::output::Output;

const DAY: i64 = 86_400;

pub(super) async fn new(
    arguments: &NewTokenArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let store = open(&arguments.store).await?;
    let made = NewToken::make()
        .ok_or_else(|| Failure::new("make a token: the system gives no random octets"))?;
    let now = Clock::system().now().as_second();
    let token = Token {
        name: arguments.name.clone(),
        rights: match arguments.scope {
            ScopeName::Read => Rights::Read,
            ScopeName::Write => Rights::Write,
        },
        made_at: now,
        ends_at: arguments.days.map(|days| now.saturating_add(i64::from(days) * DAY)),
        used_at: None,
    };
    let about = match arguments.days {
        Some(days) => format!("{} ({}, for {days} days)", token.name, token.rights.as_str()),
        None => format!("{} ({})", token.name, token.rights.as_str()),
    };
    let added = store.tokens().add(token, made.hash).await.map_err(failure)?;
    let outcome = if added { "made" } else { "there is one of this name already" };
    let by = &arguments.by;
    store.audit().note(act(by, now, "make a token", about, outcome)).await.map_err(failure)?;
    store.close().await;
    if !added {
        output.say("there is a token of this name already; revoke it first, or take another name");
        return Ok(Outcome::Findings);
    }
    output.line(&made.text)?;
    output.say("keep it well: it is shown this once");
    Ok(Outcome::Clean)
}

pub(super) async fn list(
    arguments: &ListTokensArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let store = open(&arguments.store).await?;
    for token in store.tokens().list().await.map_err(failure)? {
        let ends =
            token.ends_at.map_or("when it is revoked".to_owned(), |at| Time::at(at).to_string());
        let used = token.used_at.map_or("never".to_owned(), |at| Time::at(at).to_string());
        let made = Time::at(token.made_at);
        output.line(&format!(
            "{}: {}, made {made}, ends {ends}, last used {used}",
            token.name,
            token.rights.as_str()
        ))?;
    }
    Ok(Outcome::Clean)
}

pub(super) async fn revoke(
    arguments: &RevokeTokenArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let store = open(&arguments.store).await?;
    let name = arguments.name.clone();
    let revoked = store.tokens().revoke(name.clone()).await.map_err(failure)?;
    let outcome = if revoked { "revoked" } else { "there is none of this name" };
    let (by, now) = (&arguments.by, Clock::system().now().as_second());
    store.audit().note(act(by, now, "revoke a token", name, outcome)).await.map_err(failure)?;
    store.close().await;
    if !revoked {
        output.say("there is no token of this name");
        return Ok(Outcome::Findings);
    }
    output.say("revoked");
    Ok(Outcome::Clean)
}

/// A row of the audit log.
fn act(by: &str, at: i64, what: &str, about: String, outcome: &str) -> Act {
    let by = by.trim();
    Act {
        kind: ActKind::Change,
        at,
        who: without_controls(if by.is_empty() { "somebody" } else { by }),
        source: "command line".to_owned(),
        what: what.to_owned(),
        about,
        outcome: outcome.to_owned(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn failure(error: StoreError) -> Failure {
    Failure::new(with_source(&error))
}

/// The store that `serve` shows.
async fn open(arguments: &ReceiveConfiguration) -> Result<Store, Failure> {
    let path = arguments.section()?.store_file();
    let store = Store::open(Settings::at(&path)).await;
    store.map_err(|error| Failure::new(format!("{} ({})", with_source(&error), path.display())))
}

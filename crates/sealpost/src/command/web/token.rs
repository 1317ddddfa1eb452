//! `sealpost web token`

use sealpost_rollout::Time;
use sealpost_runtime::Clock;
use sealpost_store::{Rights, Settings, Store, Token, Tokens};
use sealpost_web::NewToken;

use crate::arguments::{
    ListTokensArguments, NewTokenArguments, ReceiveConfiguration, RevokeTokenArguments, ScopeName,
};
use crate::outcome::{Failure, Outcome, with_source};
use crate::output::Output;

const DAY: i64 = 86_400;

pub(super) async fn new(
    arguments: &NewTokenArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let tokens = open(&arguments.store).await?;
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
    let added = tokens.add(token, made.hash).await;
    if !added.map_err(|error| Failure::new(with_source(&error)))? {
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
    let tokens = open(&arguments.store).await?.list().await;
    for token in tokens.map_err(|error| Failure::new(with_source(&error)))? {
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
    let revoked = open(&arguments.store).await?.revoke(arguments.name.clone()).await;
    if !revoked.map_err(|error| Failure::new(with_source(&error)))? {
        output.say("there is no token of this name");
        return Ok(Outcome::Findings);
    }
    output.say("revoked");
    Ok(Outcome::Clean)
}

/// The store that `serve` shows.
async fn open(arguments: &ReceiveConfiguration) -> Result<Tokens, Failure> {
    let path = arguments.section()?.store_file();
    let store = Store::open(Settings::at(&path)).await;
    let store = store
        .map_err(|error| Failure::new(format!("{} ({})", with_source(&error), path.display())))?;
    Ok(store.tokens())
}

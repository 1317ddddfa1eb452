//! `sealpost publish move`

use sealpost_publish::drive::{Doing, Order};

use super::driver::{Access, Lead, drive_failure};
use super::run::show;
use crate::arguments::MoveArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &MoveArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let lead = Lead::open(&arguments.configuration, &arguments.network, Access::Write).await?;
    let published = lead.of(&arguments.domain)?;
    let order = Order {
        to: arguments.stage,
        by: arguments.statement.by.clone(),
        reason: arguments.statement.reason.clone(),
        force: arguments.force,
    };
    let passed = lead.driver.pass(published, &lead.reading, Doing::All, Some(&order)).await;
    let pass = passed.map_err(|error| drive_failure(&error))?;
    lead.store.close().await;
    if let Some(why) = &pass.refused {
        output.say(&format!("refused: {why}"));
        return Ok(Outcome::Findings);
    }
    show(&pass, Doing::All, output)?;
    if let Some(remains) = &pass.remains {
        output.say(&format!("{} → {}; {remains}", pass.before, pass.stage));
    }
    let is_whole = pass.before != pass.stage && pass.remains.is_none();
    Ok(if is_whole { Outcome::Clean } else { Outcome::Findings })
}

//! `sealpost enforce setup postfix`

mod saved;
mod show;

use std::time::Duration;

use sealpost_enforce::setup::{Plan, PostfixFound, Proof, Record, Undo};
use sealpost_net::{Probes, prove_resolver};
use tokio::task::JoinSet;

use self::saved::Saved;
use self::show::{Done, Page};
use crate::arguments::{Format, SetupArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;
use crate::postconf::Postconf;

/// How long a resolver has to prove itself. A cold one asks half the world about a bogus name before
/// it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn run(
    arguments: &SetupArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let postconf = Postconf::new(&arguments.postconf, arguments.config_directory.as_deref());
    let found = postconf.found().await?;
    let folder = found.values.get("config_directory").map_or("", String::as_str);
    let saved = Saved::beside(folder)?;
    let record = saved.record()?;
    if arguments.undo {
        return undo(arguments, &postconf, &found, record, &saved, output).await;
    }

    let proofs = prove(&found, &arguments.probes()).await;
    let plan = Plan::new(&found, &arguments.listen, &proofs, record.as_ref());
    let plan = plan.map_err(|error| Failure::new(error).hint("nothing was changed"))?;
    let done = if !arguments.write {
        Done::Nothing
    } else if plan.lines.is_empty() {
        Done::NothingToDo
    } else {
        let lines = plan.lines.iter().map(|line| (line.name, line.value.as_str()));
        saved.keep(&Record::of(&plan, record.clone()), record.as_ref())?;
        postconf.edit(lines).await?;
        Done::Written(&saved)
    };
    let page = Page { found: &found, proofs: &proofs, plan: &plan, done };
    match arguments.format {
        Format::Human => output.text(&page.to_string())?,
        Format::Json => output.json(&page.json())?,
    }
    Ok(page.outcome())
}

/// Looks at each resolver of Postfix, all at once.
async fn prove(found: &PostfixFound, probes: &Probes) -> Vec<Proof> {
    let mut looking = JoinSet::new();
    for (place, resolver) in found.resolvers().into_iter().enumerate() {
        let probes = probes.clone();
        looking.spawn(async move {
            let outcome = prove_resolver(resolver, &probes, PATIENCE).await;
            (place, Proof { resolver, outcome })
        });
    }
    let mut proofs = looking.join_all().await;
    proofs.sort_by_key(|(place, _)| *place);
    proofs.into_iter().map(|(_, proof)| proof).collect()
}

async fn undo(
    arguments: &SetupArguments,
    postconf: &Postconf<'_>,
    found: &PostfixFound,
    record: Option<Record>,
    saved: &Saved,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let Some(record) = record else {
        let file = saved.record_file().display();
        return Err(Failure::new(format!("undo what was set: there is no {file}"))
            .hint("nothing was changed; what --write sets, it notes in that file"));
    };
    let steps = record.undo(&found.set);
    let (mut restored, mut removed) = (Vec::new(), Vec::new());
    for step in &steps {
        match step {
            Undo::Restore { name, value } => restored.push((name.as_str(), value.as_str())),
            Undo::Remove { name } => removed.push(name.as_str()),
            Undo::LeaveAlone { .. } => {}
        }
    }
    postconf.edit(restored).await?;
    postconf.remove(&removed).await?;
    let is_whole = !steps.iter().any(|step| matches!(step, Undo::LeaveAlone { .. }));
    saved.forget(is_whole.then(|| saved.backup_file()))?;
    match arguments.format {
        Format::Human => {
            let folder = found.values.get("config_directory").map_or("", String::as_str);
            output.text(&show::undone(&steps, saved, folder))?;
        }
        Format::Json => output.json(&steps)?,
    }
    Ok(if is_whole { Outcome::Clean } else { Outcome::Findings })
}

//! `sealpost lab attack`, `cease`, `mend` and `attacks`

use sealpost_lab::{Attack, Control, ControlError};

use crate::arguments::{LabCommand, LabPlace};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn run(command: &LabCommand, output: &mut Output) -> Result<Outcome, Failure> {
    match command {
        LabCommand::Attack { name, domain, lab } => {
            connect(lab)?.attack(name, domain).map_err(failure)?;
        }
        LabCommand::Cease { name, domain, lab } => match domain {
            Some(domain) => connect(lab)?.cease(name, domain).map_err(failure)?,
            None if name == "all" => connect(lab)?.cease_all().map_err(failure)?,
            None => {
                return Err(Failure::new("choose what to end")
                    .hint("name the domain too, or write `cease all`"));
            }
        },
        LabCommand::Mend { host, lab } => connect(lab)?.mend(host).map_err(failure)?,
        LabCommand::Attacks { lab } => list(lab, output)?,
        LabCommand::Reports(arguments) => return super::reports::run(arguments, output),
    }
    Ok(Outcome::Clean)
}

fn list(lab: &LabPlace, output: &mut Output) -> Result<(), Failure> {
    let on = match lab.directory {
        Some(_) => connect(lab)?.attacks().map_err(failure)?,
        None => Vec::new(),
    };
    for attack in Attack::ALL {
        output.line(attack.name())?;
        output.line(&format!("    {}", attack.about()))?;
        output.line(&format!("    with a cached enforce policy: {}", attack.with_policy()))?;
        output.line(&format!("    with none known: {}", attack.without_policy()))?;
        for (_, domain) in on.iter().filter(|(name, _)| name == attack.name()) {
            output.line(&format!("    ON: {domain}"))?;
        }
    }
    Ok(())
}

fn connect(lab: &LabPlace) -> Result<Control, Failure> {
    Control::connect(lab.directory.as_deref()).map_err(failure)
}

#[expect(clippy::needless_pass_by_value, reason = "it goes after map_err")]
fn failure(error: ControlError) -> Failure {
    let failure = Failure::new(&error);
    match error {
        ControlError::NoLab => failure.hint("start one with `sealpost lab --serve`"),
        ControlError::SeveralLabs(_) => failure.hint("say which with --directory"),
        _ => failure,
    }
}

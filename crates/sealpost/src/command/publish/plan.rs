//! `sealpost publish plan`

use std::time::Duration;

use mta_sts::MxPattern;
use sealpost_rollout::{
    Action, Change, Force, History, MxSet, Past, Plan, Refusal, Removal, Situation, Stage, Time,
    Timing, plan_change, plan_removal,
};
use sealpost_rules::provider::Provider;
use serde::Serialize;

use super::known::Known;
use crate::arguments::{Format, PastWord, PlanArguments, ProviderName};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The TTL of an STS record that nobody knows: one day.
const UNKNOWN_TTL: Duration = Duration::from_secs(86_400);

#[derive(Debug, Serialize)]
struct Line {
    /// RFC 3339.
    not_before: String,
    action: &'static str,
    text: String,
    why: String,
    /// The policy to serve, where that is the step.
    body: Option<String>,
}

pub(super) async fn run(
    arguments: &PlanArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match make(arguments, output).await? {
        Ok(plan) => show(&plan, arguments.format, output),
        Err(refusal) => refuse(&refusal, arguments, output),
    }
}

/// The plan that is asked for, or why there is none.
pub(in crate::command) async fn make(
    arguments: &PlanArguments,
    output: &mut Output,
) -> Result<Result<Plan, Refusal>, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let published = known.of(&arguments.domain)?;
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let rollout = known.witnessed(&arguments.domain).await?;
    let (history, mut mx) = match rollout {
        Some(_) if arguments.past.is_some() => {
            return Err(Failure::new(format!(
                "plan for {} with --past: it is in the store already",
                arguments.domain
            ))
            .hint(format!(
                "state it once with `sealpost publish past {} nothing|SECONDS --reason WHY`",
                arguments.domain
            )));
        }
        Some(rollout) => (rollout.history, rollout.mx),
        None => {
            let past = arguments.past.map_or(Past::Unknown, |PastWord(past)| past);
            let mut history = History::new(known.now, past);
            let policy = published.policy(Stage::EnforceLong).map_err(|error| {
                Failure::new(format!("make the policy of {}: {error}", published.domain))
            })?;
            if let Some(policy) = policy {
                let id = policy.id();
                history.serve(Some(policy), known.now, Duration::ZERO);
                history.announce(id, known.now, UNKNOWN_TTL, Duration::ZERO);
            }
            output.say(&format!(
                "note: nothing is kept of {}: the configured policy counts as served from now on",
                arguments.domain
            ));
            (history, Vec::new())
        }
    };
    if !arguments.mx.is_empty() {
        for set in mx.iter_mut().filter(|set| set.until.is_none()) {
            set.until = Some(known.now);
        }
        let (hosts, ttl) = (arguments.mx.clone(), seconds(arguments.mx_ttl));
        mx.push(MxSet { hosts, ttl, until: None });
    }
    let current: Vec<MxPattern> = mx
        .iter()
        .filter(|set| set.until.is_none())
        .flat_map(|set| set.hosts.iter().cloned().map(MxPattern::exact))
        .collect();
    if current.is_empty() && !arguments.leave {
        return Err(Failure::new(format!(
            "plan for {}: its MX records are not known",
            arguments.domain
        ))
        .hint("name each host of them with --mx"));
    }
    let live_ttl = history.live_id().map_or(UNKNOWN_TTL, |id| id.ttl);
    let timing = Timing {
        txt_ttl: live_ttl.max(seconds(published.ttl)),
        zone_spread: seconds(arguments.zone_spread),
        body_spread: seconds(arguments.body_spread),
    };
    let situation = Situation { now: known.now, history, mx, timing };
    let on = arguments.on.map(|time| Time::at(time.as_second()));
    let force = arguments.force.clone().map(|reason| Force { reason });
    Ok(if arguments.leave {
        let max_age = published.settings.leaving_max_age;
        plan_removal(&situation, &Removal { max_age, remove_at: on, force })
    } else {
        let mut add = arguments.add_mx.clone();
        let mut remove = arguments.remove_mx.clone();
        if let Some(provider) = arguments.change_provider {
            add.extend(patterns(provider));
            let stays = |old: &MxPattern| add.iter().any(|new| new.matches(old.base()));
            remove = current.iter().filter(|old| !stays(old)).cloned().collect();
        }
        plan_change(&situation, &Change { add, remove, switch_at: on, force })
    })
}

fn refuse(
    refusal: &Refusal,
    arguments: &PlanArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    output.say(&format!("refused: {refusal}"));
    if let Refusal::TooEarly { .. } = refusal {
        output.say(&format!(
            "\nhint: leave --on out to get the earliest plan for {}; --force REASON plans it all \
             the same",
            arguments.domain
        ));
    }
    Ok(Outcome::Findings)
}

/// What is to be done, and when.
pub(in crate::command) fn show(
    plan: &Plan,
    format: Format,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    for risk in &plan.risks {
        let until = risk.until.map_or("an unknown time".to_owned(), |until| until.to_string());
        output.say(&format!("warning: {}; senders may hold mail back until {until}", risk.text));
    }
    for step in &plan.steps {
        let body = match &step.action {
            Action::Serve(policy) => Some(policy.to_string()),
            _ => None,
        };
        match format {
            Format::Human => {
                output.line(&format!("{}  {}\n    {}", step.not_before, step.action, step.why))?;
            }
            Format::Json => output.json_line(&Line {
                not_before: step.not_before.to_string(),
                action: word(&step.action),
                text: step.action.to_string(),
                why: step.why.clone(),
                body,
            })?,
        }
    }
    Ok(Outcome::Clean)
}

fn word(action: &Action) -> &'static str {
    match action {
        Action::Serve(_) => "serve",
        Action::Announce(_) => "announce",
        Action::SwitchMx { .. } => "switch-mx",
        Action::RetireHosts(_) => "retire-hosts",
        Action::RemoveRecord => "remove-record",
        Action::RemovePolicyHost => "remove-policy-host",
    }
}

fn patterns(provider: ProviderName) -> Vec<MxPattern> {
    match provider {
        ProviderName::GoogleWorkspace => Provider::GoogleWorkspace.patterns(),
        ProviderName::Microsoft365 => Provider::Microsoft365.patterns(),
        ProviderName::Proofpoint => Provider::Proofpoint.patterns(),
        ProviderName::SelfHosted => Vec::new(),
    }
}

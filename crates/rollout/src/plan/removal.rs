//! The way out.

use mta_sts::{Mode, Policy};

use super::{
    Action, Force, Plan, PlanStep, Refusal, Removal, Situation, announce, dated, over_at, publish,
};
/// Plans the way out of MTA-STS: mode none, the wait, and then the removal.
///
/// Until the record may go, every mail host has to remain as it is: senders may hold a policy that
/// demands it.
///
/// # Errors
///
/// [`Refusal`], above all [`Refusal::TooEarly`] where a date is asked for at which a sender could
/// still hold a policy of ours.
pub fn plan_removal(situation: &Situation, removal: &Removal) -> Result<Plan, Refusal> {
    let Situation { now, timing, .. } = situation;
    let (now, mut history) = (*now, situation.history.clone());
    let force = Force::checked(removal.force.as_ref())?;
    if history.live_body().is_none() && history.live_id().is_none() {
        return Err(Refusal::NothingToDo);
    }
    let mut plan = Plan { steps: Vec::new(), risks: Vec::new() };
    let is_none = history.live().is_some_and(|policy| policy.mode() == Mode::None);
    if is_none && history.live_id().is_some() {
        announce(&mut plan, &mut history, now, timing);
    } else if !is_none && history.live_body().is_some() {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-8.3
        //# Publish a new policy with "mode" equal to "none" and a small
        //# "max_age" (e.g., one day).
        let none = Policy::new(Mode::None, removal.max_age, [])?;
        let why = "senders that fetch it let go of what they hold";
        publish(&mut plan, &mut history, &none, now, timing, why);
    }
    // Where no body is served, the record that is left keeps nothing alive but what was fetched
    // under it: it is the first to go.
    let held = if history.live_body().is_some() {
        history.horizon()
    } else {
        let mut without = history.clone();
        without.stop_announcing(now);
        without.horizon()
    };
    let what = "removing MTA-STS";
    let (at, risk) = dated(what, removal.remove_at, over_at(held, now), force, now)?;
    plan.risks.extend(risk);
    let at = plan.ends_at().map_or(at, |end| at.max(end));
    if history.live_id().is_some() {
        plan.steps.push(PlanStep {
            not_before: at,
            action: Action::RemoveRecord,
            why: "no sender can hold a policy of ours any more, other than none".to_owned(),
        });
        history.stop_announcing(at.plus(timing.zone_spread));
    }
    if history.live_body().is_some() {
        let forgotten = history.records_forgotten_at();
        plan.steps.push(PlanStep {
            not_before: forgotten.map_or(at, |forgotten| forgotten.max(at)),
            action: Action::RemovePolicyHost,
            why: "no resolver can remember the record any more, so nobody asks for the policy"
                .to_owned(),
        });
    }
    Ok(plan)
}

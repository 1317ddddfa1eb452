//! What roles that run tell the pages.

use sealpost_web::{DecisionRow, Decisions, Examination, ObservedRow, Witness};

use super::front::{Front, Voice};
use super::role::RoleName;

/// The roles, as long as they run.
pub(super) struct RolesWitness(pub(super) Front);

impl Witness for RolesWitness {
    fn decisions(&self) -> Option<Decisions> {
        let Some(Voice::Enforce(api)) = self.0.voice(RoleName::Enforce) else { return None };
        let counts = api.decisions().map(|counted| DecisionRow {
            decision: counted.decision.as_str(),
            answered: counted.answered,
            observed: counted.observed,
        });
        let observed = api.observations().into_iter().map(|seen| ObservedRow {
            at: seen.at,
            domain: seen.domain,
            map: seen.map,
            decision: seen.decision,
            because: seen.because,
        });
        Some(Decisions { counts: counts.collect(), observed: observed.collect() })
    }

    fn examination(&self) -> Option<Examination> {
        match self.0.voice(RoleName::Report) {
            Some(Voice::Report(_, doctor)) => Some(doctor.examination()),
            _ => None,
        }
    }
}

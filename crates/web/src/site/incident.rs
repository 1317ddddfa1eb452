//! An incident that somebody takes in hand.

use sealpost_listen::http::{Request, Response, Status};
use sealpost_store::incidents::Acknowledgement;
use sealpost_store::{Act, ActKind};

use super::{
    Site,
    change::{LONGEST_REASON, NotDone, bad, read_json},
};
use crate::{
    access::{Caller, Who},
    api,
    metrics::{DeedOutcome, Refused},
    model::{AcknowledgeWish, Done},
    pages,
};

/// The longest time for which nobody is told, in hours.
const LONGEST: u32 = 8_760;
/// Seconds of an hour.
const HOUR: i64 = 3_600;

impl Site {
    /// The wish of a program; only a token will do.
    pub(super) async fn acknowledge_by_program(
        &self,
        id: &str,
        request: &Request,
        caller: &Caller,
    ) -> Response {
        if !matches!(caller.who, Who::Program(_)) || !caller.may_write() {
            self.metrics.refused.increment(Refused::Rights);
            let why = "changes want a token with the right to write: `sealpost web token new`";
            return api::error(Status::Forbidden, why);
        }
        match self.acknowledge(id, read_json(request), caller).await {
            Ok(said) => api::json_of(Status::Ok, &Done { said }),
            Err((status, why)) => api::error(status, &why),
        }
    }

    /// The wish of a person, from the form of the incident's page.
    pub(super) async fn acknowledge_by_form(
        &self,
        id: &str,
        request: &Request,
        caller: &Caller,
    ) -> Response {
        if let Err(refused) = self.admit_form(request, caller).await {
            return refused;
        }
        let frame = self.frame(&["incidents"], caller);
        if !caller.may_write() {
            self.metrics.refused.increment(Refused::Rights);
            let text = "you may look, and change nothing".to_owned();
            let page = pages::Message { frame, title: "Refused", text };
            return pages::page(Status::Forbidden, &page);
        }
        let form = request.form().unwrap_or_default();
        let field = |wanted: &str| {
            let found = form.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let wish = match field("hours").parse() {
            Ok(hours) => Ok(AcknowledgeWish { reason: field("reason"), hours }),
            Err(_) => bad("give a number of hours"),
        };
        match self.acknowledge(id, wish, caller).await {
            // The id was read, so it is one.
            Ok(said) => Response::text(Status::SeeOther, format!("{said}\n"))
                .field("location", &format!("/incidents/{id}")),
            Err((status, text)) => {
                let page = pages::Message { frame, title: "Not done", text };
                pages::page(status, &page)
            }
        }
    }

    async fn acknowledge(
        &self,
        id: &str,
        wish: Result<AcknowledgeWish, NotDone>,
        caller: &Caller,
    ) -> Result<String, NotDone> {
        let Ok(id) = id.parse::<sealpost_store::incidents::IncidentId>() else {
            return Err((Status::NotFound, "there is nothing of this name".to_owned()));
        };
        let AcknowledgeWish { reason, hours } = wish?;
        let reason = reason.trim().to_owned();
        let is_fit = !reason.is_empty() && reason.chars().count() <= LONGEST_REASON;
        if !is_fit || reason.chars().any(char::is_control) {
            return bad("give a reason, in one line of at most 500 characters");
        }
        if !(1..=LONGEST).contains(&hours) {
            return bad("give a number of hours from 1 to 8760");
        }
        let now = self.desk.clock.now().as_second();
        let until = now.saturating_add(i64::from(hours) * HOUR);
        let by = caller.name();
        let word = Acknowledgement { by: by.clone(), at: now, until, reason: reason.clone() };
        let taken = self.desk.store.incidents().acknowledge(id.clone(), word).await;
        let (outcome, answer) = match taken {
            Ok(true) => {
                let said = format!("nobody is told of it until {}", crate::format::time(until));
                (DeedOutcome::Done, Ok(said))
            }
            Ok(false) => {
                let why = "there is no open incident of this id".to_owned();
                (DeedOutcome::Declined, Err((Status::Conflict, why)))
            }
            Err(error) => {
                let why = format!("failed to {error}");
                (DeedOutcome::Failed, Err((Status::ServiceUnavailable, why)))
            }
        };
        self.metrics.deeds.increment(outcome);
        let said = match &answer {
            Ok(said) => said.clone(),
            Err((_, why)) => format!("not done: {why}"),
        };
        self.note(Act {
            kind: ActKind::Change,
            at: now,
            who: by,
            source: caller.source.clone(),
            what: "acknowledge".to_owned(),
            about: format!("incident {id}, for {hours} hours: {reason}"),
            outcome: said,
        })
        .await;
        answer
    }
}

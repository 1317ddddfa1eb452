//! What somebody wants changed.

use sealpost_listen::http::{Request, Response, Status};
use sealpost_rollout::Stage;
use sealpost_store::{Act, ActKind};
use serde::de::DeserializeOwned;

use super::{Site, domain, gate::encoded};
use crate::{
    access::{Caller, Who},
    api,
    deed::{Declined, Deed, Wish},
    metrics::{DeedOutcome, Refused},
    model::{AcceptWish, Done, MoveWish, WaiveWish},
    pages,
};

/// The longest reason, in characters.
pub(super) const LONGEST_REASON: usize = 500;
/// Kinds of failures that are accepted at once.
const MOST_GROUPS: usize = 50;
/// The longest name of one.
const LONGEST_GROUP: usize = 1_024;

/// Why nothing is done, with what to answer.
pub(super) type NotDone = (Status, String);

impl Site {
    /// A wish of a program. Only a token will do: a browser sends cookies, and a proxy a name, also
    /// with what a page elsewhere makes it ask.
    pub(super) async fn change_by_program(
        &self,
        name: &str,
        verb: &str,
        request: &Request,
        caller: &Caller,
    ) -> Response {
        if !matches!(caller.who, Who::Program(_)) || !caller.may_write() {
            self.metrics.refused.increment(Refused::Rights);
            let why = "changes want a token with the right to write: `sealpost web token new`";
            return api::error(Status::Forbidden, why);
        }
        let wished = match verb {
            "move" => read_json(request).and_then(moved),
            "waive" => read_json(request).map(|WaiveWish { reason }| (Deed::Waive, reason)),
            _ => read_json(request)
                .map(|AcceptWish { groups, reason }| (Deed::Accept { groups }, reason)),
        };
        match self.change(name, wished, caller).await {
            Ok(said) => api::json_of(Status::Ok, &Done { said }),
            Err((status, why)) => api::error(status, &why),
        }
    }

    /// A wish of a person, from a form of a page.
    pub(super) async fn change_by_form(
        &self,
        name: &str,
        verb: &str,
        request: &Request,
        caller: &Caller,
    ) -> Response {
        if let Err(refused) = self.admit_form(request, caller) {
            return refused;
        }
        let frame = self.frame(&["domains"], caller);
        if !caller.may_write() {
            self.metrics.refused.increment(Refused::Rights);
            let text = "you may look, and change nothing".to_owned();
            let page = pages::Message { frame, title: "Refused", text };
            return pages::page(Status::Forbidden, &page);
        }
        let form = request.form().unwrap_or_default();
        let fields = |wanted: &str| -> Vec<String> {
            let found = form.iter().filter(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).collect()
        };
        let field = |wanted: &str| fields(wanted).into_iter().next().unwrap_or_default();
        let reason = field("reason");
        let wished = match verb {
            "move" => moved(MoveWish { to: field("to"), reason, force: field("force") == "yes" }),
            "waive" => Ok((Deed::Waive, reason)),
            _ => Ok((Deed::Accept { groups: fields("group") }, reason)),
        };
        match self.change(name, wished, caller).await {
            Ok(said) => Response::text(Status::SeeOther, format!("{said}\n"))
                .field("location", &format!("/domains/{}#logbook", encoded(name))),
            Err((status, text)) => {
                let page = pages::Message { frame, title: "Not done", text };
                pages::page(status, &page)
            }
        }
    }

    async fn change(
        &self,
        name: &str,
        wished: Result<(Deed, String), NotDone>,
        caller: &Caller,
    ) -> Result<String, NotDone> {
        let domain = domain(name).map_err(super::Refusal::told)?;
        let (deed, reason) = wished?;
        let reason = reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            return bad("give a reason, of at most 500 characters: the logbook wants one");
        }
        if reason.chars().any(char::is_control) {
            return bad("give a reason in one line");
        }
        if let Deed::Accept { groups } = &deed
            && (groups.is_empty()
                || groups.len() > MOST_GROUPS
                || groups.iter().any(|group| group.len() > LONGEST_GROUP))
        {
            return bad("name 1 to 50 kinds of failures, each as a failure of the domain has it");
        }
        let Some(hands) = self.hands() else {
            let why = "nothing is led on from here: the role publish does not run";
            return Err((Status::Conflict, why.to_owned()));
        };
        let (what, about) = (deed.as_str(), format!("{domain} {}: {reason}", deed.about()));
        let by = caller.name();
        let done = hands.carry_out(Wish { domain, deed, by: by.clone(), reason }).await;
        let (outcome, answer) = match done {
            Ok(said) => (DeedOutcome::Done, Ok(said)),
            Err(Declined::Unknown(why)) => (DeedOutcome::Declined, Err((Status::NotFound, why))),
            Err(Declined::Refused(why)) => (DeedOutcome::Declined, Err((Status::Conflict, why))),
            Err(Declined::Failed(why)) => {
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
            at: self.desk.clock.now().as_second(),
            who: by,
            source: caller.source.clone(),
            what: what.to_owned(),
            about,
            outcome: said,
        })
        .await;
        answer
    }
}

fn moved(MoveWish { to, reason, force }: MoveWish) -> Result<(Deed, String), NotDone> {
    match to.parse::<Stage>() {
        Ok(to) => Ok((Deed::Move { to, force }, reason)),
        Err(_) => bad("there is no stage of this name"),
    }
}

pub(super) fn read_json<T: DeserializeOwned>(request: &Request) -> Result<T, NotDone> {
    let kind = request.fields.single("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let why = "send JSON, with Content-Type: application/json".to_owned();
        return Err((Status::UnsupportedMediaType, why));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| (Status::BadRequest, format!("the body does not fit: {error}")))
}

pub(super) fn bad<T>(why: &str) -> Result<T, NotDone> {
    Err((Status::BadRequest, why.to_owned()))
}

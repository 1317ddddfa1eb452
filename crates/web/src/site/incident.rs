//! An incident that somebody takes in hand.

use sealpost_listen::http::{Request, Response, Status};
use sealpost_store::incidents::{Acknowledgement, IncidentId};

use super::{
    Site,
    change::{LONGEST_REASON, NotDone, bad, read_json},
    gate::form_page,
};
use crate::{
    access::Caller,
    api,
    deed::Carried,
    metrics::DeedOutcome,
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
        if let Err(refused) = self.admit_program(request, caller).await {
            return refused;
        }
        match self.acknowledge(id, read_json(request), caller).await {
            Ok(Carried { said, .. }) => api::json_of(Status::Ok, &Done { said }),
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
        let frame = self.frame(&["incidents"], caller);
        if let Err(refused) = self.admit_person(request, caller, &frame).await {
            return refused;
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
            Ok(Carried { said, .. }) => Response::text(Status::SeeOther, format!("{said}\n"))
                .field("location", &format!("/incidents/{id}")),
            Err((status, text)) => {
                let back = form_page(request);
                let page = pages::Message { frame, title: "Not done", text, back };
                pages::page(status, &page)
            }
        }
    }

    async fn acknowledge(
        &self,
        id: &str,
        wish: Result<AcknowledgeWish, NotDone>,
        caller: &Caller,
    ) -> Result<Carried, NotDone> {
        let Ok(id) = id.parse::<IncidentId>() else {
            return Err((Status::NotFound, "there is nothing of this name".to_owned()));
        };
        let about = format!("incident {id}");
        let (site, by, incident) = (self.clone(), caller.name(), about.clone());
        let doing = async move {
            match wish.and_then(fit) {
                Ok(AcknowledgeWish { reason, hours }) => {
                    let about = format!("{incident}, for {hours} hours: {reason}");
                    (about, site.take_in_hand(id, by, reason, hours).await)
                }
                Err(not_done) => (incident, Err(not_done)),
            }
        };
        self.done_and_noted("acknowledge", about, caller, doing).await
    }

    async fn take_in_hand(
        &self,
        id: IncidentId,
        by: String,
        reason: String,
        hours: u32,
    ) -> Result<Carried, NotDone> {
        let at = self.desk.clock.now().as_second();
        let until = at.saturating_add(i64::from(hours) * HOUR);
        let word = Acknowledgement { by, at, until, reason };
        let (outcome, answer) = match self.desk.store.incidents().acknowledge(id, word).await {
            Ok(true) => {
                let said = format!("nobody is told of it until {}", crate::format::time(until));
                (DeedOutcome::Done, Ok(Carried { said, remains: None }))
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
        answer
    }
}

/// What is wished, if it makes sense.
fn fit(wish: AcknowledgeWish) -> Result<AcknowledgeWish, NotDone> {
    let AcknowledgeWish { reason, hours } = wish;
    let reason = reason.trim().to_owned();
    let is_fit = !reason.is_empty() && reason.chars().count() <= LONGEST_REASON;
    if !is_fit || reason.chars().any(char::is_control) {
        return bad("give a reason, in one line of at most 500 characters");
    }
    if !(1..=LONGEST).contains(&hours) {
        return bad("give a number of hours from 1 to 8760");
    }
    Ok(AcknowledgeWish { reason, hours })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use futures_util::FutureExt as _;
    use sealpost_evidence::incident::{Basis, Urgency};
    use sealpost_runtime::Clock;
    use sealpost_store::{
        Rights, Settings, Store,
        incidents::{Change, Deed, Incident, Phase},
    };

    use super::*;
    use crate::{Access, Section, access::Who};

    fn incident(id: IncidentId) -> Incident {
        Incident {
            id,
            cause: "INC601".to_owned(),
            domain: "one.example".parse().unwrap(),
            subject: String::new(),
            phase: Phase::Open,
            urgency: Urgency::Note,
            basis: Basis::Look,
            since: 1,
            opened_at: Some(1),
            gone_since: None,
            resolved_at: None,
            told: None,
            told_to: BTreeSet::new(),
            summary: "it ends".to_owned(),
            grounds: Vec::new(),
            silent_until: None,
            acknowledged: None,
            revision: 0,
            number: 0,
        }
    }

    #[tokio::test]
    async fn what_is_taken_in_hand_is_noted_though_nobody_waits_for_it_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let id = IncidentId::of([7; 8]);
        let new = Change { incident: incident(id.clone()), deed: Deed::Add, notices: Vec::new() };
        store.incidents().apply(vec![new]).await.unwrap();
        let access = Access::new(&Section::default(), None).unwrap();
        let site = Site::new(store.clone(), None, Clock::system(), access, "0");
        let (who, source) = (Who::Person("ada".to_owned()), "192.0.2.1".to_owned());
        let caller = Caller { who, rights: Rights::Write, source };
        let wish = AcknowledgeWish { reason: "known".to_owned(), hours: 5 };
        // It has begun, and the client is gone.
        let begun = site.acknowledge(id.as_str(), Ok(wish), &caller).now_or_never();
        assert!(begun.is_none(), "nothing is done at once");
        for _ in 0..6_000 {
            let rows = store.audit().list(None, 10).await.unwrap();
            if let [(_, act)] = rows.as_slice() {
                assert_eq!((&*act.who, &*act.what), ("ada", "acknowledge"));
                assert!(act.about.ends_with(", for 5 hours: known"), "{}", act.about);
                let (incident, _) = store.incidents().incident(id).await.unwrap().unwrap();
                assert_eq!(incident.acknowledged.unwrap().by, "ada");
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it was done, and nobody wrote it down");
    }
}

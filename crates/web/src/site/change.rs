//! What somebody wants changed.

use sealpost_listen::http::{Request, Response, Status};
use sealpost_rollout::Stage;
use sealpost_store::{Act, ActKind};
use serde::de::DeserializeOwned;

use super::{
    Site, domain,
    gate::{encoded, form_page},
};
use crate::{
    access::{Caller, Who},
    api,
    deed::{Carried, Declined, Deed, Wish},
    metrics::{DeedOutcome, Refused},
    model::{AcceptWish, Done, MoveWish, WaiveWish},
    pages::{self, Frame},
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
    /// A wish of a program.
    pub(super) async fn change_by_program(
        &self,
        name: &str,
        verb: &str,
        request: &Request,
        caller: &Caller,
    ) -> Response {
        if let Err(refused) = self.admit_program(request, caller).await {
            return refused;
        }
        let wished = match verb {
            "move" => read_json(request).and_then(moved),
            "waive" => read_json(request).map(|WaiveWish { reason }| (Deed::Waive, reason)),
            _ => read_json(request)
                .map(|AcceptWish { groups, reason }| (Deed::Accept { groups }, reason)),
        };
        match self.change(verb, name, wished, caller).await {
            Ok(Carried { said, remains: None }) => api::json_of(Status::Ok, &Done { said }),
            Ok(Carried { said, remains: Some(remains) }) => {
                api::json_of(Status::Ok, &Done { said: format!("{said}; {remains}") })
            }
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
        let frame = self.frame(&["domains"], caller);
        if let Err(refused) = self.admit_person(request, caller, &frame).await {
            return refused;
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
        match self.change(verb, name, wished, caller).await {
            Ok(Carried { said, remains: None }) => {
                Response::text(Status::SeeOther, format!("{said}\n"))
                    .field("location", &format!("/domains/{}#logbook", encoded(name)))
            }
            Ok(Carried { said, remains: Some(remains) }) => {
                let text = format!("{said}; {remains}");
                let title = "Done, but not whole";
                let page = pages::Message { frame, title, text, back: form_page(request) };
                pages::page(Status::Ok, &page)
            }
            Err((status, text)) => {
                let back = form_page(request);
                let page = pages::Message { frame, title: "Not done", text, back };
                pages::page(status, &page)
            }
        }
    }

    async fn change(
        &self,
        verb: &str,
        name: &str,
        wished: Result<(Deed, String), NotDone>,
        caller: &Caller,
    ) -> Result<Carried, NotDone> {
        let (desk, doer, domain) = (self.clone(), caller.clone(), name.to_owned());
        let doing = async move {
            match desk.wish(&domain, wished, &doer) {
                Ok(wish) => {
                    let about = format!("{} {}: {}", wish.domain, wish.deed.about(), wish.reason);
                    (about, desk.carry_out(wish).await)
                }
                Err(not_done) => (domain, Err(not_done)),
            }
        };
        self.done_and_noted(verb, name.to_owned(), caller, doing).await
    }

    /// Does it and notes it, both or neither: a client that goes away, or whose time is over, takes
    /// nothing with it. `doing` says what it was about, and what came of it; `about` stands in for
    /// that if it ends in a panic.
    pub(super) async fn done_and_noted(
        &self,
        verb: &str,
        about: String,
        caller: &Caller,
        doing: impl Future<Output = (String, Result<Carried, NotDone>)> + Send + 'static,
    ) -> Result<Carried, NotDone> {
        let (site, caller, verb) = (self.clone(), caller.clone(), verb.to_owned());
        let done = tokio::spawn(async move {
            // A panic in it is noted too.
            let (about, answer) =
                tokio::spawn(doing).await.unwrap_or_else(|error| (about, ended_early(&error)));
            let outcome = match &answer {
                Ok(Carried { said, remains: None }) => said.clone(),
                Ok(Carried { said, remains: Some(remains) }) => format!("{said}; {remains}"),
                Err((Status::InternalServerError, why)) => {
                    format!("it is not known how far: {why}")
                }
                Err((_, why)) => format!("not done: {why}"),
            };
            site.note(Act {
                kind: ActKind::Change,
                at: site.desk.clock.now().as_second(),
                who: caller.name(),
                source: caller.source,
                what: verb,
                about,
                outcome,
            })
            .await;
            answer
        });
        done.await.unwrap_or_else(|error| ended_early(&error))
    }

    /// Whether a program may change something, or what it hears. Only a token will do: a browser
    /// sends cookies, and a proxy a name, also with what a page elsewhere makes it ask.
    pub(super) async fn admit_program(
        &self,
        request: &Request,
        caller: &Caller,
    ) -> Result<(), Response> {
        if matches!(caller.who, Who::Program(_)) && caller.may_write() {
            return Ok(());
        }
        self.refuse_change(request, caller).await;
        let why = "changes want a token with the right to write: `sealpost web token new`";
        Err(api::error(Status::Forbidden, why))
    }

    /// Whether a person may change something by a form of a page of ours, or what he hears.
    pub(super) async fn admit_person(
        &self,
        request: &Request,
        caller: &Caller,
        frame: &Frame,
    ) -> Result<(), Response> {
        self.admit_form(request, caller).await?;
        if caller.may_write() {
            return Ok(());
        }
        self.refuse_change(request, caller).await;
        let text = "you may look, and change nothing".to_owned();
        let (frame, back) = (frame.clone(), form_page(request));
        let page = pages::Message { frame, title: "Refused", text, back };
        Err(pages::page(Status::Forbidden, &page))
    }

    async fn refuse_change(&self, request: &Request, caller: &Caller) {
        self.metrics.refused.increment(Refused::Rights);
        self.note_refusal(request, &caller.name(), "no right to change something").await;
    }

    /// What is wanted, if it makes sense.
    fn wish(
        &self,
        name: &str,
        wished: Result<(Deed, String), NotDone>,
        caller: &Caller,
    ) -> Result<Wish, NotDone> {
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
        Ok(Wish { domain, deed, by: caller.name(), reason })
    }

    async fn carry_out(&self, wish: Wish) -> Result<Carried, NotDone> {
        let Some(hands) = self.hands() else {
            let why = "nothing is led on from here: the role publish does not run";
            return Err((Status::Conflict, why.to_owned()));
        };
        let (outcome, answer) = match hands.carry_out(wish).await {
            Ok(done) => (DeedOutcome::Done, Ok(done)),
            Err(Declined::Unknown(why)) => (DeedOutcome::Declined, Err((Status::NotFound, why))),
            Err(Declined::Refused(why)) => (DeedOutcome::Declined, Err((Status::Conflict, why))),
            Err(Declined::Failed(why)) => {
                (DeedOutcome::Failed, Err((Status::ServiceUnavailable, why)))
            }
        };
        self.metrics.deeds.increment(outcome);
        answer
    }
}

fn ended_early<T>(error: &tokio::task::JoinError) -> Result<T, NotDone> {
    let why = format!("it ended early, look how far it has come: {error}");
    Err((Status::InternalServerError, why))
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

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use futures_util::future::BoxFuture;
    use sealpost_runtime::Clock;
    use sealpost_store::{Rights, Settings, Store};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{Access, Hands, Section, access::Who};

    /// Hands that do nothing before they are let.
    struct Slow {
        begun: Arc<Semaphore>,
        let_on: Arc<Semaphore>,
    }

    impl Hands for Slow {
        fn are_there(&self) -> bool {
            true
        }

        fn carry_out(&self, _: Wish) -> BoxFuture<'static, Result<Carried, Declined>> {
            let (begun, let_on) = (Arc::clone(&self.begun), Arc::clone(&self.let_on));
            Box::pin(async move {
                begun.add_permits(1);
                let_on.acquire().await.unwrap().forget();
                Ok(Carried { said: "testing → enforce-day".to_owned(), remains: None })
            })
        }
    }

    /// Hands that fall off.
    struct Broken;

    impl Hands for Broken {
        fn are_there(&self) -> bool {
            true
        }

        fn carry_out(&self, _: Wish) -> BoxFuture<'static, Result<Carried, Declined>> {
            Box::pin(async { panic!("they fall off") })
        }
    }

    async fn site(
        folder: &tempfile::TempDir,
        hands: impl Hands + 'static,
    ) -> (Store, Site, Caller) {
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let access = Access::new(&Section::default(), None).unwrap();
        let site = Site::new(store.clone(), None, Clock::system(), access, "0")
            .with_hands(Arc::new(hands));
        let (who, source) = (Who::Person("ada".to_owned()), "192.0.2.1".to_owned());
        (store, site, Caller { who, rights: Rights::Write, source })
    }

    #[tokio::test]
    async fn what_ends_in_a_panic_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let (store, site, caller) = site(&folder, Broken).await;
        let wished = Ok((Deed::Waive, "known".to_owned()));
        let (status, _) =
            site.change("waive", "example.com", wished, &caller).await.map(drop).unwrap_err();
        assert_eq!(status, Status::InternalServerError);
        let rows = store.audit().list(None, 10).await.unwrap();
        let [(_, act)] = rows.as_slice() else { panic!("{rows:?}") };
        assert!(act.outcome.starts_with("it is not known how far"), "{}", act.outcome);
    }

    #[tokio::test]
    async fn what_is_done_is_noted_though_nobody_waits_for_it_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let (begun, let_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let hands = Slow { begun: Arc::clone(&begun), let_on: Arc::clone(&let_on) };
        let (store, site, caller) = site(&folder, hands).await;
        let wished = Ok((Deed::Waive, "known".to_owned()));
        let asked = tokio::spawn(async move {
            site.change("waive", "example.com", wished, &caller).await.map(drop)
        });
        begun.acquire().await.unwrap().forget();
        // The client is gone.
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        let_on.add_permits(1);
        for _ in 0..6_000 {
            let rows = store.audit().list(None, 10).await.unwrap();
            if let [(_, act)] = rows.as_slice() {
                assert_eq!((&*act.who, &*act.what), ("ada", "waive"));
                assert_eq!(act.outcome, "testing → enforce-day");
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it was done, and nobody wrote it down");
    }
}

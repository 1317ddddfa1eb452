//! From a request to its answer.

mod change;
mod gate;
mod incident;
mod table;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mail_domain::DomainName;
use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_runtime::{Clock, metrics::Exposition};
use sealpost_store::{
    RawStore, Store, StoreError, incidents::Phase, reports::Scope, submissions::SubmissionState,
};

use tokio::sync::Semaphore;

use self::table::table;
use crate::{
    Access, Hands, Reader, ReportText, Witness,
    access::{Caller, Who, is_near, is_passed_on},
    api,
    metrics::{Answer, WebMetrics},
    model, pages,
    pages::Frame,
    queries::{
        BATCH, DeliveriesWanted, Desk, DomainPlace, Extent, IncidentsWanted, MOST_KNOWN,
        PolicyPlace, ReportsWanted, SessionsWanted, Submitted, UnreachedPlace,
    },
};

/// The longest text that is searched for.
const LONGEST_SEARCH: usize = 253;
/// A file has the rows of so many batches at most.
const MOST_BATCHES: usize = MOST_KNOWN / BATCH as usize;
/// What the further tables of pages are called.
const SECOND_TABLES: &[&str] =
    &["failures", "reporters", "reporter-days", "observed", "days", "tokens"];
const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// All pages, and `/api/v1`. Clones are the same.
#[derive(Clone)]
pub struct Site {
    desk: Desk,
    access: Access,
    hands: Option<Arc<dyn Hands>>,
    witness: Option<Arc<dyn Witness>>,
    reader: Option<Arc<dyn Reader>>,
    /// One report is read again at a time: it takes memory and time.
    reading: Arc<Semaphore>,
    settings: Arc<Mutex<Vec<model::Setting>>>,
    metrics: Arc<WebMetrics>,
    version: &'static str,
}

/// Why there is no answer of the kind that was asked for.
enum Refusal {
    /// The request makes no sense.
    Senseless(&'static str),
    /// There is no such thing.
    Unknown,
    /// The store does not answer.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What is asked for, for people or for programs.
enum Subject {
    Domains(model::Domains, Asked),
    Domain(Box<model::Domain>),
    MxHosts(model::MxHosts),
    Events(model::Events),
    Reports(model::Reports),
    Report(model::Report),
    Policies(model::Policies, Asked),
    Decisions(model::DecisionsMade),
    Unreached(model::Unreached),
    Deliveries(model::Deliveries),
    Sessions(model::Sessions),
    Doctor(model::Doctor),
    Incidents(model::Incidents),
    Incident(model::Incident),
    Activity(model::Acts),
    Settings(model::Settings),
}

/// Which part of a list somebody asked for.
struct Asked {
    /// A text that names have in them.
    search: String,
    /// It begins where the list does.
    is_first: bool,
}

impl Site {
    /// Shows what these hold. `raw` has what came in as it came. `version` is that of the program.
    pub fn new(
        store: Store,
        raw: Option<RawStore>,
        clock: Clock,
        access: Access,
        version: &'static str,
    ) -> Self {
        let (settings, metrics) = (Arc::default(), Arc::default());
        let raw = Arc::new(raw.map(OnceLock::from).unwrap_or_default());
        let desk = Desk { store, raw, clock };
        Self {
            desk,
            access,
            hands: None,
            witness: None,
            reader: None,
            reading: Arc::new(Semaphore::new(1)),
            settings,
            metrics,
            version,
        }
    }

    /// The same, where these carry out what a person wants done.
    #[must_use]
    pub fn with_hands(self, hands: Arc<dyn Hands>) -> Self {
        Self { hands: Some(hands), ..self }
    }

    /// The same, where this tells what roles know that is not in the store.
    #[must_use]
    pub fn with_witness(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// The same, where this reads again what came in.
    #[must_use]
    pub fn with_reader(self, reader: Arc<dyn Reader>) -> Self {
        Self { reader: Some(reader), ..self }
    }

    /// Who may look, and who may change something.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Shows what came in as it came from now on, where it could not be had before.
    pub fn show_raw(&self, raw: RawStore) {
        // There is one such file.
        self.desk.raw.set(raw).ok();
    }

    /// Whether what came in is shown as it came.
    pub fn shows_raw(&self) -> bool {
        self.desk.raw.get().is_some()
    }

    /// Shows these settings from now on, as those in force.
    pub fn show_settings(&self, settings: Vec<model::Setting>) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Those that carry out what a person wants done, while there are any.
    fn hands(&self) -> Option<&Arc<dyn Hands>> {
        self.hands.as_ref().filter(|hands| hands.are_there())
    }

    fn settings(&self) -> Vec<model::Setting> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes what is counted here.
    pub fn write_metrics(&self, text: &mut Exposition) {
        text.table(&*self.metrics);
    }

    /// Why somebody may not look at what others answer here; `None` if he may.
    pub async fn refusal(&self, request: &Request) -> Option<Response> {
        match self.caller(request).await {
            Ok(_) => None,
            Err(turned) => Some(self.turned(turned, request).await),
        }
    }

    /// The same for what everybody on this machine may see.
    pub async fn refusal_from_afar(&self, request: &Request) -> Option<Response> {
        if !is_near(request) || is_passed_on(request) {
            return self.refusal(request).await;
        }
        // Not by a name that somebody else has pointed here.
        let turned = self.access.pass_by_name(request).err()?;
        Some(self.turned(turned, request).await)
    }

    async fn subject(
        &self,
        parts: &[&str],
        request: &Request,
        extent: Extent,
    ) -> Result<Subject, Refusal> {
        match parts {
            ["domains"] => {
                let (search, after) = (search(request)?, after(request, DomainPlace::parse)?);
                let domains = self.desk.domains(&search, after.as_ref(), extent).await?;
                Ok(Subject::Domains(domains, Asked { search, is_first: after.is_none() }))
            }
            ["domains", name] => {
                let found = self.desk.domain(&domain(name)?).await?;
                found.map(|found| Subject::Domain(Box::new(found))).ok_or(Refusal::Unknown)
            }
            ["domains", name, "mx"] => {
                let found = self.desk.mx_hosts(&domain(name)?).await?;
                found.map(Subject::MxHosts).ok_or(Refusal::Unknown)
            }
            ["domains", name, "events"] => {
                let found = self.desk.events(&domain(name)?).await?;
                found.map(Subject::Events).ok_or(Refusal::Unknown)
            }
            ["reports"] => Ok(Subject::Reports(self.desk.reports(wanted(request)?, extent).await?)),
            ["reports", id] => {
                let sentence = |code: &str| self.reader.as_ref()?.sentence(code);
                let found = self.desk.report(number(id)?, sentence).await?;
                found.map(Subject::Report).ok_or(Refusal::Unknown)
            }
            ["policies"] => {
                let (search, after) = (search(request)?, after(request, PolicyPlace::parse)?);
                let policies = self.desk.policies(&search, after.as_ref(), extent).await?;
                Ok(Subject::Policies(policies, Asked { search, is_first: after.is_none() }))
            }
            ["decisions"] => {
                let decisions = self.witness.as_ref().and_then(|witness| witness.decisions());
                let (runs, decisions) = (decisions.is_some(), decisions.unwrap_or_default());
                Ok(Subject::Decisions(model::DecisionsMade { runs, decisions }))
            }
            ["unreached"] => {
                let after = after(request, UnreachedPlace::parse)?;
                Ok(Subject::Unreached(self.desk.unreached(after, extent).await?))
            }
            ["deliveries"] => {
                Ok(Subject::Deliveries(self.desk.deliveries(deliveries(request)?, extent).await?))
            }
            ["sessions"] => {
                Ok(Subject::Sessions(self.desk.sessions(sessions(request)?, extent).await?))
            }
            ["doctor"] => {
                let found = self.witness.as_ref().and_then(|witness| witness.examination());
                let (runs, examination) = (found.is_some(), found.unwrap_or_default());
                Ok(Subject::Doctor(model::Doctor { runs, examination }))
            }
            ["incidents"] => {
                Ok(Subject::Incidents(self.desk.incidents(incidents(request)?, extent).await?))
            }
            ["incidents", id] => {
                let id = id.parse().map_err(|_| Refusal::Unknown)?;
                let found = self.desk.incident(id).await?;
                found.map(Subject::Incident).ok_or(Refusal::Unknown)
            }
            ["activity"] => {
                let before = parameter(request, "before").filter(|text| !text.is_empty());
                let before = before.map(number).transpose()?;
                Ok(Subject::Activity(self.desk.acts(before, extent).await?))
            }
            ["settings"] => Ok(Subject::Settings(model::Settings {
                version: self.version,
                access: self.access.described(),
                settings: self.settings(),
                tokens: self.desk.tokens().await?,
            })),
            _ => Err(Refusal::Unknown),
        }
    }

    async fn page(&self, parts: &[&str], request: &Request, caller: &Caller) -> Response {
        let frame = self.frame(parts, caller);
        match self.subject(parts, request, Extent::Page).await {
            Ok(Subject::Report(mut report)) => {
                report.text = self.text(report.row.id).await;
                self.drawn(Subject::Report(report), frame, caller)
            }
            Ok(subject) => self.drawn(subject, frame, caller),
            Err(refusal) => {
                let (status, text) = refusal.told();
                let title = if status == Status::NotFound { "Not found" } else { "No answer" };
                pages::page(status, &pages::Message { frame, title, text, back: None })
            }
        }
    }

    fn frame(&self, parts: &[&str], caller: &Caller) -> Frame {
        Frame {
            here: parts.first().copied().unwrap_or_default().to_owned(),
            who: (caller.who != Who::Anyone).then(|| caller.name()),
            mark: self.access.mark(caller),
            can_write: caller.may_write() && self.hands().is_some(),
            can_log_out: matches!(caller.who, Who::Operator(_)),
        }
    }

    fn drawn(&self, subject: Subject, frame: Frame, caller: &Caller) -> Response {
        let ok = Status::Ok;
        match subject {
            Subject::Domains(domains, Asked { search, is_first }) => {
                pages::page(ok, &pages::Home { frame, domains, search, is_first })
            }
            Subject::Domain(domain) => pages::page(ok, &pages::Domain { frame, domain: *domain }),
            Subject::MxHosts(mx) => pages::page(ok, &pages::MxHosts { frame, mx }),
            Subject::Events(events) => pages::page(ok, &pages::Events { frame, events }),
            Subject::Reports(reports) => pages::page(ok, &pages::Reports { frame, reports }),
            Subject::Report(report) => {
                let has_raw = self.shows_raw();
                pages::page(ok, &pages::Report { frame, report, has_raw })
            }
            Subject::Policies(policies, Asked { search, .. }) => {
                pages::page(ok, &pages::Policies { frame, policies, search })
            }
            Subject::Decisions(decisions) => {
                pages::page(ok, &pages::Decisions { frame, decisions })
            }
            Subject::Unreached(unreached) => {
                pages::page(ok, &pages::Unreached { frame, unreached })
            }
            Subject::Deliveries(deliveries) => {
                pages::page(ok, &pages::Deliveries { frame, deliveries })
            }
            Subject::Sessions(sessions) => pages::page(ok, &pages::Sessions { frame, sessions }),
            Subject::Doctor(doctor) => pages::page(ok, &pages::Doctor { frame, doctor }),
            Subject::Incidents(incidents) => {
                pages::page(ok, &pages::Incidents { frame, incidents })
            }
            Subject::Incident(incident) => {
                let can_acknowledge = caller.may_write();
                pages::page(ok, &pages::Incident { frame, incident, can_acknowledge })
            }
            Subject::Activity(acts) => pages::page(ok, &pages::Activity { frame, acts }),
            Subject::Settings(settings) => pages::page(ok, &pages::Settings { frame, settings }),
        }
    }

    async fn data(&self, parts: &[&str], request: &Request) -> Response {
        match self.subject(parts, request, Extent::Page).await {
            Ok(Subject::Domains(value, _)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Domain(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::MxHosts(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Events(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Reports(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Report(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Policies(value, _)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Decisions(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Unreached(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Deliveries(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Sessions(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Doctor(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Incidents(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Incident(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Activity(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Settings(value)) => api::json_of(Status::Ok, &value),
            Err(refusal) => {
                let (status, text) = refusal.told();
                api::error(status, &text)
            }
        }
    }

    /// The text of a report, where it is kept and can be shown.
    async fn text(&self, id: i64) -> Option<ReportText> {
        let reader = Arc::clone(self.reader.as_ref()?);
        let turn = Arc::clone(&self.reading).acquire_owned().await.ok()?;
        // Without it everything else of the report is shown.
        let found = self.desk.raw(id).await.ok()??;
        let reading = tokio::task::spawn_blocking(move || {
            let text = reader.text(&found.octets, found.report);
            drop(turn);
            text
        });
        reading.await.ok()?
    }

    /// What a report came in, to be kept as a file and never shown by the browser.
    async fn raw(&self, id: &str) -> Response {
        let found = match number(id) {
            Ok(id) => self.desk.raw(id).await.map_err(Refusal::Store),
            Err(refusal) => Err(refusal),
        };
        match found.and_then(|found| found.ok_or(Refusal::Unknown)) {
            Ok(Submitted { digest, octets, .. }) => {
                Response::new(Status::Ok, "application/octet-stream", octets)
                    .field("content-disposition", &format!("attachment; filename=\"{digest}\""))
            }
            Err(refusal) => {
                let (status, text) = refusal.told();
                Response::text(status, format!("{text}\n"))
            }
        }
    }

    /// The table of a page as CSV.
    async fn table(&self, parts: &[&str], request: &Request) -> Response {
        match self.rows(parts, request).await {
            Ok(text) => Response::new(Status::Ok, "text/csv; charset=utf-8", text)
                .field("content-disposition", "attachment; filename=\"sealpost.csv\""),
            Err(refusal) => {
                let (status, text) = refusal.told();
                Response::text(status, format!("{text}\n"))
            }
        }
    }

    /// The rows of all pages of a table, up to a bound.
    async fn rows(&self, parts: &[&str], request: &Request) -> Result<String, Refusal> {
        if let [page @ .., name] = parts
            && SECOND_TABLES.contains(name)
        {
            return self.subject(page, request, Extent::Page).await?.second_csv(name);
        }
        let (mut text, mut asked) = (String::new(), request.clone());
        for _ in 0..MOST_BATCHES {
            let subject = self.subject(parts, &asked, Extent::Batch).await?;
            let part = subject.csv();
            let has_head = !text.is_empty();
            let rows = part.split_once("\r\n").filter(|_| has_head).map(|(_, rows)| rows);
            text.push_str(rows.unwrap_or(&part));
            let Some((name, next)) = subject.next() else { break };
            asked.query.retain(|(given, _)| given != name);
            asked.query.push((name.to_owned(), next));
        }
        Ok(text)
    }

    /// What is shown to somebody who may look.
    async fn shown(&self, parts: &[&str], request: &Request, caller: &Caller) -> Response {
        let count = |answer| self.metrics.answers.increment(answer);
        match parts {
            [""] => {
                count(Answer::Page);
                self.page(&["domains"], request, caller).await
            }
            ["api", "v1", "openapi.json"] => {
                count(Answer::Data);
                api::json_of(Status::Ok, &api::description(self.version))
            }
            ["api", "v1", parts @ ..] => {
                count(Answer::Data);
                self.data(parts, request).await
            }
            ["csv", parts @ ..] => {
                count(Answer::File);
                self.table(parts, request).await
            }
            ["reports", id, "raw"] => {
                count(Answer::File);
                self.raw(id).await
            }
            parts => {
                count(Answer::Page);
                self.page(parts, request, caller).await
            }
        }
    }
}

impl HttpService for Site {
    async fn respond(&self, request: Request) -> Response {
        let parts = request.segments();
        if let Err(turned) = self.access.pass(&request) {
            return self.turned(turned, &request).await;
        }
        // These are for whoever is not let in yet.
        match (request.method, parts.as_slice()) {
            (Method::Get, ["style.css"]) => {
                return kept(Response::new(Status::Ok, "text/css; charset=utf-8", STYLE));
            }
            (Method::Get, ["icon.svg"]) => {
                return kept(Response::new(Status::Ok, "image/svg+xml", ICON));
            }
            (Method::Get, ["login"]) => return self.log_in_page(&request),
            (Method::Post, ["login"]) => return self.log_in(&request).await,
            (Method::Post, ["logout"]) => return self.log_out(&request).await,
            _ => {}
        }
        let caller = match self.caller(&request).await {
            Ok(caller) => caller,
            Err(turned) => return self.turned(turned, &request).await,
        };
        match (request.method, parts.as_slice()) {
            (Method::Get, parts) => self.shown(parts, &request, &caller).await,
            (
                Method::Post,
                ["api", "v1", "domains", name, verb @ ("move" | "waive" | "accept")],
            ) => self.change_by_program(name, verb, &request, &caller).await,
            (Method::Post, ["domains", name, verb @ ("move" | "waive" | "accept")]) => {
                self.change_by_form(name, verb, &request, &caller).await
            }
            (Method::Post, ["api", "v1", "incidents", id, "acknowledge"]) => {
                self.acknowledge_by_program(id, &request, &caller).await
            }
            (Method::Post, ["incidents", id, "acknowledge"]) => {
                self.acknowledge_by_form(id, &request, &caller).await
            }
            (_, ["incidents", _, "acknowledge"] | ["api", "v1", "incidents", _, "acknowledge"]) => {
                Response::method_not_allowed("POST")
            }
            (_, ["logout"] | ["domains", _, "move" | "waive" | "accept"])
            | (_, ["api", "v1", "domains", _, "move" | "waive" | "accept"]) => {
                Response::method_not_allowed("POST")
            }
            (_, ["login"]) => Response::method_not_allowed("GET, HEAD, POST"),
            _ => Response::method_not_allowed("GET, HEAD"),
        }
    }
}

impl Refusal {
    fn told(self) -> (Status, String) {
        match self {
            Self::Senseless(why) => (Status::BadRequest, why.to_owned()),
            Self::Unknown => (Status::NotFound, "there is nothing of this name".to_owned()),
            Self::Store(error) => {
                tracing::warn!(%error, "a page could not ask the store");
                (Status::ServiceUnavailable, format!("failed to {error}"))
            }
        }
    }
}

impl Subject {
    /// A further table of a page, where it has one of this name.
    fn second_csv(&self, name: &str) -> Result<String, Refusal> {
        match (self, name) {
            (Self::Domain(value), "failures") => Ok(table(&value.failures)),
            (Self::Domain(value), "reporters") => Ok(table(&value.reporter_lines())),
            // Who reported what of each day.
            (Self::Domain(value), "reporter-days") => Ok(table(&value.days_by_reporter())),
            (Self::Report(value), "failures") => Ok(table(&value.failure_lines())),
            (Self::Decisions(value), "observed") => Ok(table(&value.decisions.observed)),
            (Self::Deliveries(value), "days") => Ok(table(&value.days)),
            (Self::Settings(value), "tokens") => Ok(table(&value.tokens)),
            _ => Err(Refusal::Unknown),
        }
    }

    /// How the page behind this one is asked for, if there is one.
    fn next(&self) -> Option<(&'static str, String)> {
        let after = |next: &Option<String>| next.clone().map(|next| ("after", next));
        match self {
            Self::Domains(value, _) => after(&value.next),
            Self::Reports(value) => after(&value.next),
            Self::Policies(value, _) => after(&value.next),
            Self::Unreached(value) => after(&value.next),
            Self::Sessions(value) => after(&value.next),
            Self::Deliveries(value) => value.next.map(|next| ("after", next.to_string())),
            Self::Incidents(value) => value.next.map(|next| ("before", next.to_string())),
            Self::Activity(value) => value.next.map(|next| ("before", next.to_string())),
            _ => None,
        }
    }

    fn csv(&self) -> String {
        match self {
            Self::Domains(value, _) => table(&value.domains),
            Self::Domain(value) => table(&value.days),
            Self::MxHosts(value) => table(&value.lines()),
            Self::Events(value) => table(&value.events),
            Self::Reports(value) => table(&value.reports),
            Self::Report(value) => table(&value.policies),
            Self::Policies(value, _) => table(&value.policies),
            Self::Decisions(value) => table(&value.decisions.counts),
            Self::Unreached(value) => table(&value.domains),
            Self::Deliveries(value) => table(&value.deliveries),
            Self::Sessions(value) => table(&value.domains),
            Self::Doctor(value) => table(&value.examination.examined),
            Self::Incidents(value) => table(&value.incidents),
            Self::Incident(value) => table(&value.notices),
            Self::Activity(value) => table(&value.acts),
            Self::Settings(value) => table(&value.settings),
        }
    }
}

/// What a browser may keep for a while.
fn kept(response: Response) -> Response {
    response.field("cache-control", "max-age=3600")
}

fn domain(name: &str) -> Result<DomainName, Refusal> {
    DomainName::parse(name).map_err(|_| Refusal::Senseless("this is no domain name"))
}

fn search(request: &Request) -> Result<String, Refusal> {
    let search = parameter(request, "q").unwrap_or_default();
    if search.len() > LONGEST_SEARCH {
        return Err(Refusal::Senseless("no domain name is so long"));
    }
    Ok(search.to_owned())
}

fn wanted(request: &Request) -> Result<ReportsWanted, Refusal> {
    let given = |name| parameter(request, name).map(str::trim).filter(|text| !text.is_empty());
    let scope = match given("scope") {
        None => Scope::Counted,
        Some(text) => crate::queries::scope(text)
            .ok_or(Refusal::Senseless("the scope is counted, unverified or not-ours"))?,
    };
    let domain = given("domain").map(domain).transpose()?;
    let failing = given("failing").is_some_and(|text| text == "true");
    Ok(ReportsWanted { scope, domain, failing, after: after(request, crate::queries::place)? })
}

/// The place behind which a page begins, if one is named.
fn after<T>(request: &Request, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    let given = parameter(request, "after").filter(|text| !text.is_empty());
    let place =
        given.map(|text| read(text).ok_or(Refusal::Senseless("this is no place in the list")));
    place.transpose()
}

fn deliveries(request: &Request) -> Result<DeliveriesWanted, Refusal> {
    let state = parameter(request, "state").filter(|text| !text.is_empty()).map(|text| {
        let found = SubmissionState::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or(Refusal::Senseless("there is no state of this name"))
    });
    let after = after(request, |text| text.parse().ok())?;
    Ok(DeliveriesWanted { state: state.transpose()?, after })
}

fn sessions(request: &Request) -> Result<SessionsWanted, Refusal> {
    let day = parameter(request, "day")
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(|_| Refusal::Senseless("write a day as 2026-11-26")));
    let after = after(request, |text| DomainName::parse(text).ok())?;
    Ok(SessionsWanted { day: day.transpose()?, after })
}

fn incidents(request: &Request) -> Result<IncidentsWanted, Refusal> {
    let given = |name| parameter(request, name).map(str::trim).filter(|text| !text.is_empty());
    let phase = match given("phase") {
        None | Some("open") => Phase::Open,
        Some("resolved") => Phase::Resolved,
        Some(_) => return Err(Refusal::Senseless("the phase is open or resolved")),
    };
    let domain = given("domain").map(domain).transpose()?;
    let before = given("before").map(number).transpose()?;
    Ok(IncidentsWanted { phase, domain, before })
}

fn parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.query.iter().find(|(given, _)| given == name);
    found.map(|(_, value)| value.as_str())
}

fn number(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::Senseless("a number has digits only"))
}

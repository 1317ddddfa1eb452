//! From a request to its answer.

use mail_domain::DomainName;
use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_runtime::Clock;
use sealpost_store::{RawStore, Store, StoreError, reports::Scope};
use serde::Serialize;

use crate::{
    Access, api,
    format::csv,
    model, pages,
    queries::{Desk, ReportsWanted},
};

/// The longest text that is searched for.
const LONGEST_SEARCH: usize = 253;
const STYLE: &str = include_str!("../assets/style.css");

/// All pages, and `/api/v1`. Clones are the same.
#[derive(Clone)]
pub struct Site {
    desk: Desk,
    access: Access,
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
    Domains(model::Domains, String),
    Domain(model::Domain),
    Reports(model::Reports),
    Report(model::Report),
    Policies(model::Policies, String),
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
        Self { desk: Desk { store, raw, clock }, access, version }
    }

    /// Why a request is refused whatever it asks for; `None` if it is not.
    pub fn refusal(&self, request: &Request) -> Option<Response> {
        self.access.refusal(request)
    }

    async fn subject(&self, parts: &[&str], request: &Request) -> Result<Subject, Refusal> {
        match parts {
            ["domains"] => {
                let search = search(request)?;
                Ok(Subject::Domains(self.desk.domains(&search).await?, search))
            }
            ["domains", name] => {
                let domain = DomainName::parse(name);
                let domain = domain.map_err(|_| Refusal::Senseless("this is no domain name"))?;
                let found = self.desk.domain(&domain).await?;
                found.map(Subject::Domain).ok_or(Refusal::Unknown)
            }
            ["reports"] => Ok(Subject::Reports(self.desk.reports(wanted(request)?).await?)),
            ["reports", id] => {
                let found = self.desk.report(number(id)?).await?;
                found.map(Subject::Report).ok_or(Refusal::Unknown)
            }
            ["policies"] => {
                let search = search(request)?;
                Ok(Subject::Policies(self.desk.policies(&search).await?, search))
            }
            _ => Err(Refusal::Unknown),
        }
    }

    async fn page(&self, parts: &[&str], request: &Request) -> Response {
        match self.subject(parts, request).await {
            Ok(subject) => self.drawn(subject),
            Err(refusal) => {
                let (status, text) = refusal.told();
                let title = if status == Status::NotFound { "Not found" } else { "No answer" };
                pages::page(status, &pages::Message { title, text })
            }
        }
    }

    fn drawn(&self, subject: Subject) -> Response {
        let ok = Status::Ok;
        match subject {
            Subject::Domains(domains, search) => pages::page(ok, &pages::Home { domains, search }),
            Subject::Domain(domain) => pages::page(ok, &pages::Domain { domain }),
            Subject::Reports(reports) => pages::page(ok, &pages::Reports { reports }),
            Subject::Report(report) => {
                let has_raw = self.desk.raw.is_some();
                pages::page(ok, &pages::Report { report, has_raw })
            }
            Subject::Policies(policies, search) => {
                pages::page(ok, &pages::Policies { policies, search })
            }
        }
    }

    async fn data(&self, parts: &[&str], request: &Request) -> Response {
        match self.subject(parts, request).await {
            Ok(Subject::Domains(value, _)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Domain(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Reports(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Report(value)) => api::json_of(Status::Ok, &value),
            Ok(Subject::Policies(value, _)) => api::json_of(Status::Ok, &value),
            Err(refusal) => {
                let (status, text) = refusal.told();
                api::error(status, &text)
            }
        }
    }

    /// What a report came in, to be kept as a file and never shown by the browser.
    async fn raw(&self, id: &str) -> Response {
        let found = match number(id) {
            Ok(id) => self.desk.raw(id).await.map_err(Refusal::Store),
            Err(refusal) => Err(refusal),
        };
        match found.and_then(|found| found.ok_or(Refusal::Unknown)) {
            Ok((digest, octets)) => Response::new(Status::Ok, "application/octet-stream", octets)
                .field("content-disposition", &format!("attachment; filename=\"{digest}\"")),
            Err(refusal) => {
                let (status, text) = refusal.told();
                Response::text(status, format!("{text}\n"))
            }
        }
    }

    /// The table of a page as CSV.
    async fn table(&self, parts: &[&str], request: &Request) -> Response {
        match self.subject(parts, request).await {
            Ok(subject) => Response::new(Status::Ok, "text/csv; charset=utf-8", subject.csv())
                .field("content-disposition", "attachment; filename=\"sealpost.csv\""),
            Err(refusal) => {
                let (status, text) = refusal.told();
                Response::text(status, format!("{text}\n"))
            }
        }
    }
}

impl HttpService for Site {
    async fn respond(&self, request: Request) -> Response {
        if let Some(refusal) = self.refusal(&request) {
            return refusal;
        }
        if request.method != Method::Get {
            return Response::method_not_allowed("GET, HEAD");
        }
        match request.segments().as_slice() {
            [""] => self.page(&["domains"], &request).await,
            ["style.css"] => Response::new(Status::Ok, "text/css; charset=utf-8", STYLE)
                .field("cache-control", "max-age=3600"),
            ["api", "v1", "openapi.json"] => {
                api::json_of(Status::Ok, &api::description(self.version))
            }
            ["api", "v1", parts @ ..] => self.data(parts, &request).await,
            ["csv", parts @ ..] => self.table(parts, &request).await,
            ["reports", id, "raw"] => self.raw(id).await,
            parts => self.page(parts, &request).await,
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
    fn csv(&self) -> String {
        match self {
            Self::Domains(value, _) => table(&value.domains),
            Self::Domain(value) => table(&value.days),
            Self::Reports(value) => table(&value.reports),
            Self::Report(value) => table(&value.policies),
            Self::Policies(value, _) => table(&value.policies),
        }
    }
}

/// Rows with the names of their members as a head; what has parts of its own stands as JSON.
fn table(rows: &[impl Serialize]) -> String {
    let mut text = String::new();
    for row in rows {
        let Ok(serde_json::Value::Object(members)) = serde_json::to_value(row) else { continue };
        if text.is_empty() {
            line(&mut text, members.keys().cloned());
        }
        line(
            &mut text,
            members.values().map(|value| match value {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
        );
    }
    text
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    let fields: Vec<String> = fields.map(|field| csv(&field)).collect();
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

fn search(request: &Request) -> Result<String, Refusal> {
    let search = parameter(request, "q").unwrap_or_default();
    if search.len() > LONGEST_SEARCH {
        return Err(Refusal::Senseless("no domain name is so long"));
    }
    Ok(search.to_owned())
}

fn wanted(request: &Request) -> Result<ReportsWanted, Refusal> {
    let given = |name| parameter(request, name).filter(|text| !text.is_empty());
    let scope = match given("scope") {
        None => Scope::Counted,
        Some(text) => crate::queries::scope(text)
            .ok_or(Refusal::Senseless("the scope is counted, unverified or not-ours"))?,
    };
    let domain = given("domain").map(DomainName::parse).transpose();
    let domain = domain.map_err(|_| Refusal::Senseless("this is no domain name"))?;
    let after = given("after").map(|text| {
        crate::queries::place(text).ok_or(Refusal::Senseless("this is no place in the list"))
    });
    let failing = given("failing").is_some_and(|text| text == "true");
    Ok(ReportsWanted { scope, domain, failing, after: after.transpose()? })
}

fn parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.query.iter().find(|(given, _)| given == name);
    found.map(|(_, value)| value.as_str())
}

fn number(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::Senseless("the number of a report has digits only"))
}

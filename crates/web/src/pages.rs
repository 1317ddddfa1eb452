//! Pages. Templates escape everything that they are given, but for pictures made by `plot`.

use askama::Template;
use sealpost_listen::http::{Response, Status};

use crate::model;

/// Nothing from elsewhere, no script, and nobody may put a page into his own.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct Home {
    pub(crate) domains: model::Domains,
    pub(crate) search: String,
}

#[derive(Template)]
#[template(path = "domain.html")]
pub(crate) struct Domain {
    pub(crate) domain: model::Domain,
}

#[derive(Template)]
#[template(path = "reports.html")]
pub(crate) struct Reports {
    pub(crate) reports: model::Reports,
}

#[derive(Template)]
#[template(path = "report.html")]
pub(crate) struct Report {
    pub(crate) report: model::Report,
    pub(crate) has_raw: bool,
}

#[derive(Template)]
#[template(path = "policies.html")]
pub(crate) struct Policies {
    pub(crate) policies: model::Policies,
    pub(crate) search: String,
}

#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct Message {
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

/// A page as an answer.
pub(crate) fn page(status: Status, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Response::new(status, "text/html; charset=utf-8", text)
            .field("content-security-policy", POLICY)
            .field("referrer-policy", "no-referrer"),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            Response::text(Status::InternalServerError, "the page could not be made\n")
        }
    }
}

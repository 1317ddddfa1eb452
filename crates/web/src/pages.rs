//! Pages. Templates escape everything that they are given, but for pictures made by `plot`.

use askama::Template;
use sealpost_listen::http::{Response, Status};

use crate::model;

/// What stands on every page beside its content.
#[derive(Clone, Default)]
pub(crate) struct Frame {
    /// The first part of the path.
    pub(crate) here: String,
    /// Who looks, if that is known.
    pub(crate) who: Option<String>,
    /// What forms of this person bear.
    pub(crate) mark: String,
    pub(crate) can_write: bool,
    pub(crate) can_log_out: bool,
}

/// The pages on the reports that we send, by path and name.
pub(crate) const SENDING: &[(&str, &str)] =
    &[("deliveries", "Deliveries"), ("sessions", "Sessions by domain"), ("doctor", "Doctor")];
/// The pages on what is asked of mail servers that send.
pub(crate) const ENFORCING: &[(&str, &str)] = &[
    ("policies", "Policies held"),
    ("decisions", "Decisions"),
    ("unreached", "Not reached securely"),
];

impl Frame {
    /// How the link to a page of one of these is marked.
    pub(crate) fn mark_of(&self, pages: &[(&str, &str)]) -> &'static str {
        match pages.iter().position(|(path, _)| *path == self.here) {
            Some(0) => " aria-current=\"page\"",
            Some(_) => " aria-current=\"true\"",
            None => "",
        }
    }
}

/// Nothing from elsewhere, no script, and nobody may put a page into his own.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct Home {
    pub(crate) frame: Frame,
    pub(crate) domains: model::Domains,
    pub(crate) search: String,
    pub(crate) is_first: bool,
}

#[derive(Template)]
#[template(path = "domain.html")]
pub(crate) struct Domain {
    pub(crate) frame: Frame,
    pub(crate) domain: model::Domain,
}

#[derive(Template)]
#[template(path = "mx_hosts.html")]
pub(crate) struct MxHosts {
    pub(crate) frame: Frame,
    pub(crate) mx: model::MxHosts,
}

#[derive(Template)]
#[template(path = "events.html")]
pub(crate) struct Events {
    pub(crate) frame: Frame,
    pub(crate) events: model::Events,
}

#[derive(Template)]
#[template(path = "reports.html")]
pub(crate) struct Reports {
    pub(crate) frame: Frame,
    pub(crate) reports: model::Reports,
}

#[derive(Template)]
#[template(path = "report.html")]
pub(crate) struct Report {
    pub(crate) frame: Frame,
    pub(crate) report: model::Report,
    pub(crate) has_raw: bool,
}

#[derive(Template)]
#[template(path = "incidents.html")]
pub(crate) struct Incidents {
    pub(crate) frame: Frame,
    pub(crate) incidents: model::Incidents,
}

#[derive(Template)]
#[template(path = "incident.html")]
pub(crate) struct Incident {
    pub(crate) frame: Frame,
    pub(crate) incident: model::Incident,
    pub(crate) can_acknowledge: bool,
}

#[derive(Template)]
#[template(path = "policies.html")]
pub(crate) struct Policies {
    pub(crate) frame: Frame,
    pub(crate) policies: model::Policies,
    pub(crate) search: String,
}

#[derive(Template)]
#[template(path = "decisions.html")]
pub(crate) struct Decisions {
    pub(crate) frame: Frame,
    pub(crate) decisions: model::DecisionsMade,
}

#[derive(Template)]
#[template(path = "unreached.html")]
pub(crate) struct Unreached {
    pub(crate) frame: Frame,
    pub(crate) unreached: model::Unreached,
}

#[derive(Template)]
#[template(path = "deliveries.html")]
pub(crate) struct Deliveries {
    pub(crate) frame: Frame,
    pub(crate) deliveries: model::Deliveries,
}

#[derive(Template)]
#[template(path = "sessions.html")]
pub(crate) struct Sessions {
    pub(crate) frame: Frame,
    pub(crate) sessions: model::Sessions,
}

#[derive(Template)]
#[template(path = "doctor.html")]
pub(crate) struct Doctor {
    pub(crate) frame: Frame,
    pub(crate) doctor: model::Doctor,
}

#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct Message {
    pub(crate) frame: Frame,
    pub(crate) title: &'static str,
    pub(crate) text: String,
    /// The page whose form was sent.
    pub(crate) back: Option<String>,
}

#[derive(Template)]
#[template(path = "activity.html")]
pub(crate) struct Activity {
    pub(crate) frame: Frame,
    pub(crate) acts: model::Acts,
}

#[derive(Template)]
#[template(path = "settings.html")]
pub(crate) struct Settings {
    pub(crate) frame: Frame,
    pub(crate) settings: model::Settings,
}

#[derive(Template)]
#[template(path = "log_in.html")]
pub(crate) struct LogIn {
    pub(crate) frame: Frame,
    /// Where it goes on.
    pub(crate) to: String,
    /// Why it did not work.
    pub(crate) trouble: Option<String>,
}

/// A page as an answer.
pub(crate) fn page(status: Status, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Response::new(status, "text/html; charset=utf-8", text)
            .field("content-security-policy", POLICY)
            // Forms have to say from where they are sent, so the name of this host may be told to it.
            .field("referrer-policy", "same-origin")
            .field("cross-origin-opener-policy", "same-origin")
            .field("cross-origin-resource-policy", "same-origin"),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            Response::text(Status::InternalServerError, "the page could not be made\n")
        }
    }
}

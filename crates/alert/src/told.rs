//! What is told, as data: each channel writes it in its own way.

use jiff::Timestamp;
use sealpost_rules::incidents::incident_cause;
use sealpost_store::incidents::{Incident, NoticeKind};
use serde::{Deserialize, Serialize};

/// Incidents in a digest: as many as somebody reads.
const IN_DIGEST: usize = 100;

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// `opened`, `worsened`, `still-open`, `resolved`, `digest` or `test`.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The incident; in a digest those that are open, and no more than somebody reads; none in a
    /// test.
    pub incidents: Vec<ToldIncident>,
    /// How many are open, in a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<usize>,
}

/// An incident as it was when it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldIncident {
    /// Its id, the same everywhere and always.
    pub id: String,
    /// The code of its cause.
    pub code: String,
    /// The name of its cause.
    pub name: String,
    /// The cause in a few words.
    pub title: String,
    /// The domain.
    pub domain: String,
    /// An MX host, a reporter; empty for the domain itself. A reporter's name is a text from
    /// outside.
    pub subject: String,
    /// `note`, `warning` or `critical`.
    pub urgency: String,
    /// What speaks for it: `reports`, `look` or `both`.
    pub basis: String,
    /// When it was first seen.
    pub since: Timestamp,
    /// When it was over; null while it is not.
    pub resolved_at: Option<Timestamp>,
    /// What was seen. It may quote what others wrote.
    pub summary: String,
    /// What speaks for it, a text each.
    pub grounds: Vec<String>,
    /// What follows for mail.
    pub why: String,
    /// What to do.
    pub fix: String,
    /// The page of the incident, if the configuration says where pages are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Told {
    /// This has become of an incident.
    pub fn of(kind: NoticeKind, incident: &Incident, at: i64, link: Option<&str>) -> Self {
        let incidents = vec![ToldIncident::of(incident, link)];
        Self { kind: kind.as_str().to_owned(), at: time(at), incidents, open: None }
    }

    /// All that is open, in short; of very many the first.
    pub fn digest(open: &[Incident], at: i64, link: Option<&str>) -> Self {
        let short = |incident: &Incident| ToldIncident {
            grounds: Vec::new(),
            ..ToldIncident::of(incident, link)
        };
        let incidents = open.iter().take(IN_DIGEST).map(short).collect();
        let kind = NoticeKind::Digest.as_str().to_owned();
        Self { kind, at: time(at), incidents, open: Some(open.len()) }
    }

    /// A person tries whether notices arrive.
    pub fn test(at: i64) -> Self {
        let kind = NoticeKind::Test.as_str().to_owned();
        Self { kind, at: time(at), incidents: Vec::new(), open: None }
    }

    /// As it is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was stored.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl ToldIncident {
    fn of(incident: &Incident, link: Option<&str>) -> Self {
        let cause = incident_cause(&incident.cause);
        let said = |text: Option<&'static str>| text.unwrap_or_default().to_owned();
        Self {
            id: incident.id.to_string(),
            code: incident.cause.clone(),
            name: said(cause.map(|cause| cause.name)),
            title: said(cause.map(|cause| cause.title)),
            domain: incident.domain.to_string(),
            subject: incident.subject.clone(),
            urgency: incident.urgency.as_str().to_owned(),
            basis: incident.basis.as_str().to_owned(),
            since: time(incident.since),
            resolved_at: incident.resolved_at.map(time),
            summary: incident.summary.clone(),
            grounds: incident.grounds.clone(),
            why: said(cause.map(|cause| cause.why)),
            fix: said(cause.map(|cause| cause.fix)),
            link: link
                .map(|link| format!("{}/incidents/{}", link.trim_end_matches('/'), incident.id)),
        }
    }

    /// What it is about, for a line.
    pub fn place(&self) -> String {
        if self.subject.is_empty() || self.subject == self.domain {
            self.domain.clone()
        } else {
            format!("{} ({})", self.subject, self.domain)
        }
    }
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

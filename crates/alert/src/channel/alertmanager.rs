//! The API v2 of Alertmanager.
//!
//! An alert is known by its labels; they stay the same while an incident presses the same. Whoever
//! sends alerts has to send them again while they last: one that was not heard of until its end is
//! over for Alertmanager.

use jiff::Timestamp;
use sealpost_evidence::incident::Urgency;
use sealpost_net::Ask;
use serde::Serialize;

use crate::{Told, ToldIncident, told::time};

pub(super) const PATH: &str = "/api/v2/alerts";

/// How long an alert lasts unless it is sent again, in seconds: a multiple of the pause between two
/// times.
const LASTS: i64 = 300;

#[derive(Serialize)]
struct Alert {
    labels: Labels,
    annotations: Annotations,
    #[serde(rename = "startsAt")]
    starts_at: Timestamp,
    #[serde(rename = "endsAt")]
    ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

#[derive(Serialize)]
struct Labels {
    alertname: String,
    code: String,
    domain: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    severity: String,
    incident: String,
}

#[derive(Serialize, Default)]
struct Annotations {
    summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    fix: String,
}

/// What there is to send: of each incident how it stands after the last notice.
pub(super) fn request(told: &[Told], now: i64) -> Option<Ask> {
    let mut last: Vec<&ToldIncident> = Vec::new();
    let mut alerts = Vec::new();
    for notice in told {
        match notice.kind.as_str() {
            "test" => alerts.push(test(notice, now)),
            "digest" => {}
            _ => {
                for incident in &notice.incidents {
                    last.retain(|other| other.id != incident.id);
                    last.push(incident);
                }
            }
        }
    }
    for incident in last {
        let ends_at = incident.resolved_at.unwrap_or_else(|| time(now.saturating_add(LASTS)));
        alerts.push(alert(incident, &incident.urgency, ends_at));
        // Under other labels it may have pressed less before; that one is over.
        let before = Urgency::ALL.into_iter().map(Urgency::as_str);
        for urgency in before.filter(|urgency| *urgency != incident.urgency) {
            alerts.push(alert(
                incident,
                urgency,
                incident.resolved_at.unwrap_or_else(|| time(now)),
            ));
        }
    }
    if alerts.is_empty() {
        return None;
    }
    let body = serde_json::to_vec(&alerts).unwrap_or_default();
    Some(Ask::Post { media_type: "application/json", body, fields: Vec::new() })
}

fn alert(incident: &ToldIncident, severity: &str, ends_at: Timestamp) -> Alert {
    Alert {
        labels: Labels {
            alertname: incident.name.clone(),
            code: incident.code.clone(),
            domain: incident.domain.clone(),
            subject: incident.subject.clone(),
            severity: severity.to_owned(),
            incident: incident.id.clone(),
        },
        annotations: Annotations {
            summary: format!("{}: {}", incident.title, incident.place()),
            description: incident.summary.clone(),
            fix: incident.fix.clone(),
        },
        // It begins before it ends, also for who looks twice within a second.
        starts_at: incident.since.min(ends_at),
        ends_at,
        generator_url: incident.link.clone(),
    }
}

fn test(notice: &Told, now: i64) -> Alert {
    let labels = Labels {
        alertname: "sealpost-test".to_owned(),
        code: "test".to_owned(),
        domain: "test.invalid".to_owned(),
        subject: String::new(),
        severity: Urgency::Note.as_str().to_owned(),
        incident: "test".to_owned(),
    };
    let summary = "sealpost was asked to send this; nothing is wrong".to_owned();
    Alert {
        labels,
        annotations: Annotations { summary, ..Annotations::default() },
        starts_at: notice.at,
        ends_at: time(now.saturating_add(LASTS)),
        generator_url: None,
    }
}

//! `sealpost publish certificates`

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_publish::{CertificateState, Expected, HostWay, states};
use sealpost_store::{Settings, Store};
use serde::Serialize;

use super::known::{Known, configuration, failure};
use crate::arguments::{Format, PublishCertificatesArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

#[derive(Debug, Serialize)]
struct Line<'a> {
    host: &'a str,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    /// When it is renewed; null while there is none.
    renewed_at: Option<Timestamp>,
    /// When the first can be ordered; null if there is one.
    ordered_at: Option<Timestamp>,
    failures: u64,
    trouble: Option<&'a str>,
}

pub(super) async fn run(
    arguments: &PublishCertificatesArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let section = configuration(&arguments.configuration)?.publish;
    let Some(acme) = &section.acme else {
        return Err(Failure::new("tell of certificates: no authority is configured").hint(
            "add [publish.acme] to the configuration; of certificates in files tells the metric \
             sealpost_publish_certificates_missing",
        ));
    };
    let selected = known.select(&arguments.domains)?.into_iter();
    let own = selected.filter(|published| published.host == HostWay::Own);
    let hosts = own
        .filter_map(|published| DomainName::parse(&format!("mta-sts.{}", published.domain)).ok());
    let path = section.store_file();
    let store = Store::open_to_read(Settings::at(&path)).await.map_err(|error| failure(&error))?;
    let now = known.now.seconds();
    let states = states(hosts.collect(), acme, &store.certificates(), now).await;
    let states = states.map_err(|error| failure(&error))?;
    let mut outcome = Outcome::Clean;
    for state in &states {
        let is_over = state.valid.is_none_or(|(_, until)| until <= now);
        if is_over || state.trouble.is_some() {
            outcome = Outcome::Findings;
        }
        match arguments.format {
            Format::Json => output.json_line(&line(state))?,
            Format::Human => output.line(&sentence(state, now))?,
        }
    }
    Ok(outcome)
}

fn sentence(state: &CertificateState, now: i64) -> String {
    let host = &state.host;
    let mut text = match (state.valid, state.expected) {
        (Some((_, until)), Expected::Renewal(at)) if until > now => {
            format!("{host}: valid until {}, renewed at {}", time(until), time(at))
        }
        (Some((_, until)), Expected::Renewal(at)) => {
            format!("{host}: expired at {}, renewed at {}", time(until), time(at))
        }
        (_, Expected::First(at) | Expected::Renewal(at)) => {
            format!("{host}: no certificate yet, ordered at {}", time(at))
        }
    };
    if let Some((failures, what)) = &state.trouble {
        text.push_str(&format!("\n  tried {failures} times: {what}"));
    }
    text
}

fn line(state: &CertificateState) -> Line<'_> {
    let (renewed_at, ordered_at) = match state.expected {
        Expected::Renewal(at) => (Some(time(at)), None),
        Expected::First(at) => (None, Some(time(at))),
    };
    Line {
        host: state.host.as_str(),
        valid_from: state.valid.map(|(from, _)| time(from)),
        valid_until: state.valid.map(|(_, until)| time(until)),
        renewed_at,
        ordered_at,
        failures: state.trouble.as_ref().map_or(0, |(failures, _)| *failures),
        trouble: state.trouble.as_ref().map(|(_, what)| what.as_str()),
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

//! `sealpost publish certificates`

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_publish::{CertificateState, Expected, HostWay, certificate_in_files, states};
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
    /// Whether it comes from files.
    in_files: bool,
}

pub(super) async fn run(
    arguments: &PublishCertificatesArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let section = configuration(&arguments.configuration)?.publish;
    let folder = section.host.certificates.as_deref();
    if section.acme.is_none() && folder.is_none() {
        return Err(Failure::new(
            "tell of certificates: neither an authority nor a folder is configured",
        )
        .hint(
            "add [publish.acme] to the configuration, or `certificates` to [publish.host]; where \
             another web server has the certificates, it tells of them",
        ));
    }
    let selected = known.select(&arguments.domains)?.into_iter();
    let own = selected.filter(|published| published.host == HostWay::Own);
    let hosts = own
        .filter_map(|published| DomainName::parse(&format!("mta-sts.{}", published.domain)).ok());
    let now = known.now.seconds();
    let mut outcome = Outcome::Clean;
    let mut others = Vec::new();
    for host in hosts {
        let found = folder.and_then(|folder| certificate_in_files(folder, &host, now));
        let found = found.unwrap_or_else(|| Err("there are no files for it".to_owned()));
        match (found, &section.acme) {
            (Err(_), Some(_)) => others.push(host),
            (found, _) => {
                if found.is_err() {
                    outcome = Outcome::Findings;
                }
                match arguments.format {
                    Format::Json => output.json_line(&line_of_files(&host, &found))?,
                    Format::Human => output.line(&sentence_of_files(&host, &found))?,
                }
            }
        }
    }
    let (Some(acme), false) = (&section.acme, others.is_empty()) else { return Ok(outcome) };
    let path = section.store_file();
    // Before the first start there is none, and the dates of the first orders are asked for.
    let store = match fs_err::exists(&path)? {
        true => {
            let store = Store::open_to_read(Settings::at(&path)).await;
            Some(store.map_err(|error| failure(&error))?.certificates())
        }
        false => None,
    };
    let states = states(others, acme, store.as_ref(), now).await;
    let states = states.map_err(|error| failure(&error))?;
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
        in_files: false,
    }
}

fn sentence_of_files(host: &DomainName, found: &Result<(i64, i64), String>) -> String {
    match found {
        Ok((_, until)) => format!("{host}: valid until {}, from files", time(*until)),
        Err(why) => format!("{host}: no certificate: {why}"),
    }
}

fn line_of_files<'a>(host: &'a DomainName, found: &'a Result<(i64, i64), String>) -> Line<'a> {
    let valid = found.as_ref().ok();
    Line {
        host: host.as_str(),
        valid_from: valid.map(|(from, _)| time(*from)),
        valid_until: valid.map(|(_, until)| time(*until)),
        renewed_at: None,
        ordered_at: None,
        failures: 0,
        trouble: found.as_ref().err().map(String::as_str),
        in_files: valid.is_some(),
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

//! `sealpost config check`

mod addresses;
mod files;

use std::path::Path;

use sealpost_publish::ChallengeKind;
use serde_json::json;
use toml::de::{DeTable, DeValue};

use crate::arguments::{ConfigCheckArguments, Format};
use crate::configuration::{Configuration, Entry, Fault, line_at, schema, visit};
use crate::daemon::RoleName;
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Note,
    Warning,
    Error,
}

/// What there is to say of a configuration.
#[derive(Debug)]
struct Finding {
    severity: Severity,
    /// Counted from 1; none if it is about something that is not there.
    line: Option<usize>,
    what: String,
}

/// A configuration that can be read, with its text.
struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    table: &'a DeTable<'a>,
    configuration: Configuration,
    findings: Vec<Finding>,
}

pub(super) fn run(
    arguments: &ConfigCheckArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let file = arguments.config.as_deref().filter(|path| !path.as_os_str().is_empty());
    let path = file.ok_or_else(|| {
        Failure::new("check a configuration: none is named")
            .hint("name it with --config, or make one: sealpost config init")
    })?;
    let text = Configuration::text(path)?;
    let (roles, mut findings) = match Configuration::parse(path, text.clone()) {
        Ok(configuration) => judge(path, &text, configuration),
        Err(faults) => (Vec::new(), faults.into_iter().map(Finding::from).collect()),
    };
    findings.sort_by_key(|finding| (finding.line, finding.severity));
    match arguments.format {
        Format::Human => show(path, &roles, &findings, output)?,
        Format::Json => output.json(&json!({
            "file": path.display().to_string(),
            "roles": roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
            "findings": findings.iter().map(|finding| json!({
                "severity": finding.severity.as_str(),
                "line": finding.line,
                "message": finding.what,
            })).collect::<Vec<_>>(),
        }))?,
    }
    let worst = findings.iter().map(|finding| finding.severity).max();
    Ok(if worst >= Some(Severity::Warning) { Outcome::Findings } else { Outcome::Clean })
}

fn show(
    path: &Path,
    roles: &[RoleName],
    findings: &[Finding],
    output: &mut Output,
) -> Result<(), Failure> {
    let path = without_controls(&path.display().to_string());
    for finding in findings {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let what = without_controls(&finding.what);
        output.line(&format!("{path}{line}: {}: {what}", finding.severity.as_str()))?;
    }
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return output.line(&format!("{path}: cannot be used as it is"));
    }
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    output.line(&format!("{path}: can be used; it runs {}", names.join(", ")))
}

/// The roles that run, and everything about a configuration that can be read.
fn judge(path: &Path, text: &str, configuration: Configuration) -> (Vec<RoleName>, Vec<Finding>) {
    let (table, _) = DeTable::parse_recoverable(text);
    let findings = Vec::new();
    let mut reading = Reading { path, text, table: table.get_ref(), configuration, findings };
    let roles = reading.roles();
    reading.files();
    reading.addresses(&roles);
    reading.sections(&roles);
    (roles, reading.findings)
}

impl Reading<'_> {
    fn add(&mut self, severity: Severity, line: Option<usize>, what: impl Into<String>) {
        self.findings.push(Finding { severity, line, what: what.into() });
    }

    /// The line of a key or section, if it is there.
    fn line_of(&self, path: &str) -> Option<usize> {
        let mut found = None;
        visit(&schema(), self.table, &mut |entry: Entry<'_>| {
            if found.is_none() && entry.path() == path {
                found = Some(line_at(self.text, entry.place.start));
            }
        });
        found
    }

    fn roles(&mut self) -> Vec<RoleName> {
        let roles = match self.configuration.roles() {
            Ok(roles) => roles,
            Err(failure) => {
                self.add(Severity::Error, None, failure.plain());
                return Vec::new();
            }
        };
        let Some(line) = self.line_of("serve.roles") else { return roles };
        for name in RoleName::ALL {
            let name_text = name.as_str();
            let section = self.line_of(name_text);
            match (roles.contains(&name), section) {
                // Nothing in [check] has to be said.
                (true, None) if name != RoleName::Check => self.add(
                    Severity::Warning,
                    Some(line),
                    format!(
                        "`serve.roles` names {name_text}, and there is no section [{name_text}]: \
                         everything in it is as by default"
                    ),
                ),
                (false, Some(section)) => self.add(
                    Severity::Warning,
                    Some(section),
                    format!("[{name_text}] is there, and `serve.roles` does not name {name_text}: it does not run"),
                ),
                _ => {}
            }
        }
        roles
    }

    /// What the roles look at when they start.
    fn sections(&mut self, roles: &[RoleName]) {
        let enforce = &self.configuration.enforce;
        if let Some(path) = enforce.exceptions.as_ref().filter(|path| path.exists())
            && let Err(error) = sealpost_enforce::Exceptions::load(path)
        {
            let line = self.line_of("enforce.exceptions");
            self.add(Severity::Error, line, error.to_string());
        }
        let enforce = &self.configuration.enforce;
        if enforce.dane == sealpost_enforce::Switch::On && enforce.mta_resolvers.is_empty() {
            let line = self.line_of("enforce.dane");
            self.add(
                Severity::Warning,
                line,
                "`enforce.dane` is on, and `mta_resolvers` is empty: DANE stays off; \
                 `sealpost enforce setup postfix` prints them",
            );
        }
        let enforce = &self.configuration.enforce;
        let is_told = enforce.dane == sealpost_enforce::Switch::Off
            && enforce.default_level != sealpost_enforce::Level::default();
        let cautions: Vec<_> = enforce.cautions().filter(|_| is_told).collect();
        for caution in cautions {
            self.add(Severity::Warning, self.line_of("enforce.default_level"), caution);
        }
        for found in self.configuration.contradictions() {
            let line = self.line_of(found.key);
            self.add(Severity::Error, line, found.what);
        }
        let receive = &self.configuration.receive;
        if roles.contains(&RoleName::Receive) && receive.domains.is_empty() {
            let line = self.line_of("receive");
            self.add(
                Severity::Note,
                line,
                "`receive.domains` names no domain: reports about every domain count, those of \
                 strangers too",
            );
        }
        if roles.contains(&RoleName::Alert) && self.configuration.alert.receiver.is_empty() {
            let line = self.line_of("alert");
            let what =
                "[alert] names no receiver: incidents are kept and shown, and nobody is told";
            self.add(Severity::Note, line, what);
        }
        let web = &self.configuration.web;
        let is_plain = self.configuration.serve.https.is_empty() && web.proxy.is_none();
        if !web.hosts.is_empty() && is_plain {
            let line = self.line_of("web.hosts");
            self.add(
                Severity::Warning,
                line,
                "`web.hosts` names hosts, and there is neither `serve.https` nor [web.proxy]: who \
                 calls the pages by these names sends the password where others can read it",
            );
        }
        self.publication();
    }

    fn publication(&mut self) {
        let domains = match self.configuration.domains() {
            Ok(domains) => domains,
            Err(failure) => {
                let line = self.line_of("publish");
                self.add(Severity::Error, line, failure.plain());
                return;
            }
        };
        let own = domains.iter().filter(|domain| domain.host == sealpost_publish::HostWay::Own);
        let (mut count, mut nowhere) = (0_usize, 0_usize);
        for domain in own {
            count += 1;
            nowhere += usize::from(domain.target.is_empty());
        }
        let host = &self.configuration.publish.host;
        let acme = self.configuration.publish.acme.as_ref();
        let is_asked_there = acme.is_some_and(|acme| acme.challenge != ChallengeKind::Dns01);
        let is_unseen = nowhere > 0 && host.addresses.is_empty() && is_asked_there;
        if count > 0 && host.https.is_empty() && host.proxied.is_empty() {
            let line = self.line_of("publish.host").or_else(|| self.line_of("publish"));
            self.add(
                Severity::Warning,
                line,
                format!(
                    "{count} domains have `host = \"own\"`, and [publish.host] names no address: \
                     their policies are served nowhere"
                ),
            );
        }
        if is_unseen {
            let line = self.line_of("publish.acme");
            self.add(
                Severity::Warning,
                line,
                format!(
                    "{nowhere} domains have `host = \"own\"` and no `target`, and [publish.host] \
                     has no `addresses`: no certificate is ordered for them, because it cannot be \
                     told whether the DNS leads here"
                ),
            );
        }
    }
}

/// The strings of a value, alone or in an array.
fn strings<'a>(value: &'a DeValue<'a>) -> Vec<&'a str> {
    match value {
        DeValue::String(text) => vec![text.as_ref()],
        DeValue::Array(items) => items
            .iter()
            .filter_map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.as_ref()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self { severity: Severity::Error, line: Some(fault.line), what: fault.what }
    }
}

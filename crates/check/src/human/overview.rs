//! What stands, before what is wrong: record, policy, hosts, reports; a line each.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use sealpost_evidence::{Evidence, Lookup, MailHosts, MxSource, Surroundings, TextRecord};
use sealpost_rules::Verdict;

use super::printable::one_line;
use super::{Colour, Page};
use crate::report::{AddressReport, DomainReport, HostReport, HostRole};
use crate::{Checked, SenderReport};

impl Page {
    pub(super) fn overview(&self, checked: &Checked) -> String {
        let evidence = &checked.evidence;
        let report = DomainReport::new(checked);
        let mut page = String::new();
        let name = match evidence.domain.to_unicode() {
            unicode if unicode == evidence.domain.as_str() => unicode,
            unicode => format!("{unicode} ({})", evidence.domain),
        };
        let verdict = match report.verdict {
            Some(verdict) => self.paint(verdict.as_str(), verdict_style(verdict)),
            None => "looked at in part".to_owned(),
        };
        line(&mut page, format_args!("{}: {verdict}", self.paint(&name, Style::new().bold())));
        if let Some(summary) = report.summary {
            line(&mut page, format_args!("  {summary}"));
        }
        if let Some(records) = &evidence.sts_records {
            line(&mut page, format_args!("  record   {}", records_line(records, "v=STS")));
        }
        if let Some(policy) = &report.policy {
            let patterns = match policy.mx.as_slice() {
                [] => "none".to_owned(),
                patterns => patterns.join(", "),
            };
            let (mode, max_age) = (&policy.mode, policy.max_age);
            line(
                &mut page,
                format_args!("  policy   mode {mode}, max_age {max_age}, mx {patterns}"),
            );
        }
        for host in &report.hosts {
            if host.role == HostRole::PolicyHost
                && evidence.sts_records.as_ref().is_some_and(Lookup::is_absent)
            {
                continue;
            }
            host_lines(&mut page, host);
        }
        if let Some(mail) = &evidence.mail_hosts
            && let Some(words) = without_hosts(mail)
        {
            line(&mut page, format_args!("  mx       {words}"));
        }
        for difference in SenderReport::differences(&report.senders) {
            line(&mut page, format_args!("  sender   {difference}"));
        }
        if let Some(decision) = report.decision {
            let meaning = match decision {
                "none" => " (its own default level holds)",
                "wait" => " (a temporary failure)",
                _ => "",
            };
            line(&mut page, format_args!("  sender   with DANE and MTA-STS: {decision}{meaning}"));
        }
        if let Some(records) = &evidence.tls_rpt_records {
            line(&mut page, format_args!("  reports  {}", records_line(records, "v=TLSRPT")));
        }
        if let Some(around) = &evidence.surroundings {
            line(&mut page, format_args!("  context  {}", context_line(around)));
        }
        line(&mut page, format_args!("  {}", tally(checked, evidence)));
        page
    }

    fn paint(&self, text: &str, style: Style) -> String {
        match self.colour {
            Colour::Plain => text.to_owned(),
            Colour::Ansi => format!("{style}{text}{style:#}"),
        }
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    writeln!(page, "{text}").ok();
}

fn verdict_style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Enforced => AnsiColor::Green,
        Verdict::Testing | Verdict::Off | Verdict::NoMail | Verdict::Unknown => AnsiColor::Yellow,
        Verdict::Failing | Verdict::Broken | Verdict::Absent => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

/// What else protects the domain's mail, in one line: SPF and DMARC.
fn context_line(around: &Surroundings) -> String {
    let spf = match &around.texts {
        Lookup::Unknown(_) => "SPF could not tell".to_owned(),
        _ => match text_beginning_with(&around.texts, "v=spf1") {
            Some(text) => format!("SPF {}", text.rsplit(' ').next().unwrap_or_default()),
            None => "no SPF".to_owned(),
        },
    };
    let dmarc = match &around.dmarc {
        Lookup::Unknown(_) => "DMARC could not tell".to_owned(),
        _ => match text_beginning_with(&around.dmarc, "v=DMARC1") {
            Some(text) => {
                let policy = text.split(';').map(str::trim).find(|tag| tag.starts_with("p="));
                format!("DMARC {}", policy.unwrap_or("without p="))
            }
            None => "no DMARC".to_owned(),
        },
    };
    shortened(&format!("{spf}, {dmarc}"))
}

fn text_beginning_with(records: &Lookup<Vec<TextRecord>>, beginning: &str) -> Option<String> {
    let mut texts = records.value().into_iter().flatten().map(TextRecord::text);
    let text = texts.find(|text| text.as_slice().starts_with(beginning.as_bytes()))?;
    Some(one_line(&text.to_text()))
}

/// The text, cut to a line.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

/// The record that counts, or what is there in its stead.
fn records_line(records: &Lookup<Vec<TextRecord>>, beginning: &str) -> String {
    match records {
        Lookup::Absent(_) => "none".to_owned(),
        Lookup::Unknown(fault) => format!("could not tell: {}", fault.kind.as_str()),
        Lookup::Found(found) => {
            let texts: Vec<String> =
                found.value.iter().map(|record| one_line(&record.text().to_text())).collect();
            let ours = texts.iter().find(|text| text.starts_with(beginning)).or(texts.first());
            let text = shortened(ours.map(String::as_str).unwrap_or_default());
            match texts.len() {
                0 | 1 => text,
                count => format!("{text} (and {} more)", count - 1),
            }
        }
    }
}

fn host_lines(page: &mut String, host: &HostReport) {
    let name = one_line(&host.name);
    let title = match (host.role, host.preference) {
        (HostRole::PolicyHost, _) => format!("  host     {name}"),
        (HostRole::Mx, preference) => format!("  mx       {} {name}", preference.unwrap_or(0)),
    };
    line(page, format_args!("{title}"));
    for record in &host.tlsa {
        line(page, format_args!("           TLSA {}", shortened(&one_line(record))));
    }
    for address in &host.addresses {
        line(page, format_args!("           {}  {}", address.address, address_words(address)));
    }
}

fn address_words(address: &AddressReport) -> String {
    let Some(version) = &address.tls else {
        let fault = address.fault.as_deref().unwrap_or("no TLS");
        return format!("no TLS: {}", one_line(fault));
    };
    let version = one_line(version);
    let verified = if address.verified { "verified" } else { "not verified" };
    match address.days_left {
        Some(days @ 0..) => format!("{version}, {verified}, certificate ends in {days} days"),
        Some(-1) => format!("{version}, {verified}, certificate ended within the last day"),
        Some(days) => format!("{version}, {verified}, certificate ended {} days ago", -days - 1),
        None => format!("{version}, {verified}"),
    }
}

fn without_hosts(mail: &MailHosts) -> Option<&'static str> {
    match mail.source {
        MxSource::Null => Some("none: the domain takes no mail"),
        MxSource::NoSuchDomain => Some("none: the domain does not exist"),
        MxSource::Unknown => Some("could not tell"),
        MxSource::Records | MxSource::Implicit => None,
    }
}

/// How many findings of each severity there are.
fn tally(checked: &Checked, evidence: &Evidence) -> String {
    use sealpost_rules::Severity;

    let count = |severity| {
        checked.judgement.findings.iter().filter(|f| f.rule.severity == severity).count()
    };
    let words: Vec<String> = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Unknown, "could not tell", "could not tell"),
        (Severity::Note, "note", "notes"),
    ]
    .into_iter()
    .filter_map(|(severity, one, many)| match count(severity) {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    })
    .collect();
    let words = if words.is_empty() { "nothing to mend".to_owned() } else { words.join(", ") };
    format!("{words}; {} ms", evidence.took_ms)
}

//! `sealpost record`

use std::ffi::OsString;
use std::path::Path;

use sealpost_check::SenderReport;
use sealpost_rules::{RecordLint, lint_record};
use serde_json::{Value, json};

use super::LintFinding;
use crate::arguments::{Format, RecordCommand};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// No TXT record is longer (RFC 1035 §3.2.1).
const LARGEST_RECORD: u64 = 65_535;

pub(super) fn run(command: RecordCommand, output: &mut Output) -> Result<Outcome, Failure> {
    let RecordCommand::Lint { text, format } = command;
    let text = read(text)?;
    let lint = lint_record(&text);
    let senders = match &lint {
        RecordLint::Sts { .. } => SenderReport::of_record(&text),
        RecordLint::TlsRpt { .. } => Vec::new(),
    };
    match format {
        Format::Json => output.json(&report(&lint, &senders))?,
        Format::Human => {
            if !lint.findings().is_empty() {
                output.line(&output.page().findings(lint.findings()))?;
            }
            let kind = match &lint {
                RecordLint::Sts { .. } => "an STS record",
                RecordLint::TlsRpt { .. } => "a TLS-RPT record",
            };
            let word = if lint.is_valid() { "valid" } else { "not valid" };
            output.line(&format!("{word} as {kind}"))?;
            for difference in SenderReport::differences(&senders) {
                output.line(&difference)?;
            }
        }
    }
    Ok(if lint.is_valid() { Outcome::Clean } else { Outcome::Findings })
}

fn read(text: OsString) -> Result<Vec<u8>, Failure> {
    if text != "-" {
        return Ok(text.into_encoded_bytes());
    }
    let mut text = input::read(Path::new("-"), LARGEST_RECORD)?;
    // The end of the line is the pipe's, not the record's.
    if text.ends_with(b"\n") {
        text.pop();
        if text.ends_with(b"\r") {
            text.pop();
        }
    }
    Ok(text)
}

fn report(lint: &RecordLint, senders: &[SenderReport]) -> Value {
    let (kind, record) = match lint {
        RecordLint::Sts { reading, .. } => {
            ("sts", reading.record().ok().map(|record| json!({ "id": record.id.as_str() })))
        }
        RecordLint::TlsRpt { reading, .. } => {
            let uris = |record: tls_rpt::Record| {
                record.rua.iter().map(|uri| uri.as_str().to_owned()).collect::<Vec<_>>()
            };
            ("tls-rpt", reading.record().ok().map(|record| json!({ "rua": uris(record) })))
        }
    };
    json!({
        "kind": kind,
        "valid": lint.is_valid(),
        "record": record,
        "senders": senders,
        "findings": lint.findings().iter().map(LintFinding::new).collect::<Vec<_>>(),
    })
}

//! `sealpost receive export`

mod mask;
mod row;

use sealpost_store::reports::{ReportId, StoredReport};
use serde_json::{Value, json};

use self::mask::Mask;
use super::list::{each, time, trust};
use super::stored::Stored;
use crate::arguments::{ExportArguments, ExportFormat};
use crate::csv;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &ExportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let stored = Stored::open_to_read(&arguments.which.store).await?;
    let reports = stored.reports();
    // Their numbers first, which are small: a report with everything in it may be large.
    let mut numbers: Vec<ReportId> = Vec::new();
    each(&reports, &arguments.which, |summary, _| {
        numbers.push(summary.id);
        Ok(true)
    })
    .await
    .map_err(|ended| ended.into_failure(&stored))?;

    let mut mask = arguments.mask.then(Mask::default);
    let mut is_first = true;
    match arguments.format {
        ExportFormat::Csv => output.text(&csv::row(&row::HEAD))?,
        ExportFormat::Json => output.text("[")?,
        ExportFormat::Ndjson => {}
    }
    for number in numbers {
        let read = reports.report(number).await.map_err(|error| stored.failure(&error))?;
        // It may have been forgotten since.
        let Some(mut report) = read else { continue };
        if let Some(mask) = &mut mask {
            mask.report(&mut report);
        }
        match arguments.format {
            ExportFormat::Csv => {
                for fields in row::rows(&report) {
                    output.text(&csv::row(&fields))?;
                }
            }
            ExportFormat::Ndjson => output.json_line(&object(&report))?,
            ExportFormat::Json => {
                output.text(if is_first { "\n" } else { ",\n" })?;
                output.text(&object(&report).to_string())?;
            }
        }
        is_first = false;
    }
    if arguments.format == ExportFormat::Json {
        output.text("\n]\n")?;
    }
    Ok(Outcome::Clean)
}

fn object(report: &StoredReport) -> Value {
    let summary = &report.summary;
    let policies: Vec<Value> = report
        .policies
        .iter()
        .map(|policy| {
            let failures: Vec<Value> = policy
                .failures
                .iter()
                .map(|failure| {
                    json!({
                        "result_type": failure.result_type,
                        "sending_ip": failure.sending_ip,
                        "receiving_ip": failure.receiving_ip,
                        "mx_host": failure.mx_host,
                        "helo": failure.helo,
                        "reason": failure.reason,
                        "additional_information": failure.additional,
                        "sessions": failure.sessions,
                    })
                })
                .collect();
            json!({
                "policy_type": policy.policy_type,
                "policy_domain": policy.policy_domain,
                "policy_strings": policy.strings,
                "mx_hosts": policy.mx_hosts,
                "successful": policy.successful,
                "failed": policy.failed,
                "failures": failures,
            })
        })
        .collect();
    let days: Vec<Value> = report
        .days
        .iter()
        .map(|day| json!({ "day": day.day, "successful": day.successful, "failed": day.failed }))
        .collect();
    let repairs: Vec<Value> = report
        .repairs
        .iter()
        .map(|repair| json!({ "code": repair.code, "place": repair.place }))
        .collect();
    json!({
        "number": summary.id.0,
        "domain": summary.domain,
        "organisation": summary.reporter.organisation,
        "contact": report.contact,
        "signer": summary.reporter.signer,
        "trust": trust(&summary.trust),
        "scope": summary.scope.as_str(),
        "report_id": summary.report_id,
        "begins": time(summary.begins_at),
        "ends": time(summary.ends_at),
        "received": time(summary.received_at),
        "is_echo": row::is_echo(report),
        "successful": summary.successful,
        "failed": summary.failed,
        "days": days,
        "policies": policies,
        "repairs": repairs,
        "unkept": report.unkept,
    })
}

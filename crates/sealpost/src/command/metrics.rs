//! `sealpost metrics`

mod grafana;

use sealpost_alert::AlertMetrics;
use sealpost_check::scheduled::CheckMetrics;
use sealpost_enforce::EnforceMetrics;
use sealpost_publish::{DriveMetrics, PublishMetrics};
use sealpost_receive::ReceiveMetrics;
use sealpost_report::ReportMetrics;
use sealpost_runtime::metrics::{Process, Table as _, reference_page};
use sealpost_web::WebMetrics;

use crate::arguments::{MetricsArguments, MetricsFormat};
use crate::daemon::ServeMetrics;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Prints the page `doc/reference/metrics.md`, or the dashboard `packaging/grafana/sealpost.json`; a
/// test compares each with its file.
pub(super) fn run(arguments: &MetricsArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let parts = [
        ("`check`, our own domains", CheckMetrics::definitions()),
        ("`enforce`", EnforceMetrics::definitions()),
        ("`publish`, the policy host", PublishMetrics::definitions()),
        ("`publish`, leading domains", DriveMetrics::definitions()),
        ("`receive`", ReceiveMetrics::definitions()),
        ("`report`", ReportMetrics::definitions()),
        ("`alert`", AlertMetrics::definitions()),
        ("`serve`", ServeMetrics::definitions()),
        ("The pages", WebMetrics::definitions()),
        ("The process", Process::definitions()),
    ];
    let text = match arguments.format {
        MetricsFormat::Markdown => reference_page(&parts),
        MetricsFormat::Grafana => grafana::dashboard(&parts),
    };
    output.text(&text)?;
    Ok(Outcome::Clean)
}

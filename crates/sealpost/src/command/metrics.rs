//! `sealpost metrics`

use sealpost_alert::AlertMetrics;
use sealpost_enforce::EnforceMetrics;
use sealpost_publish::{DriveMetrics, PublishMetrics};
use sealpost_receive::ReceiveMetrics;
use sealpost_report::ReportMetrics;
use sealpost_runtime::metrics::{Process, Table as _, reference_page};
use sealpost_web::WebMetrics;

use crate::daemon::ServeMetrics;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Prints the page `doc/reference/metrics.md`; a test compares the two.
pub(super) fn run(output: &mut Output) -> Result<Outcome, Failure> {
    output.text(&reference_page(&[
        ("`alert`", AlertMetrics::definitions()),
        ("`enforce`", EnforceMetrics::definitions()),
        ("`publish`, the policy host", PublishMetrics::definitions()),
        ("`publish`, leading domains", DriveMetrics::definitions()),
        ("`receive`", ReceiveMetrics::definitions()),
        ("`report`", ReportMetrics::definitions()),
        ("`serve`", ServeMetrics::definitions()),
        ("The pages", WebMetrics::definitions()),
        ("The process", Process::definitions()),
    ]))?;
    Ok(Outcome::Clean)
}

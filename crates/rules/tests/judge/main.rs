//! The judge, on evidence made by hand.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod diagnosis;
mod dialogue;
mod evidence;
mod observer;
mod rfc8461;
mod surroundings;
mod verdicts;

use std::collections::BTreeSet;

use sealpost_evidence::Evidence;
use sealpost_rules::judge;

/// The verdict and the codes of all findings, on one line: `failing MX302 STS318`.
fn judged(evidence: &Evidence) -> String {
    let judgement = judge(evidence);
    let verdict = judgement.verdict.map_or("none", sealpost_rules::Verdict::as_str);
    let codes: BTreeSet<&str> = judgement.findings.iter().map(|f| f.rule.code).collect();
    [verdict].into_iter().chain(codes).collect::<Vec<_>>().join(" ")
}

//! `sealpost alert causes`

use sealpost_rules::incidents::{IncidentCause, incident_causes};

use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Prints the page `doc/reference/incidents.md`; a test compares the two.
pub(super) fn run(output: &mut Output) -> Result<Outcome, Failure> {
    let mut page = String::from(
        "# Incidents\n\n\
         <!-- Made by `sealpost alert causes`; change the table in the sources, not this page. -->\n\n\
         What `[alert]` tells people of. A code is never given a second meaning. An incident opens\n\
         when its cause has held for the time given, and is over when it has been gone for the\n\
         other. What only looks of our own speak for, and what may pass, another look must have found\n\
         too. How much it presses follows from what speaks for it: reports that somebody vouches\n\
         for, a look of our own, or both; where the policy is not in mode enforce, it is never more\n\
         than a warning.\n\n\
         | code | cause | by reports | by a look | by both | opens after | over after |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for cause in incident_causes() {
        let IncidentCause { code, title, by_reports, by_look, by_both, .. } = cause;
        let link = format!("[{code}](#{})", code.to_ascii_lowercase());
        let (hold, clear) = (span(cause.hold), span(cause.clear));
        page.push_str(&format!(
            "| {link} | {title} | {by_reports} | {by_look} | {by_both} | {hold} | {clear} |\n"
        ));
    }
    for cause in incident_causes() {
        let IncidentCause { code, name, title, why, fix, .. } = cause;
        page.push_str(&format!(
            "\n### {code}\n\n`{name}`: {title}.\n\n*What follows:* {why}.\n\n*Do:* {fix}.\n"
        ));
    }
    output.text(&page)?;
    Ok(Outcome::Clean)
}

fn span(seconds: u32) -> String {
    match seconds {
        0 => "at once".to_owned(),
        3_600 => "1 hour".to_owned(),
        seconds => format!("{} minutes", seconds / 60),
    }
}

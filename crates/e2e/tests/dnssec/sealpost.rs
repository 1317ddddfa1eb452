//! What `sealpost` says of each question that it asked, read from the evidence that it saves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealpost_e2e::{Answers, Dnssec, Environment, sealpost_answers, sealpost_binary};

/// Checks the domains, and gives what came of each question, in the words of the table.
pub(crate) fn lookups(environment: &Environment, dnssec: Dnssec, domains: &[&str]) -> Answers {
    let settings = environment.settings_file_for(dnssec);
    let evidence = environment.directory().join(format!("evidence-{}", dnssec.as_str()));
    let mut arguments = vec!["check", "--network", settings.to_str().unwrap()];
    arguments.extend(["--save-evidence", evidence.to_str().unwrap()]);
    arguments.extend(domains);
    let output = environment.run(&sealpost_binary().unwrap(), arguments).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{output:?}");

    let evidence = fs_err::read_to_string(evidence).unwrap();
    let evidence = evidence.lines().map(|line| serde_json::from_str(line).unwrap());
    evidence.flat_map(|domain| sealpost_answers(&domain)).collect()
}

//! What can never work, whatever is on the machine.

use super::Configuration;
use crate::daemon::RoleName;
use crate::outcome::Failure;

/// What a section says against itself.
#[derive(Debug)]
pub(crate) struct Contradiction {
    /// The role that cannot run with it; none if none can.
    pub(crate) of: Option<RoleName>,
    /// The section or key.
    pub(crate) key: &'static str,
    /// In a sentence.
    pub(crate) what: String,
}

impl Configuration {
    /// What its sections say against themselves. What is in the files that they name is another
    /// matter: it may change without anybody who looks.
    pub(crate) fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        let mut add = |of, key, what| found.push(Contradiction { of, key, what });
        if let Err(failure) = self.serve.identity() {
            add(None, "serve", failure.plain());
        }
        if let Err(error) = self.receive.identity() {
            add(Some(RoleName::Receive), "receive", format!("cannot {error}"));
        }
        for error in self.receive.imap.iter().filter_map(|mailbox| mailbox.account().err()) {
            add(Some(RoleName::Receive), "receive.imap", format!("cannot {error}"));
        }
        if self.report.token_file.is_some() && self.report.http.is_empty() {
            let what = "`report.token_file` is for posts of sessions, and `report.http` names no \
                        address for them";
            add(Some(RoleName::Report), "report.token_file", what.to_owned());
        }
        if let Err(error) = self.alert.check() {
            add(Some(RoleName::Alert), "alert.receiver", format!("cannot {error}"));
        }
        if self.publish.acme.as_ref().is_some_and(|acme| !acme.agree_to_terms) {
            let what = "`publish.acme.agree_to_terms` is not true: set it once you have read the \
                        terms of the authority";
            add(Some(RoleName::Publish), "publish.acme", what.to_owned());
        }
        found
    }

    /// Refuses what these roles can never run with.
    pub(crate) fn refuse_contradictions(&self, roles: &[RoleName]) -> Result<(), Failure> {
        let mut found = self.contradictions().into_iter();
        match found.find(|found| found.of.is_none_or(|name| roles.contains(&name))) {
            Some(Contradiction { what, .. }) => {
                Err(Failure::new(format!("use the configuration: {what}"))
                    .hint("sealpost config check says everything that is wrong with it"))
            }
            None => Ok(()),
        }
    }
}

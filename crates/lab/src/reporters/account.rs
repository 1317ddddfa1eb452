//! What a reporter counts over one range, before it is put into words.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::traffic::{DAY, MailDomain, Policy, Sessions};
use super::{Reporter, reporter::Range};

/// The sessions of one reporter with one domain in one range.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) reporter: Reporter,
    pub(super) domain: &'static MailDomain,
    /// In seconds since 1970.
    pub(super) begins: i64,
    /// The first second after it.
    pub(super) ends: i64,
    pub(super) successful: u64,
    /// What is alike is counted together.
    pub(super) failures: BTreeMap<Failure, u64>,
}

/// What failures have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failure {
    pub(super) result_type: &'static str,
    pub(super) mx: String,
    pub(super) sending_ip: IpAddr,
    pub(super) receiving_ip: IpAddr,
}

/// A policy as a reporter knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Sts,
    Tlsa,
    Nothing,
}

impl Account {
    /// The accounts of a reporter on a domain, in the order of their ranges, without those of which
    /// there is nothing to tell.
    pub(super) fn all(
        reporter: Reporter,
        domain: &'static MailDomain,
        sessions: &[Sessions],
    ) -> Vec<Self> {
        let theirs = |one: &&Sessions| one.reporter == reporter && one.domain == domain;
        let mut accounts: Vec<Self> = Vec::new();
        for sessions in sessions.iter().filter(theirs) {
            let (begins, ends) = match reporter.range(domain) {
                Range::Day => {
                    let midnight = sessions.at - sessions.at.rem_euclid(DAY);
                    (midnight, midnight + DAY)
                }
                Range::FromFirstSession(length) => (sessions.at, sessions.at + length),
            };
            let is_new = accounts.last().is_none_or(|last| last.ends <= sessions.at);
            if is_new {
                let (successful, failures) = (0, BTreeMap::new());
                accounts.push(Self { reporter, domain, begins, ends, successful, failures });
            }
            if let Some(account) = accounts.last_mut() {
                account.add(sessions);
            }
        }
        accounts
    }

    fn add(&mut self, sessions: &Sessions) {
        let Some(result_type) = sessions.failure else {
            self.successful += sessions.count;
            return;
        };
        let failure = Failure {
            result_type,
            mx: sessions.mx.clone(),
            sending_ip: sessions.sending_ip,
            receiving_ip: sessions.receiving_ip,
        };
        *self.failures.entry(failure).or_default() += sessions.count;
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// The policies under which the sessions are reported: all under each of them.
    pub(super) fn known(&self) -> &'static [Known] {
        // Of these, Google and Mail.ru know nothing of DANE.
        let is_without_dane = matches!(self.reporter, Reporter::Google | Reporter::MailRu);
        match self.domain.policy {
            Policy::Nothing => &[Known::Nothing],
            Policy::Sts(..) => &[Known::Sts],
            Policy::Tlsa if is_without_dane => &[Known::Nothing],
            Policy::Tlsa => &[Known::Tlsa],
            Policy::Both if is_without_dane => &[Known::Sts],
            Policy::Both if self.reporter != Reporter::Microsoft => &[Known::Tlsa],
            // The order varies.
            Policy::Both if (self.begins / DAY) % 2 == 0 => &[Known::Tlsa, Known::Sts],
            Policy::Both => &[Known::Sts, Known::Tlsa],
        }
    }

    /// Whether the policy could not be fetched, so that it is not in the report.
    pub(super) fn is_unfetched(&self) -> bool {
        let fetch = ["sts-policy-fetch-error", "sts-webpki-invalid"];
        self.failures.keys().any(|failure| fetch.contains(&failure.result_type))
    }

    /// The same, as far as was known when part of the sessions was still missing.
    pub(super) fn incomplete(&self) -> Self {
        let failures = self.failures.iter().map(|(failure, count)| (failure.clone(), *count));
        Self {
            successful: self.successful / 2,
            failures: failures.skip(1).collect(),
            ..self.clone()
        }
    }
}

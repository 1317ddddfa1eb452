//! The table: every domain of the lab, once.
//!
//! A domain begins as a good one and has one thing changed, which its name says. Whoever adds a
//! rule to the auditor adds a domain that fires it and names it as the near miss of another.

use std::sync::LazyLock;

use crate::Domain;

// Nothing wrong.
mod good;
// The STS record and the DNS.
mod dns;
mod record;
// The policy host and what it serves.
mod policy_certificate;
mod policy_host;
mod policy_text;
// MX hosts: names and coverage, dialogue, TLS.
mod coverage;
mod mx;
mod mx_certificate;
mod smtp;
// The TLS-RPT record, and where reports go.
mod reports;
mod tls_rpt;
// Who vouches for names and certificates.
mod caa;
mod dane;
mod dnssec;
// What a sender does where no policy is enforced.
mod levels;
// Where to go from here, and with whom.
mod providers;
mod readiness;
// Whom to attack.
mod victims;
// Whom to lead somewhere.
mod estates;

/// Every domain, in groups.
pub(crate) fn fleet() -> &'static [Domain] {
    static FLEET: LazyLock<Vec<Domain>> = LazyLock::new(|| {
        [
            good::domains(),
            dns::domains(),
            record::domains(),
            policy_host::domains(),
            policy_certificate::domains(),
            policy_text::domains(),
            coverage::domains(),
            mx::domains(),
            smtp::domains(),
            mx_certificate::domains(),
            tls_rpt::domains(),
            reports::domains(),
            dnssec::domains(),
            dane::domains(),
            caa::domains(),
            levels::domains(),
            readiness::domains(),
            providers::domains(),
            victims::domains(),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    &FLEET
}

/// Domains that change while the lab runs. Nobody audits them.
pub(crate) fn estates() -> &'static [Domain] {
    static ESTATES: LazyLock<Vec<Domain>> = LazyLock::new(estates::estates);
    &ESTATES
}

/// Domains outside `.test` whose hosts some of the fleet use. Nobody audits them.
pub(crate) fn providers() -> Vec<Domain> {
    providers::providers()
}

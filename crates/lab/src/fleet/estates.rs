//! Domains whose owner leads them somewhere while the lab runs. Nobody audits them: what is true of
//! them changes.

use crate::{
    Domain,
    host::{Address, Certificate, Dialogue, MailHost, Server},
};

/// Not signed, so that its records can be changed; on IPv4 only, so that each host has an address of
/// its own. Its policy host is the owner's to set up.
pub(super) fn estates() -> Vec<Domain> {
    let host = |label, certificate| {
        let server = Server { certificate, ..Server::good(Dialogue::Polite) };
        MailHost::at(label, vec![Address::Served(server)])
    };
    let good = Certificate::good();
    vec![
        Domain::unregistered("tour.test", "to be led from nothing to enforce")
            .mail_hosts(vec![
                host("mx1", good),
                host("mx2", Certificate::Dated { lifetime: 90, left: 12 }),
                host("mx3", good),
                host("mx4", good),
            ])
            .mx(&[(10, "mx1"), (10, "mx2"), (10, "mx3")])
            .unsigned(),
    ]
}

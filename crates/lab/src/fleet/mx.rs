//! Faults of the MX records and of the names and addresses behind them.

use std::net::Ipv4Addr;

use hickory_proto::rr::RecordType;

use crate::{
    Domain,
    domain::policy,
    host::{Address, Dialogue, MailHost, Server},
    zone::{Fault, RecordData},
};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = records();
    domains.extend(addresses());
    domains
}

fn records() -> Vec<Domain> {
    vec![
        Domain::unregistered("domain-missing.test", "nobody registered this domain")
            .expect("no-mail", &["MX101"])
            .near_miss_of(&["MX102", "MX111", "RPT101", "STS101"]),
        Domain::unregistered("null-mx.test", "the domain says that it takes no mail")
            .mx(&[(0, ".")])
            .expect("no-mail", &["MX103"])
            .near_miss_of(&["MX108", "MX110", "RPT101", "STS101"]),
        Domain::good("implicit-mx.test", "no MX record: the domain itself is the host")
            .mail_hosts(vec![MailHost::good("@")])
            .mx(&[])
            .policy(policy("enforce", &["{domain}"], "604800"))
            .expect("enforced", &["MX104"])
            .near_miss_of(&["MX101", "MX102", "MX111"]),
        Domain::unregistered("no-mail-host.test", "the domain has neither MX nor address records")
            .record("@", RecordData::Text(vec![b"parked".to_vec()]))
            .expect("no-mail", &["MX111"])
            .near_miss_of(&["MX101", "MX104", "MX105"]),
        Domain::good("null-mx-beside-others.test", "\"takes no mail\", beside an MX host")
            .mx(&[(0, "."), (10, "mx1")])
            .expect("failing", &["MX110"])
            .near_miss_of(&["MX103", "MX108"]),
        Domain::good(
            "mx-name-with-underscore.test",
            "an MX record with a name that is no host name",
        )
        .mx(&[(10, "mx1"), (20, "mx_2")])
        .expect("failing", &["MX108"])
        .near_miss_of(&["MX105", "STS401"]),
        Domain::good(
            "mx-name-is-address.test",
            "an MX record with an IP address in place of a name",
        )
        .mx(&[(10, "mx1")])
        .record("@", RecordData::Mx(20, "192.0.2.1".to_owned()))
        .expect("failing", &["MX108"])
        .near_miss_of(&["MX105", "STS401"]),
    ]
}

fn addresses() -> Vec<Domain> {
    let served = || Address::Served(Server::good(Dialogue::Polite));
    vec![
        Domain::good("mx-host-without-address.test", "the MX host has no address")
            .without_mail_hosts()
            .expect("failing", &["MX105"])
            .near_miss_of(&["MX106", "MX111", "MX201"]),
        Domain::good("mx-host-aaaa-servfail.test", "only the MX host's AAAA look-up fails")
            .mail_hosts(vec![MailHost::at("mx1", vec![served()])])
            .dns_fault("mx1", Some(RecordType::AAAA), Fault::ServerFailure)
            .expect("enforced", &["MX106"])
            .near_miss_of(&["MX105"]),
        Domain::good("mx-host-alias.test", "the MX record points to an alias")
            .mail_hosts(vec![MailHost::good("mx1").alias_of("host")])
            .expect("enforced", &["MX107"])
            .near_miss_of(&["MX105", "STS404"]),
        Domain::good("mx-host-private.test", "the MX host has a private address")
            .mail_hosts(vec![MailHost::at(
                "mx1",
                vec![Address::Elsewhere(Ipv4Addr::new(192, 168, 1, 1))],
            )])
            .expect("failing", &["MX109"])
            .near_miss_of(&["MX105", "MX201"]),
        Domain::good("mx-host-link-local.test", "one of two addresses is for one link only")
            .mail_hosts(vec![MailHost::at(
                "mx1",
                vec![served(), Address::Elsewhere(Ipv4Addr::new(169, 254, 1, 1))],
            )])
            .expect("failing", &["MX109"])
            .near_miss_of(&["MX201"]),
        Domain::good("mx-refused.test", "nobody listens at the MX host")
            .mail_hosts(vec![MailHost::at("mx1", vec![Address::Closed])])
            .expect("failing", &["MX201"])
            .near_miss_of(&["MX105", "MX202", "MX208"]),
        Domain::good("mx-partly-refused.test", "nobody listens at one of two addresses")
            .mail_hosts(vec![MailHost::at("mx1", vec![served(), Address::Closed])])
            .expect("enforced", &["MX201"])
            .near_miss_of(&["MX105"]),
        Domain::good("mx-sixteen-addresses.test", "as many addresses as an audit looks at")
            .mail_hosts(vec![MailHost::at("mx1", vec![served(); 16])])
            .near_miss_of(&["OBS104"]),
        Domain::good("mx-seventeen-addresses.test", "one address more than an audit looks at")
            .mail_hosts(vec![MailHost::at("mx1", vec![served(); 17])])
            .expect("unknown", &["OBS104"])
            .near_miss_of(&["MX106"]),
        Domain::good("mx-backup-refused.test", "nobody listens at the second MX host")
            .mail_hosts(vec![MailHost::good("mx1"), MailHost::at("mx2", vec![Address::Closed])])
            .policy(policy("enforce", &["mx1.{domain}", "mx2.{domain}"], "604800"))
            .expect("failing", &["MX201"])
            .near_miss_of(&["STS401"]),
    ]
}

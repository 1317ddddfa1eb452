//! Failing look-ups. A failure is never the same as "there is none".

use hickory_proto::rr::RecordType;

use crate::{
    Domain,
    host::{Address, Reply, Server, WebHost},
    zone::{Fault, RecordData},
};

pub(super) fn domains() -> Vec<Domain> {
    // Reports to the domain itself could not be judged either.
    let elsewhere = "v=TLSRPTv1; rua=mailto:tls-reports@good.test";
    vec![
        Domain::good("sts-record-servfail.test", "the look-up of the STS record fails")
            .sts(&[])
            .dns_fault("_mta-sts", None, Fault::ServerFailure)
            .expect("unknown", &["STS102"])
            .near_miss_of(&["STS101", "STS114"]),
        Domain::good("sts-record-timeout.test", "nobody answers for the STS record")
            .sts(&[])
            .dns_fault("_mta-sts", None, Fault::Silence)
            .expect("unknown", &["STS102"])
            .near_miss_of(&["STS101", "STS114"]),
        Domain::good("sts-record-refused.test", "the DNS refuses to answer for the STS record")
            .sts(&[])
            .dns_fault("_mta-sts", None, Fault::Refused)
            .expect("unknown", &["STS102"])
            .near_miss_of(&["STS101", "STS114"]),
        Domain::good(
            "sts-record-alias-loop.test",
            "the STS record is an alias of an alias of itself",
        )
        .sts(&[])
        .record("_mta-sts", RecordData::Alias("loop.{domain}".to_owned()))
        .record("loop", RecordData::Alias("_mta-sts.{domain}".to_owned()))
        .expect("unknown", &["STS102"])
        .near_miss_of(&["STS112", "STS114"]),
        Domain::good(
            "policy-host-servfail.test",
            "the look-up of the policy host's addresses fails",
        )
        .no_policy_host()
        .dns_fault("mta-sts", Some(RecordType::A), Fault::ServerFailure)
        .dns_fault("mta-sts", Some(RecordType::AAAA), Fault::ServerFailure)
        .expect("unknown", &["STS202"])
        .near_miss_of(&["STS201", "STS203"]),
        Domain::good("policy-host-aaaa-servfail.test", "only the policy host's AAAA look-up fails")
            .policy_host(WebHost::at(vec![Address::Served(Server::good(Reply::good()))]))
            .dns_fault("mta-sts", Some(RecordType::AAAA), Fault::ServerFailure)
            .expect("enforced", &["STS202"])
            .near_miss_of(&["STS201", "STS204"]),
        Domain::good("mx-servfail.test", "the MX look-up fails")
            .tls_rpt(&[elsewhere])
            .mx(&[])
            .dns_fault("@", Some(RecordType::MX), Fault::ServerFailure)
            .expect("unknown", &["MX102"])
            .near_miss_of(&["MX101", "MX104", "MX111", "STS403"]),
        Domain::good("mx-timeout.test", "nobody answers for the MX records")
            .tls_rpt(&[elsewhere])
            .mx(&[])
            .dns_fault("@", Some(RecordType::MX), Fault::Silence)
            .expect("unknown", &["MX102"])
            .near_miss_of(&["MX101", "MX104", "MX111", "STS403"]),
        Domain::good("mx-host-servfail.test", "the look-up of the MX host's addresses fails")
            .without_mail_hosts()
            .dns_fault("mx1", Some(RecordType::A), Fault::ServerFailure)
            .dns_fault("mx1", Some(RecordType::AAAA), Fault::ServerFailure)
            .expect("unknown", &["MX106"])
            .near_miss_of(&["MX105", "MX201"]),
        Domain::good("tls-rpt-servfail.test", "the look-up of the TLS-RPT record fails")
            .tls_rpt(&[])
            .dns_fault("_smtp._tls", None, Fault::ServerFailure)
            .expect("enforced", &["RPT102"])
            .near_miss_of(&["RPT101"]),
    ]
}

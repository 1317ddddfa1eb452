//! What is told beside the sessions that a mail server counts.

use mail_domain::DomainName;
use sealpost_store::sessions::{DomainRemarks, SenderRemark};
use sealpost_store::submissions::Verdict;
use tls_rpt::{
    HostProbe, Look, PolicyType, ProbeResult, Report, ResultType, SeenPolicy, SessionFailure,
};

use crate::house::{HOUR, House, day};
use crate::sink::Mail;

const POLICY: &[u8] =
    b"version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\noops\r\nmax_age: 86400\r\n";

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn sts(name: &str) -> SeenPolicy {
    SeenPolicy::of_sts(domain(name), POLICY, ["mx.a.test"])
}

fn failure(result_type: ResultType, host: Option<&str>) -> SessionFailure {
    let receiving_mx_hostname = host.map(domain);
    SessionFailure { receiving_mx_hostname, ..SessionFailure::new(result_type) }
}

/// The mails that came, by what their reports are about, in the order of the names.
fn told(mails: &[Mail]) -> Vec<(String, Vec<String>)> {
    let of = |mail: &Mail| (mail.field("TLS-Report-Domain").to_owned(), said(&mail.report()));
    let mut told: Vec<_> = mails.iter().map(of).collect();
    told.sort();
    told
}

/// Each policy: its type and domain, its sessions, and its failures by type, host and count.
pub(crate) fn said(report: &Report) -> Vec<String> {
    let of = |entry: &tls_rpt::PolicyReport| {
        let details = entry.failure_details.iter().map(|detail| {
            let host = detail.receiving_mx_hostname.as_ref().map(ToString::to_string);
            let host = host.map(|host| format!("@{host}")).unwrap_or_default();
            let result_type = detail.result_type.as_ref().unwrap().as_str();
            format!(" {result_type}{host}={}", detail.failed_session_count.unwrap().value())
        });
        format!(
            "{} {} {}/{}{}",
            entry.policy.policy_type.as_ref().unwrap().as_str(),
            entry.policy.policy_domain.as_ref().unwrap(),
            entry.summary.successful.unwrap().value(),
            entry.summary.failed.unwrap().value(),
            details.collect::<String>()
        )
    };
    report.policies.iter().map(of).collect()
}

impl House {
    async fn remarked(&self, name: &str, remarks: Vec<SenderRemark>) {
        let store = self.store().await;
        let remarks = vec![DomainRemarks { domain: domain(name), remarks }];
        let now = day().begins_at();
        store.sessions().remark(day(), remarks.clone(), now).await.unwrap();
        // However often it is found.
        store.sessions().remark(day(), remarks, now + 5).await.unwrap();
        store.close().await;
    }

    /// A look at its host at that hour.
    async fn looked_at(&self, name: &str, hour: i64, result: ProbeResult) {
        let store = self.store().await;
        let at = jiff::Timestamp::from_second(day().begins_at() + hour * HOUR).unwrap();
        let hosts = vec![HostProbe { host: domain("mx.a.test"), result }];
        let look = Look { at, policy: sts(name), hosts };
        store.sessions().note_look(domain(name), look).await.unwrap();
        store.close().await;
    }

    async fn verdict(&self, verdict: Verdict) -> u64 {
        let store = self.store().await;
        let count = store.submissions().verdicts(day()).await.unwrap().of(verdict);
        store.close().await;
        count
    }
}

#[tokio::test]
async fn what_a_sender_found_is_told_beside_the_sessions_and_adds_none() {
    let house = House::new();
    for name in ["a.test", "b.test", "c.test", "d.test"] {
        house.wants(name, &format!("mailto:tls@{name}"));
    }
    // DANE decided, and there is a policy too.
    house.had_by_dane("a.test", "mx.a.test", 5, 1).await;
    let skipped = failure(ResultType::ValidationFailure, Some("mx9.a.test"));
    house
        .remarked(
            "a.test",
            vec![
                SenderRemark { policy: sts("a.test"), failure: None },
                SenderRemark { policy: sts("a.test"), failure: Some(skipped) },
            ],
        )
        .await;
    // Nothing was delivered there: what went wrong is all there is to tell.
    let dane = SeenPolicy::new(PolicyType::Tlsa, domain("b.test"));
    let bogus = failure(ResultType::DnssecInvalid, None);
    house.remarked("b.test", vec![SenderRemark { policy: dane, failure: Some(bogus) }]).await;
    // A policy that was merely held is nothing to tell.
    house.remarked("c.test", vec![SenderRemark { policy: sts("c.test"), failure: None }]).await;
    house.had("d.test", day(), 2, 0).await;
    let built = house.work(day(), HOUR).await;
    // mx.a.test asks for no reports.
    assert_eq!((built.queued, built.without, built.later), (3, 1, 0));
    let mails = house.sink.mails();
    let expected = [
        ("a.test", vec!["tlsa mx.a.test 5/1", "sts a.test 0/0 validation-failure@mx9.a.test=0"]),
        ("b.test", vec!["tlsa b.test 0/0 dnssec-invalid=0"]),
        ("d.test", vec!["no-policy-found d.test 2/0"]),
    ];
    let expected = expected.map(|(name, said)| {
        (name.to_owned(), said.into_iter().map(str::to_owned).collect::<Vec<_>>())
    });
    assert_eq!(told(&mails), expected);
    // The whole text, faults included (RFC 8460 section 4.5).
    let of_a = mails.iter().find(|mail| mail.field("TLS-Report-Domain") == "a.test").unwrap();
    let lines = &of_a.report().policies[1].policy.policy_string;
    assert_eq!(
        *lines,
        ["version: STSv1", "mode: testing", "mx: mx.a.test", "oops", "max_age: 86400"]
    );
    // Once more: all is decided.
    assert_eq!(house.work(day(), 2 * HOUR).await.queued, 0);
    assert_eq!(house.sink.mails().len(), 3);
}

/// The mail server asks `enforce` before it delivers our reports too.
#[tokio::test]
async fn what_was_found_for_our_own_reports_is_no_reason_for_another() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.had("a.test", day().plus(-1), 3, 0).await;
    // It goes out on the day itself.
    house.work(day().plus(-1), HOUR - 86_400).await;
    assert_eq!(house.sink.mails().len(), 1);
    let fetch = failure(ResultType::StsPolicyFetchError, None);
    let policy = SeenPolicy::new(PolicyType::Sts, domain("a.test"));
    house.remarked("a.test", vec![SenderRemark { policy, failure: Some(fetch) }]).await;
    house.work(day(), HOUR).await;
    assert_eq!(house.sink.mails().len(), 1, "the loop goes on");
    assert_eq!(house.verdict(Verdict::OnlyReports).await, 1);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-1.1
//= type=test
//# For DANE, the Policy
//# Domain is the "TLSA base domain" of the receiving SMTP server as
//# described in Section 2.2.3 of RFC 7672 and Section 3 of RFC 6698.
#[tokio::test]
async fn a_mail_host_with_a_record_of_its_own_hears_of_its_dane_sessions() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    house.wants("c.test", "mailto:other@c.test,mailto:tls@host.test");
    house.wants("mx.host.test", "mailto:tls@host.test");
    house.had_by_dane("a.test", "mx.host.test", 5, 1).await;
    // It asks for none itself.
    house.had_by_dane("b.test", "mx.host.test", 20, 2).await;
    // Its report goes to the same place and tells the same sessions.
    house.had_by_dane("c.test", "mx.host.test", 300, 3).await;
    // Not by DANE, and by DANE with another host.
    house.had("a.test", day(), 1_000, 0).await;
    house.had_by_dane("a.test", "mx.a.test", 4_000, 0).await;
    let built = house.work(day(), HOUR).await;
    // a.test, c.test and the host; b.test and mx.a.test want none.
    assert_eq!((built.queued, built.without), (3, 2));
    let mails = house.sink.mails();
    let of_host: Vec<_> =
        mails.iter().filter(|mail| mail.field("TLS-Report-Domain") == "mx.host.test").collect();
    let [mail] = of_host.as_slice() else { panic!("{} mails", of_host.len()) };
    assert_eq!(mail.recipient, "tls@host.test");
    assert_eq!(said(&mail.report()), ["tlsa mx.host.test 25/3"]);
    assert_eq!(mails.len(), 4, "c.test has two destinations");
    assert_eq!(house.verdict(Verdict::NotWanted).await, 2);
    // Where the numbers of one domain are looked at, it is said that there are others.
    let preview = |domain: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sealpost"))
            .args(["report", "preview", domain, "--day", crate::house::DAY, "--store"])
            .arg(house.store_file())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (said.contains("other domains had sessions with"), output.status.code().unwrap())
    };
    assert_eq!(preview("mx.host.test"), (true, 1));
    assert_eq!(preview("a.test"), (false, 0));
}

#[tokio::test]
async fn a_mail_host_is_not_told_twice() {
    let house = House::new();
    for name in ["a.test", "mx.a.test"] {
        house.wants(name, "mailto:tls@a.test");
    }
    house.had_by_dane("a.test", "mx.a.test", 5, 1).await;
    house.work(day(), HOUR).await;
    let mails = house.sink.mails();
    assert_eq!(told(&mails), [("a.test".to_owned(), vec!["tlsa mx.a.test 5/1".to_owned()])]);
    assert_eq!(house.verdict(Verdict::ToldElsewhere).await, 1);
}

#[tokio::test]
async fn where_a_record_cannot_be_looked_up_the_host_is_told_of_later() {
    let house = House::new();
    house.wants("mx.host.test", "mailto:tls@host.test");
    house.dns.set("_smtp._tls.a.test", crate::dns::Answer::ServerFailure);
    house.had_by_dane("a.test", "mx.host.test", 5, 1).await;
    let built = house.work(day(), HOUR).await;
    assert_eq!((built.queued, built.later), (0, 2));
    house.wants("a.test", "mailto:tls@a.test");
    let built = house.work(day(), 2 * HOUR).await;
    assert_eq!((built.queued, built.later), (2, 0));
}

#[tokio::test]
async fn what_hosts_showed_judges_the_sessions_of_a_domain_in_mode_testing() {
    let house = House::new();
    for name in ["a.test", "b.test", "c.test", "d.test"] {
        house.wants(name, &format!("mailto:tls@{name}"));
        house.had_in(name, "8:1 9:2 12:4", 7).await;
    }
    let expired = || ProbeResult::Fails(failure(ResultType::CertificateExpired, Some("mx.a.test")));
    for (name, hour, result) in [
        ("a.test", 8, ProbeResult::Passes),
        ("a.test", 12, ProbeResult::Passes),
        ("b.test", 8, expired()),
        ("b.test", 12, expired()),
        // It was mended in the course of the day: who came before and who after, nobody knows.
        ("c.test", 8, expired()),
        ("c.test", 12, ProbeResult::Passes),
        // What was before nobody saw.
        ("d.test", 9, ProbeResult::Passes),
        ("d.test", 14, ProbeResult::Passes),
    ] {
        house.looked_at(name, hour, result).await;
    }
    house.work(day(), HOUR).await;
    let said: Vec<_> = told(&house.sink.mails()).into_iter().flat_map(|(_, said)| said).collect();
    assert_eq!(
        said,
        [
            "sts a.test 7/0",
            "sts b.test 0/7 certificate-expired@mx.a.test=7",
            "no-policy-found c.test 7/0",
            "sts c.test 0/0 certificate-expired@mx.a.test=0",
            "sts d.test 6/0",
            "no-policy-found d.test 1/0",
        ]
    );
}

//! Records that are legal, or nearly so, and get their reports. For most of them tlsrpt-reporter 0.6.0
//! sends none at all, and for the last but one to an address that is not there.

use crate::dns::Answer;
use crate::house::{House, day};

/// Records, and where the reports go: the recipients of mails, and the URIs of posts.
const RECORDS: &[(&str, &[&str])] = &[
    ("v=TLSRPTv1; rua=mailto:a@x.test , mailto:b@x.test", &["a@x.test", "b@x.test"]),
    ("v=TLSRPTv1; rua=mailto:c@x.test, mailto:d@x.test", &["c@x.test", "d@x.test"]),
    ("v=TLSRPTv1; foo=bar; rua=mailto:e@x.test", &["e@x.test"]),
    ("v=TLSRPTv1 ; rua=mailto:f@x.test", &["f@x.test"]),
    ("v=TLSRPTv1; rua=tel:1,mailto:g@x.test", &["g@x.test"]),
    ("v=TLSRPTv1; rua=HTTPS://x.test/v1", &["HTTPS://x.test/v1"]),
    ("v=TLSRPTv1; rua=mailto:h%21h@x.test?subject=reports", &["h!h@x.test"]),
    // In two strings of one record, with an address over both.
    (
        "v=TLSRPTv1; x=0000000000000000000000000000000000000000000000000000000000000000000000000000000\
         00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
         00000000000000000000000000000000000000000000000000000000000000; rua=mailto:somebody@x.test",
        &["somebody@x.test"],
    ),
];

#[tokio::test]
async fn each_of_them_gets_its_report() {
    let house = House::new();
    for (number, (record, _)) in RECORDS.iter().enumerate() {
        let domain = format!("d{number}.test");
        house.dns.set(&format!("_smtp._tls.{domain}"), Answer::Text((*record).to_owned()));
        house.had(&domain, day(), 1, 0).await;
    }
    house.work(day(), 0).await;
    let (mails, queue) = (house.sink.mails(), house.queue().await);
    for (number, (record, expected)) in RECORDS.iter().enumerate() {
        let domain = format!("d{number}.test");
        let of_domain = mails.iter().filter(|mail| mail.field("TLS-Report-Domain") == domain);
        let recipients = of_domain.map(|mail| mail.recipient.clone());
        let posts = queue
            .iter()
            .filter(|one| one.about.as_str() == domain && !one.rua.starts_with("mailto:"))
            .map(|one| one.rua.clone());
        let mut told: Vec<_> = recipients.chain(posts).collect();
        told.sort_unstable();
        assert_eq!(told, *expected, "{record}");
    }
}

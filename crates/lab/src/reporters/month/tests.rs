use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::*;

fn days(seed: u64, days: u32) -> Month {
    let first = Timestamp::from_second(1_790_000_000).unwrap();
    Month::new(MonthOptions { seed, first, days, signed: None, ways: Ways::MailAndPosts })
}

/// Signing takes its time: it is made once.
fn month() -> &'static Month {
    static MONTH: LazyLock<Month> = LazyLock::new(|| days(7, 31));
    &MONTH
}

fn text(sending: &Sending) -> String {
    match &sending.way {
        Way::Mail { octets, .. } => String::from_utf8(octets.clone()).unwrap(),
        Way::Post { body, .. } => String::from_utf8_lossy(body).into_owned(),
    }
}

#[test]
fn what_is_told_is_what_took_place() {
    let month = month();
    let mut sums: BTreeMap<(Reporter, &str), (u64, u64)> = BTreeMap::new();
    for sessions in &month.sessions {
        let sum = sums.entry((sessions.reporter, sessions.domain.name)).or_default();
        match sessions.failure {
            None => sum.0 += sessions.count,
            Some(_) => sum.1 += sessions.count,
        }
    }
    for told in &month.told {
        let sum = sums.get_mut(&(told.reporter, told.domain.name)).unwrap();
        *sum = (sum.0 - told.successful, sum.1 - told.failed);
    }
    // What is missing is in the reports that a gateway has changed.
    let altered = |reporter, name| {
        month.sendings.iter().any(|sending| {
            sending.kind == Kind::Altered
                && (sending.reporter, sending.domain.name) == (reporter, name)
        })
    };
    for ((reporter, name), sum) in sums {
        assert!(sum == (0, 0) || altered(reporter, name), "{reporter:?} {name}: {sum:?}");
    }
}

#[test]
fn each_kind_occurs_and_each_report_once() {
    let month = month();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for sending in &month.sendings {
        *times.entry(sending.kind.name()).or_default() += 1;
    }
    assert_eq!(times.len(), 7 + Forgery::ALL.len(), "{times:?}");
    assert!(times.values().all(|times| *times >= 2), "{times:?}");
    let counting = month.sendings.iter().filter(|sending| sending.kind.counts()).count();
    assert_eq!(counting, month.told.len());
    assert!(month.sendings.is_sorted_by_key(|sending| sending.at));
    let names: BTreeSet<_> = month.told.iter().map(|told| told.domain.name).collect();
    assert!(names.len() >= 10);
    assert!(month.told.iter().any(|told| !told.is_of_one_day()));
    assert!(month.told.iter().any(|told| told.ends - told.begins == 3600));
}

#[test]
fn the_same_seed_sends_the_same() {
    assert_eq!(days(1, 5).sendings, days(1, 5).sendings);
    assert_ne!(days(1, 5).told, days(2, 5).told);
}

#[test]
fn who_wants_mails_only_gets_no_post() {
    let sent = Timestamp::from_second(1_790_000_000).unwrap();
    let first = sent.checked_sub(jiff::SignedDuration::from_hours(5 * 24)).unwrap();
    let options =
        MonthOptions { seed: 1, first, days: 5, signed: Some(sent), ways: Ways::MailOnly };
    let month = Month::new(options);
    let last = month.told.iter().map(|told| told.ends).max().unwrap();
    let yesterday = sent.as_second() - DAY;
    assert!((yesterday..=sent.as_second()).contains(&last), "nobody tells of what has not ended");
    for sending in month.sendings {
        assert!(matches!(sending.way, Way::Mail { .. }));
        let is_signed = text(&sending).contains(" t=1790000000;");
        assert_eq!(is_signed, sending.kind != Kind::Forged(Forgery::Unsigned));
    }
}

#[test]
fn mails_can_be_sent_as_they_are() {
    for sending in &month().sendings {
        let Way::Mail { to, octets } = &sending.way else { continue };
        let text = String::from_utf8(octets.clone()).unwrap();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text}");
        assert!(text.lines().all(|line| !line.starts_with('.') && line.len() < 998), "{text}");
        assert!(text.contains(to.as_str()), "{text}");
        let (header, _) = text.split_once("\r\n\r\n").unwrap();
        for line in header.lines() {
            assert!(line.starts_with([' ', '\t']) || line.contains(": "), "{line}");
        }
    }
}

/// The report in a sending, unpacked.
fn report(sending: &Sending) -> String {
    let octets = match &sending.way {
        Way::Post { body, .. } => body.clone(),
        Way::Mail { .. } => {
            let mail = text(sending);
            let (_, part) = mail.rsplit_once("application/tlsrpt").unwrap();
            let (_, rest) = part.split_once("\r\n\r\n").unwrap();
            let (base64, _) = rest.split_once("--").unwrap();
            data_encoding::BASE64.decode(base64.replace("\r\n", "").as_bytes()).unwrap()
        }
    };
    if octets.starts_with(b"{") {
        return String::from_utf8(octets).unwrap();
    }
    std::io::read_to_string(flate2::read::GzDecoder::new(octets.as_slice())).unwrap()
}

/// Each quirk in the mails or in the reports of whom it is known of, by its number in the list of
/// those seen in the field; and in none of the others, where only one has it.
#[test]
fn each_reporter_has_its_quirks() {
    let month = month();
    let genuine = |reporter: Reporter| {
        month.sendings.iter().filter(move |sending| {
            sending.reporter == reporter && matches!(sending.kind, Kind::OnTime | Kind::Late)
        })
    };
    let mailed = |reporter, words: &str| genuine(reporter).any(|s| text(s).contains(words));
    let told = |reporter, words: &str| genuine(reporter).any(|s| report(s).contains(words));
    let all_tell = |reporter, words: &str| genuine(reporter).all(|s| report(s).contains(words));
    use Reporter::{Google, MailRu, Microsoft, Postfix, PostfixTwin, Stalwart};

    assert!(told(Google, r#""sending-mta-ip":"""#) && !told(Microsoft, "sending-mta-ip")); // 1, 2
    assert!(told(PostfixTwin, r#""mx-host": "mx1.good.test""#)); // 3
    assert!(told(Google, r#""mx-host":["mx1.good.test"]"#)); // 4
    assert!(!told(Microsoft, "mx-host")); // 5
    assert!(told(PostfixTwin, r#""mx-host": ["mx: "#) && !told(Google, r#"["mx: "#)); // 6
    assert!(told(Google, r#"{"policy-type":"no-policy-found","policy-domain""#)); // 7
    assert!(told(Stalwart, r#""policy-string":[],"#) && told(Stalwart, r#""mx-host":[]"#)); // 8
    assert!(all_tell(Stalwart, r#""failure-details":["#)); // 8
    assert!(told(Microsoft, r#""policy-string":["[\"3 1 1 "#)); // 9
    let two = |first, second| {
        genuine(Microsoft).any(|sending| {
            let json = report(sending);
            let place = |name: &str| json.find(&format!(r#""policy-type":"{name}""#));
            place(first).zip(place(second)).is_some_and(|(first, second)| first < second)
        })
    };
    assert!(two("tlsa", "sts") && two("sts", "tlsa")); // 10
    assert!(told(Microsoft, ":59\"}") && told(Microsoft, ":59Z\"}")); // 11
    assert!(genuine(MailRu).all(|s| report(s).matches("T00:00:00Z").count() == 2)); // 12
    let lengths: BTreeSet<i64> = month
        .told
        .iter()
        .filter(|told| told.reporter == Stalwart && told.begins % DAY != 0)
        .map(|told| told.ends - told.begins)
        .collect();
    assert_eq!(lengths, BTreeSet::from([3600, DAY, 7 * DAY])); // 13
    assert!(all_tell(Stalwart, r#""contact-info":null"#)); // 14
    assert!(told(Postfix, r#""policy": {"policy-type": "no-policy-found"}"#)); // 15
    let ids = |reporter: Reporter| -> BTreeSet<String> {
        let id =
            |sending| report(sending).split_once("\"report-id\": ").map(|(_, id)| id.to_owned());
        genuine(reporter).filter_map(id).collect()
    };
    assert!(!ids(Postfix).is_disjoint(&ids(PostfixTwin))); // 16
    assert!(told(Microsoft, "+\",\"policies\"")); // 17
    assert!(mailed(Google, "T00.00.00Z+good.test@like-google.test>")); // 18
    assert!(told(Google, "T00:00:00Z_good.test\"")); // 18
    let counts = |json: &str, name: &str| -> u64 {
        let count = |part: &str| -> u64 {
            let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap();
            part[..end].parse().unwrap()
        };
        json.split(&format!("\"{name}\": ")).skip(1).map(count).sum()
    };
    assert!(genuine(MailRu).any(|sending| {
        let json = report(sending);
        counts(&json, "failed-session-count") > counts(&json, "total-failure-session-count")
    })); // 19
    assert!(told(MailRu, "bad https response code: 404")); // 20
    assert!(told(Microsoft, "MX_HOSTS_MISMATCH") && told(Google, "validation-failure")); // 20, 21
    assert!(month.sendings.iter().any(|s| s.kind == Kind::Late && s.reporter == Microsoft)); // 22
    assert!(mailed(Microsoft, "Content-Type: text/html")); // 23
    assert!(mailed(Microsoft, "@good.test>\r\n")); // 24
    assert!(genuine(Google).any(|s| {
        s.domain.name == "good-ipv4-only.test"
            && text(s).contains("\r\nTo: tls-reports@good.test\r\n")
    })); // 25
    assert!(month.sendings.iter().any(|sending| {
        sending.kind == Kind::Altered && text(sending).contains("[External: take care]")
    })); // 26
    assert!(mailed(Stalwart, "application/tlsrpt\r\n") && mailed(Stalwart, ".json\"\r\n")); // 27
    let signs_headers = |reporter| {
        genuine(reporter).any(|s| text(s).replace("\r\n\t ", "").contains(":tls-report-domain"))
    };
    assert!(signs_headers(Google) && !signs_headers(Microsoft) && !signs_headers(MailRu)); // 28
    assert!(mailed(Google, "; x=") && !mailed(MailRu, "; x=")); // 29
    assert!(mailed(PostfixTwin, "TLS-Report-Submitter: Example Inc.\r\n")); // 30
    // And what else tells them from each other.
    assert!(mailed(Google, " -0700\r\n"));
    assert!(mailed(Stalwart, "a=ed25519-sha256") && mailed(Stalwart, "a=rsa-sha256"));
    assert!(all_tell(PostfixTwin, "{\"organization-name\": \"Example Inc.\", "));
    assert!(all_tell(MailRu, "{\n   \"contact-info\": "));
}

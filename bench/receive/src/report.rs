//! A report (RFC 8460 §4.4), as one of the reporters writes it.

use jiff::{ToSpan, civil::Date};
use serde_json::{Map, Value, json};

use crate::{
    random::Random,
    reporters::{Habits, REPORTERS, Reporter},
    set::Size,
};

/// So many domains are reported on, each by every reporter on every day.
const DOMAINS: usize = 500;
/// A report of so many has the quirks that its reporter has had now and then.
const QUIRKY: u64 = 4;
const FIRST_DAY: Date = jiff::civil::date(2026, 1, 1);

pub struct Report {
    pub reporter: &'static Reporter,
    /// The domain whose report address it goes to.
    pub domain: String,
    pub day: Date,
    pub id: String,
    pub json: Vec<u8>,
}

/// How a policy is called in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sts,
    Tlsa,
    NoPolicyFound,
}

/// What may fail under each.
const STS: [&str; 7] = [
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "sts-policy-fetch-error",
    "sts-webpki-invalid",
];
const TLSA: [&str; 5] = [
    "starttls-not-supported",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "dane-required",
];
const NO_POLICY_FOUND: [&str; 1] = ["starttls-not-supported"];

const REASONS: [&str; 4] = [
    "X509_V_ERR_CERT_HAS_EXPIRED",
    "bad https response code: 404",
    "certificate verify failed: num=20:unable to get local issuer certificate",
    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
];

/// Makes the report with this number. No two numbers give the same reporter, domain and day.
pub fn make(number: usize, size: Size, random: &mut Random) -> Report {
    let reporter = &REPORTERS[number % REPORTERS.len()];
    let number_of_domain = number / REPORTERS.len();
    let domain = format!("d{:03}.example", number_of_domain % DOMAINS);
    let day = FIRST_DAY.saturating_add(((number_of_domain / DOMAINS) as i64).days());
    let id = reporter.report_id(&domain, day, number);
    let is_quirky = random.one_in(QUIRKY);

    let (mut start, mut end) = reporter.range(day);
    if is_quirky && reporter.habits == Habits::Microsoft {
        // No zone, as in 2023 and 2024.
        start.pop();
        end.pop();
    }
    let mut policies: Vec<Value> = (0..size.policies())
        .map(|index| policy(index, number, &domain, reporter, size, is_quirky, random))
        .collect();
    if is_quirky && reporter.habits == Habits::Microsoft && policies.len() > 5 {
        // The sessions of the first policy once more, under the other mechanism.
        for part in ["summary", "failure-details"] {
            policies[5][part] = policies[0][part].clone();
        }
        policies[5]["policy"]["policy-domain"] = policies[0]["policy"]["policy-domain"].clone();
    }
    let report = json!({
        "organization-name": reporter.organisation,
        "date-range": { "start-datetime": start, "end-datetime": end },
        "contact-info": reporter.contact,
        "report-id": id,
        "policies": policies,
    });
    Report { reporter, domain, day, id, json: report.to_string().into_bytes() }
}

fn policy(
    index: usize,
    number: usize,
    base: &str,
    reporter: &Reporter,
    size: Size,
    is_quirky: bool,
    random: &mut Random,
) -> Value {
    // Five, three and two of ten; of the reports with one policy likewise.
    let turn = if size.policies() == 1 { number / REPORTERS.len() } else { index };
    let kind = match turn % 10 {
        0..=4 => Kind::Sts,
        5..=7 => Kind::Tlsa,
        _ => Kind::NoPolicyFound,
    };
    let domain = match size.policies() {
        1 => base.to_owned(),
        _ => format!("p{index}.{base}"),
    };
    let hosts: Vec<String> = (1..=3).map(|host| format!("mx{host}.{domain}")).collect();
    let mut policy = Map::new();
    policy.insert("policy-type".to_owned(), kind.name().into());
    match kind {
        Kind::Sts => {
            let mut lines = vec!["version: STSv1".to_owned(), "mode: enforce".to_owned()];
            lines.extend(hosts.iter().map(|host| format!("mx: {host}")));
            lines.push("max_age: 604800".to_owned());
            policy.insert("policy-string".to_owned(), lines.into());
        }
        Kind::Tlsa => {
            let records: Vec<String> = (0..2).map(|_| tlsa(random)).collect();
            let strings = match reporter.habits {
                // An array in a string in an array.
                Habits::Microsoft => vec![Value::from(records).to_string()],
                _ => records,
            };
            policy.insert("policy-string".to_owned(), strings.into());
        }
        Kind::NoPolicyFound if reporter.habits == Habits::Stalwart => {
            policy.insert("policy-string".to_owned(), json!([]));
            policy.insert("mx-host".to_owned(), json!([]));
        }
        Kind::NoPolicyFound => {}
    }
    policy.insert("policy-domain".to_owned(), domain.into());
    if kind == Kind::Sts && reporter.habits != Habits::Microsoft {
        // A string is what the example of RFC 8460, appendix B, has.
        let is_string = is_quirky && index == 0 && reporter.habits == Habits::MailRu;
        let value = if is_string { hosts[0].clone().into() } else { hosts.clone().into() };
        policy.insert("mx-host".to_owned(), value);
    }

    let failures = (0..size.failures_of_a_policy())
        .map(|index| failure(index, number, kind, &hosts, reporter, is_quirky, random));
    let failures: Vec<Value> = failures.collect();
    let sessions = |failure: &Value| failure["failed-session-count"].as_u64().unwrap_or_default();
    let mut failed: u64 = failures.iter().map(sessions).sum();
    if is_quirky && index == 0 && reporter.habits == Habits::MailRu {
        // The sum that does not agree.
        failed += 1;
    }
    json!({
        "policy": policy,
        "summary": {
            "total-successful-session-count": random.below(90_000),
            "total-failure-session-count": failed,
        },
        "failure-details": failures,
    })
}

fn failure(
    index: usize,
    number: usize,
    kind: Kind,
    hosts: &[String],
    reporter: &Reporter,
    is_quirky: bool,
    random: &mut Random,
) -> Value {
    let result = *random.pick(kind.results());
    let host = &hosts[index % hosts.len()];
    let mut failure = Map::new();
    failure.insert("result-type".to_owned(), result.into());
    // A policy that could not be fetched: nothing was connected to.
    let is_connected = result != "sts-policy-fetch-error";
    if is_connected || reporter.habits != Habits::MailRu {
        let sender = match random.below(4) {
            _ if is_quirky && reporter.habits == Habits::Google => String::new(),
            0 => format!("2001:db8:{:x}::{index:x}", random.below(0xffff) + 1),
            _ => format!("198.51.100.{}", random.below(254) + 1),
        };
        failure.insert("sending-mta-ip".to_owned(), sender.into());
        failure.insert("receiving-mx-hostname".to_owned(), host.as_str().into());
        let receiver = format!("203.0.113.{}", random.below(254) + 1);
        failure.insert("receiving-ip".to_owned(), receiver.into());
    }
    failure.insert("failed-session-count".to_owned(), (random.below(40) + 1).into());
    if reporter.habits != Habits::Google {
        failure.insert("failure-reason-code".to_owned(), (*random.pick(&REASONS)).into());
    }
    if index.is_multiple_of(5) {
        failure.insert("receiving-mx-helo".to_owned(), host.as_str().into());
        let link = format!("https://reports.{}/info?id={number}", reporter.domain);
        failure.insert("additional-information".to_owned(), link.into());
    }
    failure.into()
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Tlsa => "tlsa",
            Self::NoPolicyFound => "no-policy-found",
        }
    }

    fn results(self) -> &'static [&'static str] {
        match self {
            Self::Sts => &STS,
            Self::Tlsa => &TLSA,
            Self::NoPolicyFound => &NO_POLICY_FOUND,
        }
    }
}

fn tlsa(random: &mut Random) -> String {
    let words: Vec<String> = (0..4).map(|_| format!("{:016X}", random.next())).collect();
    format!("3 1 1 {}", words.concat())
}

//! Reports as each reporter writes them.

use std::io;

use jiff::Timestamp;
use serde::Serialize as _;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::account::{Account, Failure, Known};
use super::traffic::{DAY, Policy};
use super::{Reporter, sign::hexadecimal};

/// A report: its id and its text.
pub(super) struct Written {
    pub(super) report_id: String,
    pub(super) json: Vec<u8>,
}

pub(super) fn write(account: &Account) -> Written {
    let report_id = report_id(account);
    let json = match account.reporter {
        Reporter::Google => text(&google(account, &report_id), CompactFormatter),
        Reporter::Microsoft => text(&microsoft(account, &report_id), CompactFormatter),
        Reporter::MailRu => {
            text(&mail_ru(account, &report_id), PrettyFormatter::with_indent(b"   "))
        }
        Reporter::Stalwart => text(&stalwart(account, &report_id), CompactFormatter),
        Reporter::Postfix | Reporter::PostfixTwin => text(&postfix(account, &report_id), Spaced),
    };
    Written { report_id, json }
}

/// An id that nobody needs to read.
fn number(account: &Account, modulus: u64) -> u64 {
    let name = format!("{} {} {}", account.domain.name, account.begins, account.reporter.domain());
    let digest = Sha256::digest(name);
    digest.iter().take(7).fold(0, |number, octet| (number << 8) | u64::from(*octet)) % modulus
}

fn report_id(account: &Account) -> String {
    let (begins, domain) = (account.begins, account.domain.name);
    match account.reporter {
        // These two are the same at every installation.
        Reporter::Google => format!("{}_{domain}", time(begins)),
        Reporter::Postfix | Reporter::PostfixTwin => format!("{}_idx1_{domain}", time(begins)),
        Reporter::Microsoft => {
            let tail = if number(account, 7) == 0 { "" } else { domain };
            format!("1343{:014}+{tail}", number(account, 100_000_000_000_000))
        }
        Reporter::MailRu => {
            let digest = hexadecimal(&number(account, u64::MAX).to_be_bytes());
            let (first, rest) = digest.split_at(8);
            format!("{first}-7b2e-be36-bb5c-4c3b{rest}@mail.ru")
        }
        Reporter::Stalwart => format!("{begins}_{}", number(account, u64::MAX)),
    }
}

/// Its policies stand in the order of RFC 8460 appendix B, its failures have an empty address.
fn google(account: &Account, report_id: &str) -> Value {
    let failure = |(failure, count): (&Failure, &u64)| {
        json!({
            "result-type": failure.result_type,
            "sending-mta-ip": if *count % 3 == 0 { "" } else { "198.51.100.10" },
            "receiving-ip": failure.receiving_ip,
            "receiving-mx-hostname": failure.mx,
            "failed-session-count": count,
        })
    };
    let entry = |known: &Known| {
        let mut policy = Map::new();
        policy.insert("policy-type".to_owned(), json!(known.name()));
        if *known == Known::Sts && !account.is_unfetched() {
            policy.insert("policy-string".to_owned(), json!(policy_lines(account, Order::AgeLast)));
        }
        policy.insert("policy-domain".to_owned(), json!(account.domain.name));
        if *known == Known::Sts && !account.is_unfetched() {
            policy.insert("mx-host".to_owned(), json!(account.domain.patterns()));
        }
        with_failures(policy, account, failure, Empty::LeftOut)
    };
    json!({
        "organization-name": account.reporter.organisation(),
        "date-range": {
            "start-datetime": time(account.begins),
            "end-datetime": time(account.ends - 1),
        },
        "contact-info": "smtp-tls-reporting@like-google.test",
        "report-id": report_id,
        "policies": account.known().iter().map(entry).collect::<Vec<_>>(),
    })
}

fn microsoft(account: &Account, report_id: &str) -> Value {
    let failure = |(failure, count): (&Failure, &u64)| {
        let mut detail = Map::new();
        detail.insert("result-type".to_owned(), json!(failure.result_type));
        if failure.result_type == "validation-failure" {
            detail.insert("failure-reason-code".to_owned(), json!("MX_HOSTS_MISMATCH"));
            detail.insert("receiving-ip".to_owned(), json!(failure.receiving_ip));
        }
        detail.insert("failed-session-count".to_owned(), json!(count));
        Value::Object(detail)
    };
    let entry = |known: &Known| {
        let mut policy = Map::new();
        policy.insert("policy-type".to_owned(), json!(known.name()));
        let strings = match known {
            // All records in one string.
            Known::Tlsa => Some(json!([json!(tlsa_records(account)).to_string()])),
            Known::Sts if account.is_unfetched() => None,
            Known::Sts => Some(json!(policy_lines(account, Order::AgeLast))),
            Known::Nothing => None,
        };
        if let Some(strings) = strings {
            policy.insert("policy-string".to_owned(), strings);
        }
        policy.insert("policy-domain".to_owned(), json!(account.domain.name));
        with_failures(policy, account, failure, Empty::LeftOut)
    };
    // Now and then no zone is named.
    let zone = if number(account, 4) == 0 { "" } else { "Z" };
    let at = |seconds| format!("{}{zone}", time(seconds).trim_end_matches('Z'));
    json!({
        "organization-name": account.reporter.organisation(),
        "date-range": {
            "start-datetime": at(account.begins),
            "end-datetime": at(account.ends - 1),
        },
        "contact-info": "tlsrpt-noreply@like-microsoft.test",
        "report-id": report_id,
        "policies": account.known().iter().map(entry).collect::<Vec<_>>(),
    })
}

/// Names in the order of the alphabet, a day up to the next midnight, and details that count some
/// sessions twice.
fn mail_ru(account: &Account, report_id: &str) -> Value {
    let reason = |failure: &Failure| match failure.result_type {
        "sts-policy-fetch-error" => "bad https response code: 404".to_owned(),
        "certificate-expired" => {
            "x509: certificate has expired or is not yet valid: current time is after".to_owned()
        }
        "certificate-host-mismatch" => {
            format!("x509: certificate is valid for other.test, not {}", failure.mx)
        }
        "certificate-not-trusted" => "x509: certificate signed by unknown authority".to_owned(),
        _ => "tls: handshake failure".to_owned(),
    };
    let mut details = Vec::new();
    for (failure, count) in &account.failures {
        let detail = |reason: String| {
            let mut detail = Map::new();
            detail.insert("failed-session-count".to_owned(), json!(count));
            detail.insert("failure-reason-code".to_owned(), json!(reason));
            if failure.result_type != "sts-policy-fetch-error" {
                detail.insert("receiving-ip".to_owned(), json!(failure.receiving_ip));
                detail.insert("receiving-mx-hostname".to_owned(), json!(failure.mx));
            }
            detail.insert("result-type".to_owned(), json!(failure.result_type));
            Value::Object(detail)
        };
        details.push(detail(reason(failure)));
        if failure.result_type == "sts-policy-fetch-error" {
            // The same sessions, after the second attempt.
            details.push(detail("bad https response code: 500".to_owned()));
        }
    }
    let entry = |known: &Known| {
        let mut policy = Map::new();
        let is_shown = *known == Known::Sts && !account.is_unfetched();
        if is_shown {
            policy.insert("mx-host".to_owned(), json!(account.domain.patterns()));
        }
        policy.insert("policy-domain".to_owned(), json!(account.domain.name));
        if is_shown {
            policy.insert("policy-string".to_owned(), json!(policy_lines(account, Order::AgeLast)));
        }
        policy.insert("policy-type".to_owned(), json!(known.name()));
        let mut entry = Map::new();
        if !details.is_empty() {
            entry.insert("failure-details".to_owned(), json!(details));
        }
        entry.insert("policy".to_owned(), Value::Object(policy));
        let summary = json!({
            "total-failure-session-count": account.failed(),
            "total-successful-session-count": account.successful,
        });
        entry.insert("summary".to_owned(), summary);
        Value::Object(entry)
    };
    json!({
        "contact-info": "tls_support@like-mail-ru.test",
        "date-range": {
            "end-datetime": time(account.ends),
            "start-datetime": time(account.begins),
        },
        "organization-name": account.reporter.organisation(),
        "policies": account.known().iter().map(entry).collect::<Vec<_>>(),
        "report-id": report_id,
    })
}

/// What it does not have is there and empty.
fn stalwart(account: &Account, report_id: &str) -> Value {
    let failure = |(failure, count): (&Failure, &u64)| {
        json!({
            "result-type": failure.result_type,
            "sending-mta-ip": null,
            "receiving-mx-hostname": failure.mx,
            "receiving-mx-helo": null,
            "receiving-ip": failure.receiving_ip,
            "failed-session-count": count,
            "additional-information": null,
            "failure-reason-code": null,
        })
    };
    let entry = |known: &Known| {
        let strings = match known {
            Known::Sts if !account.is_unfetched() => policy_lines(account, Order::HostsLast),
            Known::Sts | Known::Nothing => Vec::new(),
            Known::Tlsa => tlsa_records(account),
        };
        let hosts = if strings.is_empty() { Vec::new() } else { account.domain.patterns() };
        let policy = json!({
            "policy-type": known.name(),
            "policy-string": strings,
            "policy-domain": account.domain.name,
            "mx-host": hosts,
        });
        let Value::Object(policy) = policy else { return Value::Null };
        with_failures(policy, account, failure, Empty::List)
    };
    json!({
        "organization-name": account.reporter.organisation(),
        "date-range": {
            "start-datetime": time(account.begins),
            "end-datetime": time(account.ends),
        },
        "contact-info": null,
        "report-id": report_id,
        "policies": account.known().iter().map(entry).collect::<Vec<_>>(),
    })
}

/// Spaces as Python sets them; the domain is missing where no policy was found.
fn postfix(account: &Account, report_id: &str) -> Value {
    let detail = |(failure, count): (&Failure, &u64)| {
        json!({
            "result-type": failure.result_type,
            "sending-mta-ip": failure.sending_ip,
            "receiving-mx-hostname": failure.mx,
            "receiving-ip": failure.receiving_ip,
            "failed-session-count": count,
        })
    };
    let entry = |known: &Known| {
        let mut policy = Map::new();
        policy.insert("policy-type".to_owned(), json!(known.name()));
        if *known != Known::Nothing {
            policy.insert("policy-domain".to_owned(), json!(account.domain.name));
        }
        let strings = match known {
            Known::Sts if account.is_unfetched() => None,
            Known::Sts => Some(policy_lines(account, Order::AgeLast)),
            Known::Tlsa => Some(tlsa_records(account)),
            Known::Nothing => None,
        };
        if let Some(strings) = strings {
            policy.insert("policy-string".to_owned(), json!(strings));
        }
        if *known == Known::Sts {
            policy.insert("mx-host".to_owned(), mx_hosts(account));
        }
        json!({
            "summary": {
                "total-failure-session-count": account.failed(),
                "total-successful-session-count": account.successful,
            },
            "policy": policy,
            "failure-details": account.failures.iter().map(detail).collect::<Vec<_>>(),
        })
    };
    json!({
        "organization-name": account.reporter.organisation(),
        "date-range": {
            "start-datetime": time(account.begins),
            "end-datetime": time(account.ends - 1),
        },
        "contact-info": format!("smtp-tls-reporting@{}", account.reporter.domain()),
        "policies": account.known().iter().map(entry).collect::<Vec<_>>(),
        "report-id": report_id,
    })
}

/// One of the two follows the example in RFC 8460 appendix B, where one host is no list, and copies
/// whole lines of the policy where there are more.
fn mx_hosts(account: &Account) -> Value {
    let patterns = account.domain.patterns();
    match (account.reporter, patterns.as_slice()) {
        (Reporter::PostfixTwin, [pattern]) => json!(pattern),
        (Reporter::PostfixTwin, _) => {
            json!(patterns.iter().map(|pattern| format!("mx: {pattern}")).collect::<Vec<_>>())
        }
        _ => json!(patterns),
    }
}

/// What stands where there are no failures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    LeftOut,
    List,
}

fn with_failures(
    policy: Map<String, Value>,
    account: &Account,
    failure: impl Fn((&Failure, &u64)) -> Value,
    empty: Empty,
) -> Value {
    let mut entry = Map::new();
    entry.insert("policy".to_owned(), Value::Object(policy));
    let summary = json!({
        "total-successful-session-count": account.successful,
        "total-failure-session-count": account.failed(),
    });
    entry.insert("summary".to_owned(), summary);
    let failures: Vec<Value> = account.failures.iter().map(failure).collect();
    if !failures.is_empty() || empty == Empty::List {
        entry.insert("failure-details".to_owned(), Value::Array(failures));
    }
    Value::Object(entry)
}

/// In which order the lines of a policy stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    AgeLast,
    HostsLast,
}

fn policy_lines(account: &Account, order: Order) -> Vec<String> {
    let (mode, max_age) = match account.domain.policy {
        Policy::Sts(mode, _, max_age) => (mode, max_age),
        Policy::Both | Policy::Tlsa | Policy::Nothing => ("enforce", 604_800),
    };
    let hosts = account.domain.patterns().into_iter().map(|pattern| format!("mx: {pattern}"));
    let age = std::iter::once(format!("max_age: {max_age}"));
    let first = ["version: STSv1".to_owned(), format!("mode: {mode}")].into_iter();
    match order {
        Order::AgeLast => first.chain(hosts).chain(age).collect(),
        Order::HostsLast => first.chain(age).chain(hosts).collect(),
    }
}

/// A record for each MX host.
fn tlsa_records(account: &Account) -> Vec<String> {
    let record = |label: &&str| {
        let digest = Sha256::digest(format!("{label}.{}", account.domain.name));
        format!("3 1 1 {}", hexadecimal(&digest).to_ascii_uppercase())
    };
    account.domain.mx.iter().map(record).collect()
}

impl Known {
    fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Tlsa => "tlsa",
            Self::Nothing => "no-policy-found",
        }
    }
}

/// As RFC 3339 writes it, in UTC.
pub(super) fn time(seconds: i64) -> String {
    // Only the ends of the calendar are no times.
    Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

#[expect(clippy::expect_used, reason = "writing JSON to memory does not fail")]
fn text(value: &Value, formatter: impl Formatter) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut octets, formatter);
    value.serialize(&mut serializer).expect("invariant: a value of JSON is written to memory");
    octets
}

/// `{"a": 1, "b": [2, 3]}`
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
}

/// The day of a time, as Google has it in its subjects.
pub(super) fn dotted(seconds: i64) -> String {
    time(seconds - seconds.rem_euclid(DAY)).replace(['-', ':'], ".")
}

//! Questions to the DNS, and what `sealpost` and `delv` say of them, in the same few words.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

/// A question to the DNS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The name, without the final dot.
    pub name: String,
    /// The type of record.
    pub record_type: String,
}

/// What came of each question: `bogus`, or what a validator says and what there is, as in
/// `secure, found`, `insecure, no data`, `secure, no name`. Anything else is what went wrong.
pub type Answers = BTreeMap<Question, String>;

impl Question {
    /// A question.
    pub fn new(name: &str, record_type: &str) -> Self {
        Self { name: name.to_owned(), record_type: record_type.to_owned() }
    }
}

/// What `sealpost` says of each question that it asked, from the evidence that it saved of one
/// domain.
pub fn sealpost_answers(evidence: &Value) -> Answers {
    let mut answers = Answers::new();
    let mut add = |name: &str, record_type: &str, place: &Value, path: &str| {
        if let Some(answer) = place.pointer(path).filter(|answer| answer.is_object()) {
            answers.insert(Question::new(name, record_type), words(answer));
        }
    };
    let domain = text(evidence, "/domain");
    add(&format!("_mta-sts.{domain}"), "TXT", evidence, "/sts_records");
    add(&format!("_smtp._tls.{domain}"), "TXT", evidence, "/tls_rpt_records");
    add(domain, "MX", evidence, "/mail_hosts/records");
    add(domain, "TXT", evidence, "/surroundings/texts");
    add(&format!("_dmarc.{domain}"), "TXT", evidence, "/surroundings/dmarc");
    let policy_host = format!("mta-sts.{domain}");
    add(&policy_host, "A", evidence, "/policy_host/addresses/ipv4");
    add(&policy_host, "AAAA", evidence, "/policy_host/addresses/ipv6");
    for host in list(evidence, "/mail_hosts/hosts") {
        let name = text(host, "/name");
        add(name, "A", host, "/addresses/ipv4");
        add(name, "AAAA", host, "/addresses/ipv6");
        for tlsa in list(host, "/tlsa") {
            add(&format!("_25._tcp.{}", text(tlsa, "/base")), "TLSA", tlsa, "/records");
        }
    }
    let hosts = list(evidence, "/mail_hosts/hosts").filter_map(|host| host.pointer("/caa"));
    for caa in evidence.pointer("/policy_host/caa").into_iter().chain(hosts) {
        add(text(caa, "/owner"), "CAA", caa, "/records");
    }
    answers
}

/// One look-up of the evidence.
fn words(answer: &Value) -> String {
    let security = text(answer, "/security");
    match (text(answer, "/state"), text(answer, "/kind")) {
        ("found", _) => format!("{security}, found"),
        ("absent", "no-such-name") => format!("{security}, no name"),
        ("absent", "no-such-data") => format!("{security}, no data"),
        ("unknown", "bogus") => "bogus".to_owned(),
        _ => answer.to_string(),
    }
}

/// What `delv` says of the one question that it was asked.
pub fn delv_answer(output: &Output) -> String {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let says = |comment| said.lines().any(|line| line == comment);
    let content = if said.contains("ncache nxdomain") {
        "no name"
    } else if said.contains("ncache nxrrset") {
        "no data"
    } else {
        "found"
    };
    // It says so of each link of a CNAME chain, and the weakest counts.
    if says("; unsigned answer") || says("; negative response, unsigned answer") {
        format!("insecure, {content}")
    } else if says("; fully validated") || says("; negative response, fully validated") {
        format!("secure, {content}")
    } else if said.contains("resolution failed: ") {
        "bogus".to_owned()
    } else {
        said
    }
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

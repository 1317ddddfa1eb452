//! A plain report, in which the tests change one thing.

use serde_json::Value;
use tls_rpt::{Report, ReportLimits, ReportReading, SessionCount};

/// Where the tests put what they try.
pub(crate) const POLICY: &str = "/policies/0/policy";
pub(crate) const DETAIL: &str = "/policies/0/failure-details/0";
pub(crate) const SUMMARY: &str = "/policies/0/summary";

pub(crate) const PLAIN: &str = r#"{
    "organization-name": "Example Reporter",
    "date-range": {
        "start-datetime": "2026-09-10T00:00:00Z",
        "end-datetime": "2026-09-10T23:59:59Z"
    },
    "contact-info": "tls@reporter.example",
    "report-id": "1@reporter.example",
    "policies": [{
        "policy": {
            "policy-type": "sts",
            "policy-string": ["version: STSv1", "mode: enforce", "mx: mx.example.com", "max_age: 604800"],
            "policy-domain": "example.com",
            "mx-host": ["mx.example.com"]
        },
        "summary": {
            "total-successful-session-count": 90,
            "total-failure-session-count": 10
        },
        "failure-details": [{
            "result-type": "certificate-expired",
            "sending-mta-ip": "192.0.2.10",
            "receiving-mx-hostname": "mx.example.com",
            "receiving-mx-helo": "mx1.example.com",
            "receiving-ip": "198.51.100.25",
            "failed-session-count": 10,
            "additional-information": "https://reporter.example/i",
            "failure-reason-code": "X509_V_ERR_CERT_HAS_EXPIRED"
        }]
    }]
}"#;

pub(crate) fn read(text: impl AsRef<[u8]>) -> ReportReading {
    Report::read(text.as_ref(), &ReportLimits::default())
}

/// The plain report with another text in the place of one value. The text need not be JSON.
pub(crate) fn with(pointer: &str, text: &str) -> String {
    let mut report: Value = serde_json::from_str(PLAIN).unwrap();
    *report.pointer_mut(pointer).unwrap() = Value::from("@here@");
    report.to_string().replace("\"@here@\"", text)
}

/// The plain report with a further member at the end of an object.
pub(crate) fn plus(pointer: &str, member: &str) -> String {
    let report: Value = serde_json::from_str(PLAIN).unwrap();
    let object = report.pointer(pointer).unwrap().to_string();
    let grown = format!("{},{member}}}", object.strip_suffix('}').unwrap());
    if pointer.is_empty() { grown } else { with(pointer, &grown) }
}

/// The plain report without one member.
pub(crate) fn without(object: &str, key: &str) -> String {
    let mut report: Value = serde_json::from_str(PLAIN).unwrap();
    report.pointer_mut(object).unwrap().as_object_mut().unwrap().shift_remove(key).unwrap();
    report.to_string()
}

/// The repairs as code and place, each with a space between.
pub(crate) fn repairs(reading: &ReportReading) -> Vec<String> {
    let line = |repair: &tls_rpt::Repair| format!("{} {}", repair.kind, repair.place);
    reading.repairs.iter().map(line).collect()
}

/// The pointer of a member.
pub(crate) fn at(place: &str, key: &str) -> String {
    format!("{place}/{key}")
}

/// The first count of the first policy.
pub(crate) fn successful(report: &Report) -> Option<u64> {
    report.policies.first()?.summary.successful.map(SessionCount::value)
}

//! What Postfix writes into its log of one TLS session.
//!
//! Beside the datagram, Postfix 3.10 and later write a line for people:
//!
//! ```text
//! Nov 26 10:00:00 mx postfix/smtp[4711]: TLSRPT: status=failure, domain=example.org,
//!     receiving_mx=mx.example.org[192.0.2.1], failure_type=validation_failure,
//!     failure_reason=self-signed_certificate
//! ```
//!
//! It is the way in where the log comes to us and the datagrams cannot.
//!
//! # Limitations
//!
//! - The line names neither the policy that the session was held against nor the TLS-RPT record of
//!   the domain; who reads it must know them from elsewhere.
//! - It does not tell the address of the mail server that sent, or the greeting of the MX.

use jiff::Timestamp;
use mail_domain::DomainName;

use super::failure::Texts;
use super::{SessionFailure, SessionOutcome};
use crate::ResultType;

/// A TLS session as a line of Postfix's log tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedSession {
    /// The domain that mail was sent to.
    pub domain: DomainName,
    /// The MX that was tried.
    pub receiving_mx_hostname: Option<DomainName>,
    /// Whether the session complied with its policy.
    pub outcome: SessionOutcome,
    /// What went wrong, in a session that failed.
    pub failure: Option<SessionFailure>,
    /// When the line was written.
    pub written: LogTime,
}

/// The time at the beginning of a line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTime {
    /// With a year and a zone (RFC 3339), as newer systems and `journalctl -o short-iso` write it.
    Whole(Timestamp),
    /// Month, day, hour, minute and second, in the zone of the machine, as traditional logs have it.
    Local {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
        /// 0 to 23.
        hour: i8,
        /// 0 to 59.
        minute: i8,
        /// 0 to 59.
        second: i8,
    },
    /// None that can be read.
    Unknown,
}

/// Why a line that tells of a session cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum LogRefusal {
    /// The line has not the form that Postfix gives it.
    #[error("the line has not the form that Postfix gives it")]
    Form,
    /// The domain is no domain name.
    #[error("the domain in the line is no domain name")]
    Domain,
}

impl LoggedSession {
    /// The most octets of a line that are looked at.
    pub const MOST_OCTETS: usize = 16 << 10;

    /// Reads a line; `None` if it does not tell of a session.
    ///
    /// Only a line of Postfix's SMTP client or of its TLS proxy does: much of what other lines hold
    /// was written by strangers, and may look like one.
    ///
    /// # Errors
    /// Why it cannot be counted, though it tells of a session.
    pub fn read(line: &[u8]) -> Option<Result<Self, LogRefusal>> {
        let line = line.get(..line.len().min(Self::MOST_OCTETS))?;
        let line = String::from_utf8_lossy(line);
        // The first one: what a stranger has written can only stand behind it.
        let (head, message) = line.trim_end().split_once("]: ")?;
        let text = message.strip_prefix("TLSRPT: status=")?;
        is_of_client(head).then(|| session(head, text))
    }
}

/// Whether the program that has written the line is one that sends mail.
fn is_of_client(head: &str) -> bool {
    let Some((before, process)) = head.rsplit_once('[') else { return false };
    let tag = before.rsplit(' ').next().unwrap_or_default();
    let is_number = !process.is_empty() && process.bytes().all(|octet| octet.is_ascii_digit());
    let program = tag.rsplit_once('/').map(|(_, program)| program);
    is_number && matches!(program, Some("smtp" | "lmtp" | "tlsproxy"))
}

fn session(head: &str, text: &str) -> Result<LoggedSession, LogRefusal> {
    let (status, rest) = text.split_once(", domain=").ok_or(LogRefusal::Form)?;
    let (domain, rest) = rest.split_once(", receiving_mx=").ok_or(LogRefusal::Form)?;
    let (mx, rest) = rest.split_once('[').ok_or(LogRefusal::Form)?;
    let (address, rest) = rest.split_once(']').ok_or(LogRefusal::Form)?;
    let domain = DomainName::parse(domain).map_err(|_| LogRefusal::Domain)?;
    let (outcome, failure) = match status {
        "success" if rest.is_empty() => (SessionOutcome::Successful, None),
        "failure" => (SessionOutcome::Failed, Some(failure(mx, address, rest)?)),
        _ => return Err(LogRefusal::Form),
    };
    let receiving_mx_hostname = DomainName::parse(mx).ok();
    Ok(LoggedSession { domain, receiving_mx_hostname, outcome, failure, written: time(head) })
}

fn failure(mx: &str, address: &str, rest: &str) -> Result<SessionFailure, LogRefusal> {
    let rest = rest.strip_prefix(", failure_type=").ok_or(LogRefusal::Form)?;
    let (name, reason) = match rest.split_once(", failure_reason=") {
        Some((name, reason)) => (name, Some(reason)),
        None => (rest, None),
    };
    let registered = ResultType::from(name.replace('_', "-").to_ascii_lowercase().as_str());
    let (result_type, reason) = if registered.is_registered() {
        (registered, reason.map(str::to_owned))
    } else {
        // A general failure, as with a number in a datagram that is not known.
        (ResultType::ValidationFailure, Some(format!("{name} {}", reason.unwrap_or_default())))
    };
    // Postfix writes `(null)` where it does not know.
    let known = |text: &str| Some(text.to_owned()).filter(|text| text != "(null)");
    let texts = Texts {
        receiving_mx_hostname: known(mx).map(Into::into),
        receiving_ip: known(address).map(Into::into),
        failure_reason_code: reason.map(Into::into),
        ..Texts::default()
    };
    // What is no address or name is left out, as in a datagram.
    Ok(SessionFailure::from_texts(result_type, texts).0)
}

fn time(head: &str) -> LogTime {
    let mut words = head.split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    // `<22>`, the priority, may stand before it.
    let first = match first.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((priority, rest)) if priority.bytes().all(|octet| octet.is_ascii_digit()) => rest,
        _ => first,
    };
    if let Ok(time) = first.parse::<Timestamp>() {
        return LogTime::Whole(time);
    }
    let mut local = || {
        let month = MONTHS.iter().position(|name| *name == first)?;
        let day: i8 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
        let mut clock = words.next()?.split(':').map(|part| part.parse::<i8>().ok());
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        let is_time = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second)
            && clock.next().is_none();
        let month = i8::try_from(month).ok()?.checked_add(1)?;
        is_time.then_some(LogTime::Local { month, day, hour, minute, second: second.min(59) })
    };
    local().unwrap_or(LogTime::Unknown)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "2026-11-26T10:00:00.123456+01:00 mx postfix/smtp[4711]: ";

    fn read(message: &str) -> Option<Result<LoggedSession, LogRefusal>> {
        LoggedSession::read(format!("{HEAD}{message}\n").as_bytes())
    }

    #[test]
    fn the_lines_of_postfix_are_read() {
        let success =
            "TLSRPT: status=success, domain=example.com, receiving_mx=mx.example.com[192.0.2.1]";
        let session = read(success).unwrap().unwrap();
        assert_eq!(session.domain.as_str(), "example.com");
        assert_eq!(session.receiving_mx_hostname.unwrap().as_str(), "mx.example.com");
        assert_eq!((session.outcome, session.failure), (SessionOutcome::Successful, None));
        let written = "2026-11-26T09:00:00.123456Z".parse().unwrap();
        assert_eq!(session.written, LogTime::Whole(written));

        let failure = "TLSRPT: status=failure, domain=example.net, receiving_mx=mx.example.net[2001:db8::1], \
                       failure_type=validation_failure, failure_reason=self-signed_certificate";
        let session = read(failure).unwrap().unwrap();
        assert_eq!(session.outcome, SessionOutcome::Failed);
        let failure = session.failure.unwrap();
        assert_eq!(failure.result_type, ResultType::ValidationFailure);
        assert_eq!(failure.receiving_ip, Some("2001:db8::1".parse().unwrap()));
        assert_eq!(failure.receiving_mx_hostname.unwrap().as_str(), "mx.example.net");
        assert_eq!(failure.failure_reason_code.as_deref(), Some("self-signed_certificate"));
    }

    #[test]
    fn every_failure_has_its_type() {
        for (name, expected, reason) in [
            ("starttls_not_supported", "starttls-not-supported", None),
            ("certificate_host_mismatch", "certificate-host-mismatch", None),
            ("certificate_not_trusted", "certificate-not-trusted", None),
            ("certificate_expired", "certificate-expired", None),
            ("validation_failure", "validation-failure", None),
            ("sts_policy_fetch_error", "sts-policy-fetch-error", None),
            ("sts_policy_invalid", "sts-policy-invalid", None),
            ("sts_webpki_invalid", "sts-webpki-invalid", None),
            ("tlsa_invalid", "tlsa-invalid", None),
            ("dnssec_invalid", "dnssec-invalid", None),
            ("dane_required", "dane-required", None),
            ("unfinished_policY", "validation-failure", Some("unfinished_policY")),
            ("[999]", "validation-failure", Some("[999]")),
        ] {
            let line = format!(
                "TLSRPT: status=failure, domain=a.test, receiving_mx=(null)[(null)], failure_type={name}"
            );
            let failure = read(&line).unwrap().unwrap().failure.unwrap();
            assert_eq!(failure.result_type.as_str(), expected);
            assert_eq!(failure.failure_reason_code.as_deref(), reason);
            assert_eq!((failure.receiving_mx_hostname, failure.receiving_ip), (None, None));
        }
    }

    #[test]
    fn what_strangers_have_written_into_a_log_is_no_session() {
        const SUCCESS: &str =
            "TLSRPT: status=success, domain=a.test, receiving_mx=mx.a.test[192.0.2.1]";
        for line in [
            format!("Nov 26 10:00:00 mx postfix/smtpd[1]: {SUCCESS}"),
            format!("Nov 26 10:00:00 mx postfix/smtp[1]: 4XYZ: to=<x]: {SUCCESS}>"),
            format!("Nov 26 10:00:00 mx postfix/cleanup[1]: warning: header Subject: ]: {SUCCESS}"),
            format!("Nov 26 10:00:00 mx sshd[1]: user postfix/smtp[1]: {SUCCESS}"),
            format!("Nov 26 10:00:00 mx smtp[1]: {SUCCESS}"),
            format!("Nov 26 10:00:00 mx postfix/smtp[one]: {SUCCESS}"),
            format!("postfix/smtp: {SUCCESS}"),
            SUCCESS.to_owned(),
            String::new(),
        ] {
            assert_eq!(LoggedSession::read(line.as_bytes()), None, "{line}");
        }
        for tag in ["postfix/smtp", "postfix/relay/smtp", "postfix-out/smtp", "postfix/tlsproxy"] {
            let line = format!("Nov 26 10:00:00 mx {tag}[1]: {SUCCESS}");
            assert!(LoggedSession::read(line.as_bytes()).unwrap().is_ok(), "{tag}");
        }
    }

    #[test]
    fn half_a_session_is_none() {
        for (message, expected) in [
            ("TLSRPT: status=success", LogRefusal::Form),
            ("TLSRPT: status=success, domain=a.test, receiving_mx=mx.a.test", LogRefusal::Form),
            ("TLSRPT: status=success, domain=a.test, receiving_mx=mx[1], more", LogRefusal::Form),
            ("TLSRPT: status=failure, domain=a.test, receiving_mx=mx[1]", LogRefusal::Form),
            ("TLSRPT: status=unknown, domain=a.test, receiving_mx=mx[1]", LogRefusal::Form),
            ("TLSRPT: status=success, domain=a..test, receiving_mx=mx[1]", LogRefusal::Domain),
            ("TLSRPT: status=success, domain=\u{fffd}, receiving_mx=mx[1]", LogRefusal::Domain),
        ] {
            assert_eq!(read(message), Some(Err(expected)), "{message}");
        }
    }

    #[test]
    fn times_are_read_as_far_as_they_go() {
        let of = |head: &str| {
            let line = format!(
                "{head}postfix/smtp[1]: TLSRPT: status=success, domain=a.test, receiving_mx=mx[1]"
            );
            LoggedSession::read(line.as_bytes()).unwrap().unwrap().written
        };
        let local =
            |month, day, hour, minute, second| LogTime::Local { month, day, hour, minute, second };
        assert_eq!(of("Nov 26 10:05:59 mx "), local(11, 26, 10, 5, 59));
        assert_eq!(of("Jan  1 00:00:60 mx "), local(1, 1, 0, 0, 59));
        let whole = LogTime::Whole("2026-11-26T10:00:00Z".parse().unwrap());
        assert_eq!(of("2026-11-26T10:00:00Z mx "), whole);
        assert_eq!(of("<22>2026-11-26T10:00:00+00:00 mx "), whole);
        // As journalctl -o short-iso has it.
        assert_eq!(of("2026-11-26T11:00:00+0100 mx "), whole);
        for head in [
            "",
            "mx ",
            "Nov 32 10:00:00 mx ",
            "Nov 26 25:00:00 mx ",
            "Nov 26 10:00 mx ",
            "1795651200 mx ",
        ] {
            assert_eq!(of(head), LogTime::Unknown, "{head}");
        }
    }
}

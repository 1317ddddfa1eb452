//! A mail: plain text, with fields that are made of validated values alone.

use std::fmt::Write as _;

use jiff::{fmt::rfc2822, tz::TimeZone};
use tls_rpt::MailAddress;

use super::domain_of;
use crate::{Told, ToldIncident};

/// Who writes the mails.
#[derive(Clone)]
pub(super) struct Author(pub(super) MailAddress);

/// The longest subject, in octets.
const LONGEST_SUBJECT: usize = 200;

/// The mail, its lines ending with CRLF.
pub(super) fn compose(
    author: &Author,
    to: &MailAddress,
    receiver: &str,
    key: &str,
    told: &[Told],
) -> String {
    let at = told.last().map(|told| told.at).unwrap_or_default();
    let date = rfc2822::to_string(&at.to_zoned(TimeZone::UTC)).unwrap_or_default();
    let domain = domain_of(author);
    let key = plain(key);
    let mut mail = String::new();
    let mut field = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(mail, "{name}: {value}\r\n");
    };
    field("Date", &date);
    field("From", &format!("sealpost <{}>", author.0));
    field("To", &format!("<{to}>"));
    field("Subject", &subject(told));
    field("Message-ID", &format!("<{key}.{receiver}@{domain}>"));
    // What is told of one incident stands together.
    if let Some(incident) = about_one(told) {
        field("References", &format!("<incident.{}@{domain}>", plain(&incident.id)));
    }
    field("Auto-Submitted", "auto-generated");
    field("Sealpost-Notice", &key);
    field("MIME-Version", "1.0");
    field("Content-Type", "text/plain; charset=utf-8");
    field("Content-Transfer-Encoding", "quoted-printable");
    mail.push_str("\r\n");
    quoted_printable(&body(told), &mut mail);
    mail
}

/// One line that says what is told.
pub(super) fn summary(told: &Told) -> String {
    match (told.kind.as_str(), told.incidents.as_slice()) {
        ("test", _) => "test: sealpost was asked to send this; nothing is wrong".to_owned(),
        ("digest", shown) => match told.open.unwrap_or(shown.len()) {
            0 => "digest: nothing is open".to_owned(),
            open => format!("digest: {} open", count(open)),
        },
        (kind, [incident]) => {
            format!("{}: {}: {}", word(kind, incident), incident.title, incident.place())
        }
        (kind, incidents) => format!("{kind}: {}", count(incidents.len())),
    }
}

fn count(number: usize) -> String {
    if number == 1 { "1 incident".to_owned() } else { format!("{number} incidents") }
}

/// The incident as it was told last, if all of it is about one.
fn about_one(told: &[Told]) -> Option<&ToldIncident> {
    let mut one: Option<&ToldIncident> = None;
    for notice in told {
        let [incident] = notice.incidents.as_slice() else { return None };
        if one.is_some_and(|one| one.id != incident.id) {
            return None;
        }
        one = Some(incident);
    }
    one
}

/// What became of one incident meanwhile, in the order in which it did.
fn story(told: &[Told]) -> Option<String> {
    let incident = about_one(told)?;
    let words = told.iter().map(|notice| match notice.kind.as_str() {
        "opened" => "opened".to_owned(),
        kind => word(kind, notice.incidents.first().unwrap_or(incident)),
    });
    let words: Vec<String> = words.collect();
    Some(format!("{}: {}: {}", words.join(", "), incident.title, incident.place()))
}

/// How an incident stands.
fn word(kind: &str, incident: &ToldIncident) -> String {
    match kind {
        "resolved" => "resolved".to_owned(),
        "still-open" => format!("still open, {}", incident.urgency),
        "worsened" => format!("now {}", incident.urgency),
        _ => incident.urgency.clone(),
    }
}

fn subject(told: &[Told]) -> String {
    let what = match told {
        [one] => summary(one),
        many => story(many).unwrap_or_else(|| {
            let mut words: Vec<String> = Vec::new();
            for kind in ["opened", "worsened", "still-open", "resolved", "digest", "test"] {
                let number = many.iter().filter(|told| told.kind == kind).count();
                if number > 0 {
                    words.push(format!("{number} {kind}"));
                }
            }
            words.join(", ")
        }),
    };
    let mut subject = plain(&format!("[sealpost] {what}"));
    subject.truncate(LONGEST_SUBJECT);
    subject
}

/// Visible US-ASCII and blanks: whatever it is made of, it is one line, and no other field.
fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

fn body(told: &[Told]) -> String {
    let mut text = String::new();
    for (place, notice) in told.iter().enumerate() {
        if place > 0 {
            text.push_str("\n----------------------------------------\n\n");
        }
        let _ = writeln!(text, "{}\n{}\n", summary(notice), notice.at);
        for incident in &notice.incidents {
            describe(incident, notice.kind == "digest", &mut text);
        }
        let left = notice.open.unwrap_or_default().saturating_sub(notice.incidents.len());
        if left > 0 {
            let _ = writeln!(text, "* and {left} more: sealpost alert list");
        }
    }
    text
}

fn describe(incident: &ToldIncident, is_short: bool, text: &mut String) {
    let ToldIncident { urgency, title, summary, since, .. } = incident;
    if is_short {
        let _ = writeln!(
            text,
            "* {urgency}: {title}: {}\n  since {since}; {summary}",
            incident.place()
        );
    } else {
        let _ = writeln!(text, "{summary}\n\nSince {since}.");
        if let Some(at) = incident.resolved_at {
            let _ = writeln!(text, "Over since {at}.");
        }
        let known = match incident.basis.as_str() {
            "reports" => "reports that somebody vouches for",
            "look" => "what was seen from here",
            _ => "reports, and what was seen from here",
        };
        let _ = writeln!(text, "Known from {known}.");
        if !incident.grounds.is_empty() {
            text.push('\n');
        }
        for ground in &incident.grounds {
            let _ = writeln!(text, "* {ground}");
        }
        if incident.resolved_at.is_none() {
            let _ =
                writeln!(text, "\nWhat follows: {}.\nWhat to do: {}.", incident.why, incident.fix);
        }
        let _ = writeln!(text, "\nIncident {}, {}", incident.id, incident.code);
    }
    if let Some(link) = &incident.link {
        let _ = writeln!(text, "{}{link}", if is_short { "  " } else { "" });
    }
}

/// RFC 2045 section 6.7, with short lines.
fn quoted_printable(text: &str, mail: &mut String) {
    const LONGEST_LINE: usize = 76;
    for line in text.lines() {
        let mut length = 0;
        let octets = line.as_bytes();
        for (place, octet) in octets.iter().enumerate() {
            let is_last = place + 1 == octets.len();
            let is_plain = match octet {
                b' ' => !is_last,
                b'=' => false,
                // A full stop alone ends the message for some, and `From ` begins another.
                b'.' | b'F' if length == 0 => false,
                octet => octet.is_ascii_graphic(),
            };
            let width = if is_plain { 1 } else { 3 };
            if length + width >= LONGEST_LINE {
                mail.push_str("=\r\n");
                length = 0;
            }
            if is_plain {
                mail.push(char::from(*octet));
            } else {
                let _ = write!(mail, "={octet:02X}");
            }
            length += width;
        }
        mail.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(subject: &str, summary: &str) -> ToldIncident {
        ToldIncident {
            id: "00000000000000ff".to_owned(),
            code: "INC101".to_owned(),
            name: "mail-host-fails".to_owned(),
            title: "TLS with an MX host fails".to_owned(),
            domain: "example.com".to_owned(),
            subject: subject.to_owned(),
            urgency: "critical".to_owned(),
            basis: "both".to_owned(),
            since: "2026-01-02T03:04:05Z".parse().unwrap(),
            resolved_at: None,
            summary: summary.to_owned(),
            grounds: vec!["a ground".to_owned()],
            why: "mail waits".to_owned(),
            fix: "mend it".to_owned(),
            link: Some("https://sealpost.example.com/incidents/00000000000000ff".to_owned()),
        }
    }

    fn told(kind: &str, incident: ToldIncident) -> Told {
        let at = "2026-01-02T03:05:06Z".parse().unwrap();
        Told { kind: kind.to_owned(), at, incidents: vec![incident], open: None }
    }

    fn mail(told: &[Told]) -> String {
        let author = Author("sealpost@example.com".parse().unwrap());
        let to = "postmaster@example.net".parse().unwrap();
        compose(&author, &to, "postmaster", "00000000000000ff.2", told)
    }

    #[test]
    fn a_mail_has_the_fields_that_it_needs() {
        let mail = mail(&[told("opened", incident("mx1.example.com", "it failed — twice"))]);
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            head.lines().collect::<Vec<_>>(),
            [
                "Date: Fri, 2 Jan 2026 03:05:06 +0000",
                "From: sealpost <sealpost@example.com>",
                "To: <postmaster@example.net>",
                "Subject: [sealpost] critical: TLS with an MX host fails: mx1.example.com (example.com)",
                "Message-ID: <00000000000000ff.2.postmaster@example.com>",
                "References: <incident.00000000000000ff@example.com>",
                "Auto-Submitted: auto-generated",
                "Sealpost-Notice: 00000000000000ff.2",
                "MIME-Version: 1.0",
                "Content-Type: text/plain; charset=utf-8",
                "Content-Transfer-Encoding: quoted-printable",
            ]
        );
        assert!(body.contains("it failed =E2=80=94 twice\r\n"), "{body}");
        assert!(body.contains("What to do: mend it."), "{body}");
    }

    /// What strangers wrote may get into the names of reporters, and into sentences.
    #[test]
    fn hostile_text_makes_no_field_and_no_line() {
        let hostile = "x\r\nBcc: victim@example.org\r\n\r\n<script>\u{202e}\0ä";
        let long = format!("{hostile}{}", "y".repeat(10_000));
        for kind in ["opened", "resolved", "digest", "other\r\nBcc: victim@example.org"] {
            let notices =
                [told(kind, incident(&long, &long)), told(kind, incident(hostile, hostile))];
            for told in [&notices[..1], &notices[..]] {
                let mail = mail(told);
                let (head, body) = mail.split_once("\r\n\r\n").unwrap();
                let names: Vec<&str> =
                    head.lines().map(|line| line.split_once(": ").unwrap().0).collect();
                let allowed = [
                    "Date",
                    "From",
                    "To",
                    "Subject",
                    "Message-ID",
                    "References",
                    "Auto-Submitted",
                    "Sealpost-Notice",
                    "MIME-Version",
                    "Content-Type",
                    "Content-Transfer-Encoding",
                ];
                assert!(names.iter().all(|name| allowed.contains(name)), "{names:?}");
                assert!(mail.is_ascii() && !mail.contains('\0'));
                assert_eq!(mail.matches('\n').count(), mail.matches("\r\n").count());
                assert_eq!(mail.matches('\r').count(), mail.matches("\r\n").count());
                assert!(mail.lines().all(|line| line.len() <= 300), "no line is long");
                assert!(body.lines().all(|line| line.len() <= 76 && line != "."));
            }
        }
    }

    #[test]
    fn what_waited_is_told_together() {
        let mut over = incident("mx1.example.com", "it failed");
        over.resolved_at = Some("2026-01-02T04:00:00Z".parse().unwrap());
        let both =
            [told("opened", incident("mx1.example.com", "it failed")), told("resolved", over)];
        let mail_of_both = mail(&both);
        let subject = "Subject: [sealpost] opened, resolved: TLS with an MX host fails: \
                       mx1.example.com (example.com)\r\n";
        assert!(mail_of_both.contains(subject), "{mail_of_both}");
        assert!(mail_of_both.contains("References: <incident.00000000000000ff@"), "{mail_of_both}");
        let (opened, resolved) =
            (mail_of_both.find("critical: TLS"), mail_of_both.find("Over since"));
        assert!(opened.is_some() && opened < resolved, "{mail_of_both}");

        let [opened, mut resolved] = both;
        resolved.incidents[0].id = "00000000000000fe".to_owned();
        let mail = mail(&[opened, resolved]);
        assert!(mail.contains("Subject: [sealpost] 1 opened, 1 resolved\r\n"), "{mail}");
        assert!(mail.contains("resolved: TLS with an MX host fails"), "{mail}");
        assert!(!mail.contains("References"), "{mail}");
    }

    /// In the night it pressed more: who hears of it for the first time sees how it stands.
    #[test]
    fn the_subject_tells_the_story_of_one_incident() {
        let warning = ToldIncident {
            urgency: "warning".to_owned(),
            ..incident("mx1.example.com", "it failed")
        };
        let mail = mail(&[
            told("opened", warning),
            told("worsened", incident("mx1.example.com", "it failed")),
        ]);
        assert!(mail.contains("Subject: [sealpost] opened, now critical: TLS with"), "{mail}");
        assert!(mail.contains("warning: TLS with") && mail.contains("now critical: TLS with"));
    }

    #[test]
    fn a_digest_counts_all_that_are_open_and_shows_some() {
        let mut digest = told("digest", incident("mx1.example.com", "it failed"));
        assert!(mail(&[digest.clone()]).contains("digest: 1 incident open"), "as stored before");
        digest.open = Some(250);
        let text = mail(&[digest.clone()]);
        assert!(text.contains("Subject: [sealpost] digest: 250 incidents open\r\n"), "{text}");
        assert!(text.contains("* and 249 more: sealpost alert list\r\n"), "{text}");
        (digest.open, digest.incidents) = (Some(0), Vec::new());
        let text = mail(&[digest]);
        assert!(text.contains("digest: nothing is open") && !text.contains("more"), "{text}");
    }
}

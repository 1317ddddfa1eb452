//! Judges what an MX host says of itself, and which outdated TLS it still speaks.

use mail_domain::DomainName;
use sealpost_evidence::{Offer, OutdatedTls, SmtpReply, SmtpSession};

use crate::{Quoted, Rule, catalogue};

/// What is to be said of one dialogue, beside whether it came to TLS.
pub(super) fn judge(session: &SmtpSession) -> Vec<(&'static Rule, String)> {
    let mut said = Vec::new();
    let greeting = session.greeting.as_ref().filter(|reply| reply.code == 220);
    let greeting_name = greeting.map(first_word);
    if let Some(word) = greeting_name.filter(|word| !is_full_name(word)) {
        said.push((&catalogue::MX209, format!("it begins with {}", Quoted(word))));
    }
    let ehlo = session.ehlo.as_ref().filter(|reply| reply.code == 250);
    if let (Some(greeting), Some(ehlo)) = (greeting_name, ehlo.map(first_word)) {
        let both_are_names = is_full_name(greeting) && is_full_name(ehlo);
        if both_are_names && !greeting.eq_ignore_ascii_case(ehlo) {
            let message = format!("{} in the greeting, {} to EHLO", Quoted(greeting), Quoted(ehlo));
            said.push((&catalogue::MX210, message));
        }
    }
    if let Some(line) = ehlo.and_then(masked_line) {
        said.push((&catalogue::MX211, format!("EHLO is answered with {}", Quoted(line))));
    }
    if let Some(outdated) = &session.outdated_tls {
        said.extend(judge_outdated(outdated, session.tls.is_some()));
    }
    said
}

/// Does the server speak TLS 1.0 or 1.1?
pub(super) fn accepts_outdated_tls(session: &SmtpSession) -> bool {
    session.outdated_tls.as_ref().is_some_and(|outdated| {
        [&outdated.tls10, &outdated.tls11]
            .iter()
            .any(|offer| matches!(offer, Offer::Accepted { .. }))
    })
}

fn judge_outdated(
    outdated: &OutdatedTls,
    speaks_current_tls: bool,
) -> Vec<(&'static Rule, String)> {
    let accepted = |offer: &Offer, what: &str| match offer {
        Offer::Accepted { cipher_suite } => Some(format!("{what} with {cipher_suite}")),
        Offer::Refused | Offer::Unknown => None,
    };
    let versions: Vec<String> =
        [accepted(&outdated.tls10, "TLS 1.0"), accepted(&outdated.tls11, "TLS 1.1")]
            .into_iter()
            .flatten()
            .collect();
    let mut said = Vec::new();
    // A server that speaks nothing newer has a worse finding.
    if speaks_current_tls && !versions.is_empty() {
        said.push((&catalogue::MX309, format!("it accepts {}", versions.join(", "))));
    }
    if let Some(suite) = accepted(&outdated.weak_suites, "TLS 1.2") {
        said.push((&catalogue::MX310, format!("it accepts {suite}")));
    }
    said
}

fn first_word(reply: &SmtpReply) -> &str {
    let line = reply.lines.first().map(String::as_str).unwrap_or_default();
    line.split([' ', '\t']).next().unwrap_or_default()
}

/// A name of several labels, or an address literal, which RFC 5321 §4.2 allows too.
fn is_full_name(word: &str) -> bool {
    let is_literal = word.starts_with('[') && word.ends_with(']');
    is_literal || DomainName::parse(word).is_ok_and(|name| name.parent().is_some())
}

/// A line of the EHLO reply whose keyword is nothing but X or asterisks.
fn masked_line(reply: &SmtpReply) -> Option<&str> {
    let masked = |line: &&String| {
        let keyword = line.split([' ', '=']).next().unwrap_or_default();
        keyword.len() >= 4
            && (keyword.bytes().all(|octet| octet == b'X')
                || keyword.bytes().all(|octet| octet == b'*'))
    };
    reply.lines.iter().skip(1).find(masked).map(String::as_str)
}

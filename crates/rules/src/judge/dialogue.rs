//! Judges what an MX host says of itself, and which outdated TLS it still speaks.

use mail_domain::DomainName;
use sealpost_evidence::{Offer, OutdatedTls, SmtpReply, SmtpSession};

use crate::{Quoted, Rule, catalogue};

/// One thing to be said of a dialogue.
pub(super) struct Said {
    pub(super) rule: &'static Rule,
    pub(super) message: String,
    /// What makes `openssl s_client` show the same, where the dialogue itself does not.
    pub(super) openssl_options: Option<&'static str>,
}

impl Said {
    fn new(rule: &'static Rule, message: String) -> Self {
        Self { rule, message, openssl_options: None }
    }
}

/// What is to be said of one dialogue, beside whether it came to TLS.
pub(super) fn judge(session: &SmtpSession) -> Vec<Said> {
    let mut said = Vec::new();
    let greeting = session.greeting.as_ref().filter(|reply| reply.code == 220);
    let greeting_name = greeting.map(first_word);
    if let Some(word) = greeting_name.filter(|word| !is_full_name(word)) {
        said.push(Said::new(&catalogue::MX209, format!("it begins with {}", Quoted(word))));
    }
    let ehlo = session.ehlo.as_ref().filter(|reply| reply.code == 250);
    if let (Some(greeting), Some(ehlo)) = (greeting_name, ehlo.map(first_word)) {
        let both_are_names = is_full_name(greeting) && is_full_name(ehlo);
        if both_are_names && !greeting.eq_ignore_ascii_case(ehlo) {
            let message = format!("{} in the greeting, {} to EHLO", Quoted(greeting), Quoted(ehlo));
            said.push(Said::new(&catalogue::MX210, message));
        }
    }
    if let Some(line) = ehlo.and_then(masked_line) {
        let message = format!("EHLO is answered with {}", Quoted(line));
        said.push(Said::new(&catalogue::MX211, message));
    }
    if let Some(outdated) = &session.outdated_tls {
        said.extend(judge_outdated(outdated, session.tls.is_some()));
    }
    said
}

/// Does the server speak TLS 1.0 or 1.1?
pub(super) fn accepts_outdated_tls(session: &SmtpSession) -> bool {
    session.outdated_tls.as_ref().is_some_and(|outdated| {
        [&outdated.tls10, &outdated.tls11].iter().any(|offer| suite(offer).is_some())
    })
}

fn judge_outdated(outdated: &OutdatedTls, speaks_current_tls: bool) -> Vec<Said> {
    let mut said = Vec::new();
    for (offer, version, options) in [
        (&outdated.tls10, "TLS 1.0", "-tls1 -cipher DEFAULT@SECLEVEL=0"),
        (&outdated.tls11, "TLS 1.1", "-tls1_1 -cipher DEFAULT@SECLEVEL=0"),
    ] {
        // A server that speaks nothing newer has a worse finding.
        if let Some(suite) = suite(offer).filter(|_| speaks_current_tls) {
            let message = format!("it accepts {version} with {suite}");
            said.push(Said { rule: &catalogue::MX309, message, openssl_options: Some(options) });
        }
    }
    if let Some(suite) = suite(&outdated.weak_suites) {
        let options = Some("-tls1_2 -cipher eNULL:EXP:RC4:DES:3DES@SECLEVEL=0");
        let message = format!("it accepts {suite}");
        said.push(Said { rule: &catalogue::MX310, message, openssl_options: options });
    }
    said
}

/// The suite that the server chose, if it accepted.
fn suite(offer: &Offer) -> Option<&str> {
    match offer {
        Offer::Accepted { cipher_suite } => Some(cipher_suite),
        Offer::Refused | Offer::Unknown => None,
    }
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

//! Judges where mail goes: the MX records, each host, each address.

use mail_domain::DomainName;
use sealpost_evidence::{
    ConnectionFaultKind, ConnectionStage, Dialogues, MailHost, MailHosts, MxSource, SmtpSession,
    StartTls,
};

use super::certificate::{CertificateRules, different_certificates, judge_certificate};
use super::dialogue;
use super::{Context, Findings};
use crate::{Finding, Place, Quoted, Rule, Subject, catalogue};

pub(super) enum MailState {
    NotAsked,
    /// The domain takes no mail, or there is nowhere to deliver it to.
    NoMail,
    Unknown,
    Hosts {
        any_fails: bool,
        any_unknown: bool,
    },
}

/// What one address, or one host, is worth to a sender under an enforced policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Passes,
    Fails,
    Unreachable,
    Unknown,
}

const CERTIFICATE: CertificateRules = CertificateRules {
    expired: &catalogue::MX302,
    not_yet_valid: &catalogue::MX303,
    name: &catalogue::MX304,
    untrusted: &catalogue::MX305,
    unusable: &catalogue::MX306,
    expiring: &catalogue::MX307,
};

pub(super) fn judge(context: &Context<'_>, findings: &mut Findings) -> MailState {
    let Some(mail) = &context.evidence.mail_hosts else { return MailState::NotAsked };
    let subject = || Subject::new(Place::MxRecords, context.domain.as_str());
    let command = || Some(context.commands.dig("MX", context.domain));
    let mut say = |rule, message: String| {
        findings.push(Finding::new(rule, subject(), message).command(command()));
    };
    match mail.source {
        MxSource::Unknown => {
            if let Some(fault) = mail.records.fault() {
                let (rule, message) = context.failed(&catalogue::MX102, "MX", fault);
                say(rule, message);
            }
            return MailState::Unknown;
        }
        MxSource::NoSuchDomain => {
            say(&catalogue::MX101, "no such name in the DNS (NXDOMAIN)".to_owned());
            return MailState::NoMail;
        }
        MxSource::Null => {
            say(&catalogue::MX103, "a null MX".to_owned());
            return MailState::NoMail;
        }
        MxSource::Implicit => {
            let addresses = mail.hosts.first().and_then(|host| host.addresses.as_ref());
            if addresses.is_some_and(sealpost_evidence::HostAddresses::none_exist) {
                say(&catalogue::MX111, "neither MX nor A nor AAAA record".to_owned());
                return MailState::NoMail;
            }
            say(&catalogue::MX104, "no MX record".to_owned());
        }
        MxSource::Records => {
            let records = mail.records.value().into_iter().flatten();
            if records.clone().any(|record| record.exchange.is_empty()) {
                let message =
                    format!("one of {} MX records has the root as its host", records.count());
                say(&catalogue::MX110, message);
            }
        }
    }
    judge_hosts(context, mail, findings)
}

fn judge_hosts(context: &Context<'_>, mail: &MailHosts, findings: &mut Findings) -> MailState {
    let blocked = port_seems_blocked(mail);
    if blocked {
        let subject = Subject::new(Place::Observer, "here");
        let message =
            format!("every MX address timed out on port {}", context.evidence.observer.smtp_port);
        findings.push(Finding::new(&catalogue::OBS101, subject, message));
    }
    let records = mail.records.value().into_iter().flatten();
    let mut any_fails = records.into_iter().any(|record| record.exchange.is_empty());
    let mut any_unknown = blocked || super::observer::left_out(mail).is_some();
    for host in &mail.hosts {
        match judge_host(context, host, blocked, findings) {
            Standing::Passes => {}
            Standing::Fails | Standing::Unreachable => any_fails = true,
            Standing::Unknown => any_unknown = true,
        }
    }
    match mail.dialogues {
        // What the DNS alone shows to fail, fails; whether the rest passes was not asked.
        Dialogues::Unwanted if !any_fails => MailState::NotAsked,
        Dialogues::Unwanted | Dialogues::Wanted => MailState::Hosts { any_fails, any_unknown },
    }
}

/// Nothing answers on any address of any MX, not even with a refusal.
fn port_seems_blocked(mail: &MailHosts) -> bool {
    let mut sessions = mail.hosts.iter().flat_map(|host| &host.sessions).peekable();
    sessions.peek().is_some()
        && sessions.all(|session| {
            session.fault.as_ref().is_some_and(|fault| {
                fault.is_ours()
                    || fault.stage == ConnectionStage::Connect
                        && fault.kind == ConnectionFaultKind::TimedOut
            })
        })
        && mail
            .hosts
            .iter()
            .flat_map(|host| &host.sessions)
            .any(|session| session.fault.as_ref().is_some_and(|fault| !fault.is_ours()))
}

fn judge_host(
    context: &Context<'_>,
    host: &MailHost,
    blocked: bool,
    findings: &mut Findings,
) -> Standing {
    let Some(domain) = &host.domain else {
        if !host.name.is_empty() {
            let subject = Subject::new(Place::MxRecords, context.domain.as_str());
            let message = format!("{} is not a host name", Quoted(&host.name));
            let command = Some(context.commands.dig("MX", context.domain));
            findings.push(Finding::new(&catalogue::MX108, subject, message).command(command));
        }
        return Standing::Fails;
    };
    let subject = || Subject::new(Place::MailHost, domain.as_str());
    let dig = || Some(context.commands.dig_addresses(domain));
    let mut any_lookup_failed = false;
    if let Some(addresses) = &host.addresses {
        for fault in [addresses.ipv4.fault(), addresses.ipv6.fault()].into_iter().flatten() {
            any_lookup_failed = true;
            let finding = context.lookup_failed(&catalogue::MX106, subject(), "address", fault);
            findings.push(finding.command(dig()));
        }
        if addresses.none_exist() {
            let message = "neither A nor AAAA record";
            findings.push(Finding::new(&catalogue::MX105, subject(), message).command(dig()));
            return Standing::Fails;
        }
        if let Some(target) = addresses.aliases().last() {
            let message = format!("it is an alias of {}", Quoted(target));
            findings.push(Finding::new(&catalogue::MX107, subject(), message).command(dig()));
        }
    }
    let standings: Vec<Standing> = host
        .sessions
        .iter()
        .map(|session| judge_session(context, domain, session, blocked, findings))
        .collect();
    let certificates = host.sessions.iter().filter_map(|session| session.tls.as_ref()?.leaf());
    if let Some(message) = different_certificates(certificates) {
        findings.push(Finding::new(&catalogue::MX308, subject(), message).command(dig()));
    }
    let holds = |standing| standings.contains(&standing);
    if holds(Standing::Fails) {
        Standing::Fails
    } else if holds(Standing::Passes) {
        Standing::Passes
    } else if holds(Standing::Unknown) || any_lookup_failed || standings.is_empty() {
        Standing::Unknown
    } else {
        Standing::Unreachable
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-4
//# When sending to an MX at a domain for which the sender has a valid
//# and non-expired MTA-STS Policy, a Sending MTA honoring MTA-STS MUST
//# check whether:
//= https://www.rfc-editor.org/rfc/rfc8461#section-4
//# The recipient mail server supports STARTTLS and offers a PKIX-
//# based TLS certificate, during TLS handshake, which is valid for
//# that host
fn judge_session(
    context: &Context<'_>,
    host: &DomainName,
    session: &SmtpSession,
    blocked: bool,
    findings: &mut Findings,
) -> Standing {
    let subject = || Subject::new(Place::MailHost, host.as_str()).at(session.address);
    let smtp = context.commands.smtp(host, session.address);
    let finding =
        |rule, message| Finding::new(rule, subject(), message).command(Some(smtp.clone()));

    for said in dialogue::judge(session) {
        let mut finding = finding(said.rule, said.message);
        if let Some(options) = said.openssl_options {
            let command = context.commands.outdated_tls(host, session.address, options);
            finding = finding.command(Some(command));
        }
        findings.push(finding);
    }
    if let Some(text) = &session.injected {
        findings.push(finding(&catalogue::MX206, format!("the plain text {}", Quoted(text))));
    }
    let Some(tls) = &session.tls else {
        return match before_tls(session, blocked) {
            Ended::Untold(standing) => standing,
            Ended::Told(standing, rule, message) => {
                let mut finding = finding(rule, message);
                if rule == &catalogue::MX109 {
                    finding = finding.command(Some(context.commands.dig_addresses(host)));
                }
                findings.push(finding);
                standing
            }
        };
    };
    let command = context.commands.smtp_certificate(host, session.address);
    findings.extend(judge_certificate(tls, context.now, &subject(), &command, &CERTIFICATE));
    if !tls.is_verified() || session.injected.is_some() {
        return Standing::Fails;
    }
    match after_tls(session) {
        None => Standing::Passes,
        Some((standing, rule, message)) => {
            findings.push(finding(rule, message));
            standing
        }
    }
}

/// What went wrong inside TLS, where nothing was wrong with TLS itself.
fn after_tls(session: &SmtpSession) -> Option<(Standing, &'static Rule, String)> {
    if let Some(reply) = session.ehlo_over_tls.as_ref().filter(|reply| reply.code != 250) {
        let message = format!("EHLO inside TLS is answered with {}", Quoted(&reply.to_line()));
        return Some((Standing::Fails, &catalogue::MX203, message));
    }
    let fault = session.fault.as_ref()?;
    let message = format!("{}: {}", fault.stage.as_str(), fault.text);
    Some(match fault.kind {
        _ if fault.is_ours() => return None,
        ConnectionFaultKind::TimedOut => (Standing::Unknown, &catalogue::MX208, message),
        _ => (Standing::Fails, &catalogue::MX207, message),
    })
}

/// How a dialogue without TLS is told.
enum Ended {
    /// Another finding tells of it.
    Untold(Standing),
    Told(Standing, &'static Rule, String),
}

/// Why the dialogue did not come to TLS. What the server said counts before how the connection
/// ended.
fn before_tls(session: &SmtpSession, blocked: bool) -> Ended {
    use ConnectionFaultKind as Kind;
    use ConnectionStage as Stage;
    use Ended::{Told, Untold};

    if let Some(reply) = &session.greeting
        && reply.code != 220
    {
        let message = format!("the greeting is {}", Quoted(&reply.to_line()));
        return Told(Standing::Fails, &catalogue::MX202, message);
    }
    if let Some(reply) = &session.ehlo
        && reply.code != 250
    {
        let message = format!("EHLO is answered with {}", Quoted(&reply.to_line()));
        return Told(Standing::Fails, &catalogue::MX203, message);
    }
    match &session.starttls {
        StartTls::NotReached | StartTls::Accepted => {}
        StartTls::NotOffered => {
            let message = "EHLO is answered without STARTTLS".to_owned();
            return Told(Standing::Fails, &catalogue::MX204, message);
        }
        StartTls::Refused(reply) => {
            let message = format!("STARTTLS is answered with {}", Quoted(&reply.to_line()));
            return Told(Standing::Fails, &catalogue::MX205, message);
        }
    }
    let Some(fault) = &session.fault else {
        if session.injected.is_some() {
            return Untold(Standing::Fails);
        }
        let message = "the dialogue ended before TLS".to_owned();
        return Told(Standing::Fails, &catalogue::MX207, message);
    };
    let message = format!("{}: {}", fault.stage.as_str(), fault.text);
    match (fault.stage, fault.kind) {
        _ if fault.is_ours() => Untold(Standing::Unknown),
        (_, Kind::NotRoutable) => Told(Standing::Fails, &catalogue::MX109, fault.text.clone()),
        (Stage::Connect, _) if blocked => Untold(Standing::Unknown),
        (Stage::Connect, _) => Told(Standing::Unreachable, &catalogue::MX201, fault.text.clone()),
        (_, Kind::TimedOut) => Told(Standing::Unknown, &catalogue::MX208, message),
        (Stage::TlsHandshake, _) => {
            let rule = match dialogue::accepts_outdated_tls(session) {
                true => &catalogue::MX311,
                false => &catalogue::MX301,
            };
            Told(Standing::Fails, rule, message)
        }
        _ => Told(Standing::Fails, &catalogue::MX207, message),
    }
}

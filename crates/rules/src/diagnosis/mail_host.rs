//! STARTTLS, certificates and handshakes of the MX hosts.

use sealpost_evidence::{
    Certificate, CertificateFault, ConnectionStage, MailHost, SmtpSession, StartTls, TlsSession,
};
use tls_rpt::ResultType;

use super::case::{About, Case, day_of};
use super::causes::{
    Cause, FAIL101, FAIL102, FAIL103, FAIL111, FAIL112, FAIL113, FAIL114, FAIL115, FAIL116,
    FAIL117, FAIL118, FAIL121, FAIL122, FAIL131, Fault,
};
use super::verdict::{Draft, Standing};
use crate::Quoted;

/// A sender was not offered STARTTLS.
pub(super) fn starttls(case: &Case<'_>, cause: &'static Cause) -> Draft {
    let command = || case.mx_command(About::Dialogue);
    let sessions = case.sessions();
    for (host, session) in &sessions {
        let place = place(host, session);
        match &session.starttls {
            StartTls::NotOffered => {
                let sentence = format!("{place} answers EHLO without STARTTLS.");
                return Draft::new(&FAIL101, Fault::Ours, Standing::Open, sentence)
                    .ground(seen(case, "It was not offered from here either"))
                    .command(command());
            }
            StartTls::Refused(reply) => {
                let reply = reply.to_line();
                let reply = Quoted(&reply);
                let sentence = format!("{place} lists STARTTLS and answers it with {reply}.");
                return Draft::new(&FAIL103, Fault::Ours, Standing::Open, sentence)
                    .ground(seen(case, "It was refused from here too"))
                    .command(command());
            }
            StartTls::NotReached | StartTls::Accepted => {}
        }
    }
    let offered = sessions.iter().filter(|(_, s)| s.starttls == StartTls::Accepted).count();
    if offered == 0 {
        return Draft::presumed(case, cause).command(command());
    }
    let place = case.place_text();
    let (cause, fault, sentence) = if cause == &FAIL103 {
        let sentence = format!(
            "{place} refused STARTTLS to the sender, and from here it accepts it: it was overloaded, \
             or mended since."
        );
        (&FAIL103, Fault::Unclear, sentence)
    } else {
        let sentence = format!(
            "The sender was not offered STARTTLS by {place}, and from here it is: something on the \
             way cuts it out, or it was switched on since."
        );
        (&FAIL102, Fault::Interference, sentence)
    };
    Draft::new(cause, fault, Standing::Unknown, sentence)
        .ground(seen(case, &format!("{offered} of {} sessions offered it", sessions.len())))
        .command(command())
}

/// A certificate failed.
pub(super) fn certificate(case: &Case<'_>, cause: &'static Cause) -> Draft {
    let command = || case.mx_command(About::Certificate);
    if cause == &FAIL118 {
        return Draft::presumed(case, cause).command(command());
    }
    let sessions = case.sessions();
    if let Some(faulty) = worst_fault(&sessions, &case.result) {
        return faulty.draft(case).command(command());
    }
    let verified: Vec<(&MailHost, &SmtpSession, &Certificate)> = sessions
        .iter()
        .filter_map(|(host, session)| {
            let tls = session.tls.as_ref().filter(|tls| tls.is_verified())?;
            Some((*host, *session, tls.leaf()?))
        })
        .collect();
    let newest = verified.iter().max_by_key(|(_, _, leaf)| leaf.not_before);
    let Some((host, _, leaf)) = newest else {
        return Draft::presumed(case, cause).command(command());
    };
    let began = day_of(leaf.not_before);
    let present = format!(
        "The present certificate is valid from {began} to {} and verifies{}.",
        day_of(leaf.not_after),
        looked_on(case)
    );
    // A certificate can be in use on the day on which it begins, next to sessions that saw the old.
    let was_replaced = began >= case.since();
    let is_mended = was_replaced && case.group.last_day <= began.plus(1);
    if cause == &FAIL111 && is_mended {
        let host = name(host);
        let expired = expired_earlier(case, leaf).map_or_else(
            || format!("had expired when sessions failed on {}", case.since()),
            |day| format!("expired on {day}"),
        );
        let sentence = format!("The certificate of {host} {expired}, and was renewed since.");
        return Draft::new(&FAIL112, Fault::Ours, Standing::Mended, sentence)
            .ground(present)
            .command(command());
    }
    let standing = if is_mended { Standing::Mended } else { Standing::Unknown };
    let (fault, sentence) = if is_mended {
        let sentence = format!(
            "The certificate of {} failed for the sender ({}); it was replaced since and is good.",
            case.place_text(),
            cause.title
        );
        (Fault::Ours, sentence)
    } else {
        let sentence = format!(
            "The certificate of {} failed for the sender ({}), and from here it is good.",
            case.place_text(),
            cause.title
        );
        (Fault::Unclear, sentence)
    };
    let mut draft = Draft::new(&FAIL117, fault, standing, sentence).ground(present);
    if was_replaced && !is_mended {
        draft = draft.ground(format!(
            "Failures were reported until {}, after this certificate began: some server may still \
             show the earlier one.",
            case.group.last_day
        ));
    }
    draft.command(command())
}

/// A handshake failed, or the connection was lost in it.
pub(super) fn handshake(case: &Case<'_>, cause: &'static Cause) -> Draft {
    let command = || case.mx_command(About::Dialogue);
    for (host, session) in case.sessions() {
        let Some(fault) = &session.fault else { continue };
        if fault.stage == ConnectionStage::TlsHandshake && !fault.is_ours() {
            let text = Quoted(&fault.text);
            let sentence =
                format!("The TLS handshake with {} fails: {text}.", place(host, session));
            return Draft::new(&FAIL121, Fault::Ours, Standing::Open, sentence)
                .ground(seen(case, "It fails from here too"))
                .command(command());
        }
    }
    if let Some(faulty) = worst_fault(&case.sessions(), &case.result) {
        return faulty.draft(case).command(command());
    }
    let draft = Draft::presumed(case, cause).command(command());
    match case.sessions().iter().any(|(_, session)| session.tls.is_some()) {
        true => draft.ground(seen(case, "From here the handshake succeeds")),
        false => draft,
    }
}

/// A general failure about which nothing is said.
pub(super) fn anything(case: &Case<'_>) -> Draft {
    let sessions = case.sessions();
    let told = starttls(case, &FAIL102);
    if told.standing == Standing::Open {
        return told;
    }
    let told = handshake(case, &FAIL122);
    if told.standing == Standing::Open {
        return told;
    }
    let draft = Draft::presumed(case, &FAIL131).command(case.mx_command(About::Certificate));
    let verified = |(_, session): &(&MailHost, &SmtpSession)| {
        session.tls.as_ref().is_some_and(TlsSession::is_verified)
    };
    match sessions.iter().filter(|session| verified(session)).count() {
        0 => draft,
        good => draft.ground(seen(
            case,
            &format!("{good} of {} sessions had a certificate that verifies", sessions.len()),
        )),
    }
}

/// A fault of a certificate that was seen from here.
struct Faulty<'a> {
    host: &'a MailHost,
    session: &'a SmtpSession,
    tls: &'a TlsSession,
    fault: &'a CertificateFault,
}

impl Faulty<'_> {
    fn draft(&self, case: &Case<'_>) -> Draft {
        let (place, sent) = (place(self.host, self.session), self.tls.certificates.len());
        let (cause, sentence) = match self.fault {
            CertificateFault::Expired { not_after } => {
                (&FAIL111, format!("The certificate of {place} expired on {}.", day_of(*not_after)))
            }
            CertificateFault::NotYetValid { not_before } => (
                &FAIL116,
                format!("The certificate of {place} is valid only from {}.", day_of(*not_before)),
            ),
            CertificateFault::NameMismatch { presented, .. } => {
                (&FAIL113, format!("The certificate of {place} is for {}.", listed(presented)))
            }
            CertificateFault::UnknownIssuer if sent == 1 => (
                &FAIL115,
                format!(
                    "{place} sends only its own certificate, and its issuer is not known: the \
                     chain is not whole, or the authority not trusted."
                ),
            ),
            fault => {
                let text = fault.to_string();
                let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
                (&FAIL114, format!("The certificate of {place} {text}."))
            }
        };
        let draft = Draft::new(cause, Fault::Ours, Standing::Open, sentence)
            .ground(seen(case, "It does not verify from here either"));
        let reported = super::result::cause_of_result(&case.group.result_type);
        let is_general = [&FAIL131, &FAIL114].contains(&reported);
        if self.fault.result_type() != case.result && !is_general {
            return draft.ground(format!(
                "The report names another fault: {}. This one has to be mended first.",
                reported.title
            ));
        }
        draft
    }
}

/// The fault that fits the reported type, else the first.
fn worst_fault<'a>(
    sessions: &[(&'a MailHost, &'a SmtpSession)],
    result: &ResultType,
) -> Option<Faulty<'a>> {
    let all = || {
        sessions.iter().flat_map(|(host, session)| {
            session.tls.iter().flat_map(move |tls| {
                tls.faults.iter().map(move |fault| Faulty { host, session, tls, fault })
            })
        })
    };
    all().find(|faulty| faulty.fault.result_type() == *result).or_else(|| all().next())
}

/// When the certificate of the earlier look ran out, if that explains the failures.
fn expired_earlier(
    case: &Case<'_>,
    present: &Certificate,
) -> Option<sealpost_evidence::traffic::Day> {
    let sessions = case.earlier_sessions();
    let leaves = sessions.iter().filter_map(|(_, session)| session.tls.as_ref()?.leaf());
    let ends =
        leaves.filter(|leaf| leaf.sha256 != present.sha256).map(|leaf| day_of(leaf.not_after));
    ends.filter(|end| *end <= case.group.last_day).max()
}

fn place(host: &MailHost, session: &SmtpSession) -> String {
    format!("{} [{}]", name(host), session.address)
}

fn name(host: &MailHost) -> String {
    match &host.domain {
        Some(name) => name.to_string(),
        None => Quoted(&host.name).to_string(),
    }
}

/// "It was refused from here too, on 2026-11-26."
fn seen(case: &Case<'_>, what: &str) -> String {
    match case.looked_on() {
        Some(day) => format!("{what}, on {day}."),
        None => format!("{what}."),
    }
}

fn looked_on(case: &Case<'_>) -> String {
    case.looked_on().map(|day| format!(", as seen on {day}")).unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    /// At most so many names are written out.
    const SHOWN: usize = 3;
    let shown: Vec<String> =
        names.iter().take(SHOWN).map(|name| Quoted(name).to_string()).collect();
    match names.len().saturating_sub(SHOWN) {
        _ if shown.is_empty() => "no host at all".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

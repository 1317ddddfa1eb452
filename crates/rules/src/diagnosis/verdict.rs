//! From one failure group to a diagnosis.

use std::fmt;

use mta_sts::Mode;
use schemars::JsonSchema;
use sealpost_evidence::traffic::FailureGroup;
use serde::{Deserialize, Serialize};
use tls_rpt::{PolicyType, ResultType};

use super::case::Case;
use super::causes::{
    Cause, FAIL101, FAIL102, FAIL103, FAIL111, FAIL113, FAIL114, FAIL115, FAIL116, FAIL117,
    FAIL118, FAIL121, FAIL122, FAIL131, FAIL201, FAIL203, FAIL211, FAIL212, FAIL214, FAIL221,
    FAIL231, FAIL241, FAIL301, FAIL304, FAIL311, FAIL321, FAIL331, FAIL501, FAIL502, Fault,
};
use super::known::Known;
use super::reason::Reason;
use super::result::cause_of_result;
use super::{dane, mail_host, path, policy, policy_host};
use crate::{Quoted, Severity};

/// What a failure group means.
///
/// All text is safe to show: what came from outside is quoted or was parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The cause, from the table.
    pub cause: &'static Cause,
    /// How bad it is here: that of the cause, or less if it is mended or nobody vouches for the
    /// reports.
    pub severity: Severity,
    /// What happened, as a sentence in plain words.
    pub sentence: String,
    /// Whose fault it looks like.
    pub fault: Fault,
    /// Does it still hold?
    pub standing: Standing,
    /// What speaks for all this: sentences, the strongest first.
    pub grounds: Vec<String>,
    /// What to do.
    pub action: String,
    /// The exact line to publish, where it is known.
    pub publish: Option<String>,
    /// A command that shows the same to a person. Made of validated names and addresses only.
    pub command: Option<String>,
}

/// Does a cause still hold?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Yes: it was seen from here too.
    Open,
    /// No: it was mended, or has run out.
    Mended,
    /// It is not known.
    Unknown,
}

/// Says what a failure group means, joined with what is known.
pub fn diagnose(group: &FailureGroup, known: &Known<'_>) -> Diagnosis {
    let case = Case::new(group, known);
    let draft = path::judge(&case).unwrap_or_else(|| by_result(&case));
    draft.finish(&case)
}

/// What the result type, and with it the reason code, leads to.
fn by_result(case: &Case<'_>) -> Draft {
    let cause = refined(case);
    match &case.result {
        ResultType::StartTlsNotSupported => mail_host::starttls(case, cause),
        ResultType::CertificateExpired
        | ResultType::CertificateHostMismatch
        | ResultType::CertificateNotTrusted => {
            // Some senders call an MX host that the policy does not list a mismatch of names.
            let mismatch = (case.result == ResultType::CertificateHostMismatch)
                .then(|| policy::mismatch(case, policy::Suspicion::OfNamedHost));
            let seen = mail_host::certificate(case, cause);
            match mismatch.flatten() {
                Some(mismatch) if seen.standing != Standing::Open => mismatch,
                _ => seen,
            }
        }
        ResultType::TlsaInvalid => dane::tlsa(case, cause),
        ResultType::DnssecInvalid => dane::dnssec(case, cause),
        ResultType::DaneRequired => dane::required(case, cause),
        ResultType::StsPolicyFetchError
        | ResultType::StsPolicyInvalid
        | ResultType::StsWebpkiInvalid => policy_host::judge(case, cause),
        _ => general(case, cause),
    }
}

/// A failure of a general or an unknown type.
fn general(case: &Case<'_>, cause: &'static Cause) -> Draft {
    if [&FAIL201, &FAIL203].contains(&cause) {
        return policy::mismatch(case, policy::Suspicion::Reported)
            .unwrap_or_else(|| policy::unexplained(case));
    }
    if case.result == ResultType::ValidationFailure
        && !matches!(case.policy_type, PolicyType::Tlsa | PolicyType::NoPolicyFound)
        && let Some(mismatch) = policy::mismatch(case, policy::Suspicion::OfNamedHost)
    {
        return mismatch;
    }
    if [&FAIL101, &FAIL102, &FAIL103].contains(&cause) {
        mail_host::starttls(case, cause)
    } else if [&FAIL111, &FAIL113, &FAIL114, &FAIL115, &FAIL116, &FAIL118].contains(&cause) {
        mail_host::certificate(case, cause)
    } else if [&FAIL121, &FAIL122].contains(&cause) {
        mail_host::handshake(case, cause)
    } else if [&FAIL301, &FAIL304].contains(&cause) {
        dane::tlsa(case, cause)
    } else if [&FAIL311, &FAIL331].contains(&cause) {
        dane::dnssec(case, cause)
    } else if cause == &FAIL321 {
        dane::required(case, cause)
    } else if [&FAIL211, &FAIL212, &FAIL214, &FAIL221, &FAIL231].contains(&cause) {
        policy_host::judge(case, cause)
    } else if cause == &FAIL131 && case.policy_type == PolicyType::Tlsa {
        dane::tlsa(case, cause)
    } else if cause == &FAIL131 {
        mail_host::anything(case)
    } else {
        Draft::presumed(case, cause)
    }
}

/// The cause that the result type stands for, or the one that the reason code makes of it.
///
/// A reason code may make a general result type more precise. It does not contradict a precise one,
/// and about the policy host it speaks of that host's certificate and connection.
fn refined(case: &Case<'_>) -> &'static Cause {
    let general = cause_of_result(&case.group.result_type);
    let certificate = [&FAIL111, &FAIL113, &FAIL114, &FAIL115, &FAIL116, &FAIL117, &FAIL118];
    let refine = |said: &'static Cause| -> Option<&'static Cause> {
        match &case.result {
            ResultType::StartTlsNotSupported => (said == &FAIL103).then_some(said),
            ResultType::CertificateNotTrusted => {
                (certificate.contains(&said) || said == &FAIL121).then_some(said)
            }
            ResultType::TlsaInvalid => [&FAIL304, &FAIL311].contains(&said).then_some(said),
            ResultType::StsPolicyFetchError => match said {
                said if certificate.contains(&said) => Some(&FAIL221),
                said if [&FAIL121, &FAIL122].contains(&said) => Some(&FAIL211),
                said if [&FAIL212, &FAIL214, &FAIL231, &FAIL331].contains(&said) => Some(said),
                _ => None,
            },
            ResultType::CertificateExpired
            | ResultType::CertificateHostMismatch
            | ResultType::DnssecInvalid
            | ResultType::DaneRequired
            | ResultType::StsPolicyInvalid
            | ResultType::StsWebpkiInvalid => None,
            _ => (said != &FAIL131).then_some(said),
        }
    };
    case.reasons.iter().find_map(|reason| refine(reason.cause)).unwrap_or(general)
}

/// A diagnosis in the making.
pub(super) struct Draft {
    pub(super) cause: &'static Cause,
    pub(super) fault: Fault,
    pub(super) standing: Standing,
    pub(super) sentence: String,
    pub(super) grounds: Vec<String>,
    pub(super) action: Option<String>,
    pub(super) publish: Option<String>,
    pub(super) command: Option<String>,
}

impl Draft {
    pub(super) fn new(
        cause: &'static Cause,
        fault: Fault,
        standing: Standing,
        sentence: impl Into<String>,
    ) -> Self {
        Self {
            cause,
            fault,
            standing,
            sentence: sentence.into(),
            grounds: Vec::new(),
            action: None,
            publish: None,
            command: None,
        }
    }

    /// Nothing is known but what was reported.
    pub(super) fn presumed(case: &Case<'_>, cause: &'static Cause) -> Self {
        let sentence = if cause == &FAIL502 {
            let what = if case.group.sessions == 1 { "session" } else { "sessions" };
            format!("{} {what} failed, and nothing says how.", case.group.sessions)
        } else if cause == &FAIL501 {
            format!(
                "{} sessions failed with the result type {}, which is not registered.",
                case.group.sessions,
                Quoted(&case.group.result_type)
            )
        } else {
            let about_host = cause.code.starts_with("FAIL1") && case.group.mx_host.is_some();
            let at = if about_host { format!(" at {}", case.place_text()) } else { String::new() };
            format!("The sender reports{at}: {}.", cause.title)
        };
        let mut draft = Self::new(cause, cause.presumed, Standing::Unknown, sentence);
        let looked = case.known.evidence.is_some();
        if !looked && cause != &FAIL241 {
            draft.grounds.push(
                "Only the report says so; the domain was not looked at from here.".to_owned(),
            );
        }
        draft.command = case.dig("MX", "");
        draft
    }

    pub(super) fn ground(mut self, ground: impl Into<String>) -> Self {
        self.grounds.push(ground.into());
        self
    }

    pub(super) fn action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    pub(super) fn publish(mut self, line: Option<String>) -> Self {
        self.publish = line;
        self
    }

    pub(super) fn command(mut self, command: Option<String>) -> Self {
        self.command = command.or(self.command);
        self
    }

    /// Adds what holds for every diagnosis: what the reason code says, what became of the mail, and
    /// what the reports are worth.
    fn finish(mut self, case: &Case<'_>) -> Diagnosis {
        self.grounds.extend(path::notes(case));
        if let Some(text) = &case.group.reason {
            let quoted = Quoted(text);
            if case.reasons.is_empty() && !text.is_empty() {
                self.grounds.push(format!("The reason code is {quoted}, which is not known here."));
            }
            for reason in &case.reasons {
                let Reason { means, said_by, .. } = reason;
                self.grounds.push(format!("The reason code {quoted} of {said_by}: {means}."));
            }
        }
        if case.group.result_type != case.result.as_str() {
            let written = Quoted(&case.group.result_type);
            self.grounds.push(format!("The result type is written as {written}."));
        }
        let own_policy = policy::held_another(case, self.cause);
        self.grounds.extend(own_policy);
        let is_testing = case.policy_type == PolicyType::Sts
            && matches!(case.reported.mode, Some(Mode::Testing | Mode::None));
        let is_alarm = self.cause.code.starts_with("FAIL4");
        if is_testing {
            let ground = if is_alarm {
                "The sender's policy was not in mode enforce, so the mail was handed over all the \
                 same."
            } else {
                "The sender's policy was not in mode enforce, so the mail was delivered all the \
                 same."
            };
            self.grounds.push(ground.to_owned());
        }
        let mut severity = self.cause.severity;
        if is_testing && !is_alarm {
            severity = severity.min(Severity::Warning);
        }
        if !case.is_vouched_for() {
            severity = severity.min(Severity::Warning);
            self.grounds.push(
                "Nobody vouches for these reports: anyone can have written them, and nothing may \
                 be decided on them alone."
                    .to_owned(),
            );
        }
        if self.standing == Standing::Mended {
            severity = Severity::Note;
        }
        Diagnosis {
            cause: self.cause,
            severity,
            sentence: self.sentence,
            fault: self.fault,
            standing: self.standing,
            grounds: self.grounds,
            action: self.action.unwrap_or_else(|| self.cause.fix.to_owned()),
            publish: self.publish,
            command: self.command,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open",
            Self::Mended => "mended",
            Self::Unknown => "unknown",
        })
    }
}

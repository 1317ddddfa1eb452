//! The findings on the text of a policy.

use mail_domain::DomainName;
use mta_sts::{Mode, MxPattern, PolicyDefectKind as Kind, PolicyReading, Span};

use crate::{Excerpt, Finding, Rule, Subject, catalogue};

/// RFC 8461 §3.2 expects weeks; a week is what a domain that has proven itself should reach.
const SHORT_IN_ENFORCE: u32 = 604_800;
/// A day: some large senders take no less.
const SHORT_IN_TESTING: u32 = 86_400;

/// Of a policy that repeats one mistake so many are told; the rest look the same.
pub(crate) const MOST_OF_ONE_KIND: usize = 20;

/// A policy body and where it is from.
pub(crate) struct PolicyText<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) source: &'a str,
}

pub(crate) fn findings(
    text: &PolicyText<'_>,
    reading: &PolicyReading,
    domain: Option<&DomainName>,
    subject: &Subject,
) -> Vec<Finding> {
    let finding = |rule, span: Span, message: String| {
        let excerpt = Excerpt::new(text.source, text.body, span.range());
        Finding::new(rule, subject.clone(), message).excerpt(excerpt)
    };
    let mut findings: Vec<Finding> = reading
        .defects
        .iter()
        .filter_map(|defect| {
            Some(finding(rule_for(&defect.kind)?, defect.span, defect.kind.to_string()))
        })
        .collect();

    if let (Some((mode, _)), Some((max_age, span))) = (reading.mode, reading.max_age) {
        let short = match mode {
            Mode::Enforce => SHORT_IN_ENFORCE,
            Mode::Testing => SHORT_IN_TESTING,
            Mode::None => 0,
        };
        if max_age.as_secs() < short {
            let message = format!("{} is less than {short}", seconds(max_age.as_secs()));
            findings.push(
                finding(&catalogue::STS318, span, message)
                    .fix(format!("Write max_age: {short} or more."))
                    .publish(format!("max_age: {short}")),
            );
        }
    }
    match reading.mode {
        Some((Mode::Testing, span)) => {
            let message = "failures are reported, not acted on".to_owned();
            findings.push(finding(&catalogue::STS321, span, message));
        }
        Some((Mode::None, span)) => {
            let message = "there is to be no MTA-STS".to_owned();
            findings.push(finding(&catalogue::STS322, span, message));
        }
        Some((Mode::Enforce, _)) | None => {}
    }
    let broad = reading
        .mx
        .iter()
        .filter_map(|(pattern, span)| Some((*span, too_broad(pattern, domain)?)))
        .take(MOST_OF_ONE_KIND);
    findings.extend(broad.map(|(span, message)| finding(&catalogue::STS320, span, message)));
    let from_guides = reading
        .mx
        .iter()
        .filter_map(|(pattern, span)| Some((*span, from_a_guide(pattern, &reading.mx)?)));
    findings.extend(from_guides.map(|(span, message)| finding(&catalogue::STS323, span, message)));
    findings.sort_by_key(|finding| finding.excerpt.as_ref().map(|excerpt| excerpt.span.start));
    findings
}

/// Says why a wildcard allows too much, if it does.
fn too_broad(pattern: &MxPattern, domain: Option<&DomainName>) -> Option<String> {
    if !pattern.is_wildcard() {
        return None;
    }
    let base = pattern.base();
    if base.parent().is_none() {
        return Some(format!("every domain directly under {base} fits"));
    }
    let domain = domain?;
    (base == domain || domain.is_subdomain_of(base))
        .then(|| format!("every host under {base} fits, not only mail hosts"))
}

/// Patterns that guides give: alone they leave out the hosts named beside them.
const FROM_GUIDES: [(&str, &str); 8] = [
    ("*.google.com", "aspmx.l.google.com"),
    ("*.mail.google.com", "aspmx.l.google.com"),
    ("outlook.com", "EXAMPLE-COM.mail.protection.outlook.com"),
    ("*.outlook.com", "EXAMPLE-COM.mail.protection.outlook.com"),
    ("mail.protection.outlook.com", "EXAMPLE-COM.mail.protection.outlook.com"),
    ("*.mx.microsoft", "EXAMPLE-COM.a-v1.mx.microsoft"),
    ("*.googlemail.com", "alt1.aspmx.l.google.com"),
    ("*.pphosted.com", "mxa-EXAMPLE.gslb.pphosted.com"),
];

/// Names a host that a guide's pattern leaves out, unless another pattern covers it.
fn from_a_guide(pattern: &MxPattern, all: &[(MxPattern, Span)]) -> Option<String> {
    let text = pattern.to_string();
    let (_, left_out) = FROM_GUIDES.iter().find(|(guide, _)| *guide == text)?;
    let host: DomainName = left_out.parse().ok()?;
    let is_covered = all.iter().any(|(pattern, _)| pattern.matches(&host));
    (!is_covered).then(|| format!("it does not cover hosts such as {left_out}"))
}

/// Seconds with their size in words: "300 seconds (5 minutes)".
fn seconds(seconds: u32) -> String {
    let (number, unit) = match seconds {
        0..120 => return format!("{seconds} seconds"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{seconds} seconds ({number} {unit})")
}

fn rule_for(kind: &Kind) -> Option<&'static Rule> {
    Some(match kind {
        Kind::Empty | Kind::VersionMissing => &catalogue::STS301,
        Kind::VersionInvalid { .. } => &catalogue::STS302,
        Kind::ModeMissing => &catalogue::STS303,
        Kind::ModeInvalid { .. } => &catalogue::STS304,
        Kind::MaxAgeMissing => &catalogue::STS305,
        Kind::MaxAgeInvalid { .. } => &catalogue::STS306,
        Kind::MxMissing => &catalogue::STS307,
        Kind::MxInvalid { .. } => &catalogue::STS308,
        Kind::BlankLine => &catalogue::STS310,
        Kind::BareCarriageReturn => &catalogue::STS311,
        Kind::ByteOrderMark => &catalogue::STS312,
        Kind::NotUtf8 | Kind::ControlCharacter { .. } => &catalogue::STS313,
        Kind::DuplicateField { .. } => &catalogue::STS314,
        Kind::UnknownField { .. } => &catalogue::STS315,
        Kind::VersionNotFirst => &catalogue::STS316,
        Kind::MaxAgeTooLarge { .. } => &catalogue::STS317,
        Kind::DuplicateMx => &catalogue::STS319,
        Kind::TooLarge => &catalogue::STS216,
        // It stands behind two hundred others.
        Kind::TooMany => return None,
        _ => &catalogue::STS309,
    })
}

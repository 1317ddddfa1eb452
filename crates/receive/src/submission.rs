//! From the octets of a submission to the reports in it.

use tls_rpt::{
    MailError, MailLimits, MailMessage, MailNote, MailNoteKind, Medium, PayloadError,
    PayloadErrorKind, PayloadNote, Payloads, Refusal, Repair, RepairKind, Report, ReportLimits,
    ReportMail, ReportReading, separate,
};

/// How much of a submission is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of a mail, and of what is packed, in a mail or not.
    pub mail: MailLimits,
    /// Of a report; policies, details and strings of all reports of a submission together, as all
    /// of them are in memory.
    pub report: ReportLimits,
    /// Policies that are kept of all that a submission says about one domain; 500. A report has a few
    /// for each, as one for each version of the policy in a day. Of further ones the sessions count.
    pub policies_per_domain: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mail: MailLimits::default(),
            report: ReportLimits::default(),
            policies_per_domain: 500,
        }
    }
}

impl Limits {
    /// Up to so many octets, as they come and unpacked, a submission is read beside others: nearly
    /// all that come. Real reports have up to 60 kB.
    pub(crate) const SMALL_OCTETS: usize = 256 << 10;
    /// So many policies, and as many failure details, it may have then.
    const SMALL_ENTRIES: usize = 2_000;

    /// The same for what is read beside others. What passes these limits may be read by itself.
    pub(crate) fn small(&self) -> Self {
        let mut small = self.clone();
        let (payload, report) = (&mut small.mail.payload, &mut small.report);
        payload.unpacked = payload.unpacked.min(Self::SMALL_OCTETS);
        report.policies = report.policies.min(Self::SMALL_ENTRIES);
        report.details = report.details.min(Self::SMALL_ENTRIES);
        small
    }

    /// More octets than this are never read, whatever they are.
    pub fn most_octets(&self) -> usize {
        self.mail.octets.max(self.mail.payload.packed)
    }
}

/// What was found in a submission.
#[derive(Debug)]
pub struct Submission<'a> {
    /// The reports, in their order.
    pub documents: Vec<Document>,
    /// The messages that it is, from the outermost to the innermost; none if it is no mail.
    pub messages: Vec<MailMessage<'a>>,
    /// What looked like a report and could not be unpacked or read, with a stable code each.
    pub unreadable: Vec<Unreadable>,
    /// What was unusual about the mail or the packing.
    unusual: Unusual,
    /// How much more of reports may be read.
    left: ReportLimits,
}

/// What was unusual, before anybody wants to read it: that is seldom, and its text takes time.
#[derive(Debug)]
enum Unusual {
    Mail(Vec<MailNote>),
    Packing(Vec<PayloadNote>),
}

/// Something unusual about a mail, or about how a report is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A name that never changes.
    pub code: &'static str,
    /// The same for people: a lower-case fragment.
    pub text: String,
    /// Where in the mail, as `part 1.2`; empty outside of mails and for what concerns all of it.
    pub place: String,
}

/// A report.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its own octets.
    pub json: Vec<u8>,
    /// What was read.
    pub reading: ReportReading,
    /// The message in which it came, by its index; `None` outside of mails.
    pub message: Option<usize>,
    /// Where in the mail, as `part 1.2 (name)`; of what is no mail, the name inside the packing, or
    /// nothing. A name is escaped.
    pub place: String,
}

/// Why a part of a submission, or all of it, gives no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// It is no mail, and nothing that a report could be packed in.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// It could not be unpacked.
    #[error("{error}")]
    Packing {
        /// Why.
        error: PayloadError,
        /// Where in the mail, as `part 1.2 (name)`; empty outside of mails.
        place: String,
    },
    /// What was unpacked is no report.
    #[error("{refusal}")]
    NoReport {
        /// Why.
        refusal: Refusal,
        /// Where in the mail.
        place: String,
    },
    /// Part of the mail was left out, because a limit was passed: there may be more reports.
    #[error("{kind}")]
    LeftOut {
        /// Which limit.
        kind: MailNoteKind,
        /// Where in the mail; empty if it is the mail itself.
        place: String,
    },
    /// There is nothing in the mail that could be a report.
    #[error("there is no report in it")]
    Nothing,
}

impl<'a> Submission<'a> {
    /// Reads a mail, or a report as it is, packed or not; by what the octets are. It never fails: what
    /// can't be read is said so.
    pub fn read(octets: &'a [u8], limits: &Limits) -> Self {
        // A packed report is never a mail. JSON is not either: no field name begins with a brace.
        match Medium::of(octets) {
            Some(_) => Self::of_payload(octets, limits, None),
            None => match ReportMail::read(octets, &limits.mail) {
                Ok(mail) => Self::of_mail(mail, limits),
                Err(error) => Self::of_payload(octets, limits, Some(error)),
            },
        }
    }

    /// Whether something was not read because of a limit that [`Limits::small`] lowers.
    pub(crate) fn is_too_large(&self) -> bool {
        self.unreadable.iter().any(|unreadable| match unreadable {
            Unreadable::Packing { error, .. } => {
                matches!(error.kind, PayloadErrorKind::TooLargeUnpacked { .. })
            }
            Unreadable::NoReport { refusal, .. } => {
                matches!(refusal, Refusal::TooManyPolicies { .. } | Refusal::TooManyDetails { .. })
            }
            _ => false,
        })
    }

    /// Whether it gave reports, and all that was in it could be read.
    pub fn is_whole(&self) -> bool {
        !self.documents.is_empty() && self.unreadable.is_empty()
    }

    /// What was unusual about the mail or the packing, and is not said of a report.
    pub fn notes(&self) -> Vec<Note> {
        let is_said = |document: &Document| document.reading.has(RepairKind::GzipTrailer);
        let is_said = self.documents.iter().any(is_said);
        let is_new = |note: &PayloadNote| !(is_said && is_bad_trailer(note));
        match &self.unusual {
            Unusual::Mail(notes) => {
                let is_new = |note: &&MailNote| match &note.kind {
                    MailNoteKind::Payload(note) => is_new(note),
                    _ => true,
                };
                notes.iter().filter(is_new).map(Note::of_mail).collect()
            }
            Unusual::Packing(notes) => {
                notes.iter().filter(|note| is_new(note)).map(Note::of_packing).collect()
            }
        }
    }

    fn of_payload(octets: &[u8], limits: &Limits, not_mail: Option<MailError>) -> Self {
        let mut submission = Self {
            documents: Vec::new(),
            messages: Vec::new(),
            unreadable: Vec::new(),
            unusual: Unusual::Packing(Vec::new()),
            left: limits.report.clone(),
        };
        match Payloads::read(octets, &limits.mail.payload) {
            Ok(payloads) => {
                let is_bad = payloads.notes.iter().any(is_bad_trailer);
                let first = is_bad.then_some(RepairKind::GzipTrailer);
                submission.unusual = Unusual::Packing(payloads.notes);
                for payload in payloads.reports {
                    let name = payload.name.unwrap_or_default();
                    let place = name.escape_debug().to_string();
                    submission.add(payload.json, first, None, &place, limits);
                }
            }
            // Neither the one nor the other: which reason helps depends on what it was meant to be.
            Err(error) => submission.unreadable.push(match not_mail {
                Some(mail) if !matches!(mail, MailError::NoHeader) => mail.into(),
                _ => Unreadable::Packing { error, place: String::new() },
            }),
        }
        submission
    }

    fn of_mail(mail: ReportMail<'a>, limits: &Limits) -> Self {
        let mut submission = Self {
            documents: Vec::new(),
            messages: mail.messages,
            unreadable: Vec::new(),
            unusual: Unusual::Mail(Vec::new()),
            left: limits.report.clone(),
        };
        for refused in mail.refusals {
            let place = place(&refused.part.to_string(), refused.name.as_deref());
            submission.unreadable.push(Unreadable::Packing { error: refused.error, place });
        }
        for note in mail.notes.iter().filter(|note| note.kind.is_cut()) {
            // Once is enough to know that something is missing.
            let is_said = submission.unreadable.iter().any(|unreadable| {
                matches!(unreadable, Unreadable::LeftOut { kind, .. } if *kind == note.kind)
            });
            if !is_said {
                let (kind, place) = (note.kind.clone(), Note::of_mail(note).place);
                submission.unreadable.push(Unreadable::LeftOut { kind, place });
            }
        }
        let trailers: Vec<_> = mail
            .notes
            .iter()
            .filter(
                |note| matches!(&note.kind, MailNoteKind::Payload(note) if is_bad_trailer(note)),
            )
            .map(|note| note.part.clone())
            .collect();
        submission.unusual = Unusual::Mail(mail.notes);
        for report in mail.reports {
            let place = place(&report.part.to_string(), report.name.as_deref());
            let first = trailers.contains(&report.part).then_some(RepairKind::GzipTrailer);
            submission.add(report.json, first, Some(report.message), &place, limits);
        }
        if submission.documents.is_empty() && submission.unreadable.is_empty() {
            submission.unreadable.push(Unreadable::Nothing);
        }
        submission
    }

    /// Adds what came out of the packing, which may itself have been repaired.
    fn add(
        &mut self,
        json: Vec<u8>,
        first: Option<RepairKind>,
        message: Option<usize>,
        place: &str,
        limits: &Limits,
    ) {
        let reading = Report::read(&json, &self.left);
        if reading.has(RepairKind::FurtherReports)
            && self.add_each(&json, first, message, place, limits)
        {
            return;
        }
        self.add_read(json, repaired(reading, first), message, place, limits);
    }

    /// Adds the reports that stand in one text, and says whether there are several. As many are
    /// read as of a mail.
    fn add_each(
        &mut self,
        json: &[u8],
        first: Option<RepairKind>,
        message: Option<usize>,
        place: &str,
        limits: &Limits,
    ) -> bool {
        let most = limits.mail.reports;
        let mut spans = separate(json, most.saturating_add(1));
        if spans.len() < 2 {
            return false;
        }
        if spans.len() > most {
            spans.truncate(most);
            let (kind, place) = (MailNoteKind::ReportsCut, place.to_owned());
            self.unreadable.push(Unreadable::LeftOut { kind, place });
        }
        for (index, span) in spans.into_iter().enumerate() {
            let one = json.get(span.range()).unwrap_or_default();
            let reading = repaired(Report::read(one, &self.left), Some(RepairKind::SeveralInText));
            let reading = repaired(reading, first);
            let number = format!("report {}", index.saturating_add(1));
            let place = if place.is_empty() { number } else { format!("{place}, {number}") };
            self.add_read(one.to_vec(), reading, message, &place, limits);
        }
        true
    }

    fn add_read(
        &mut self,
        json: Vec<u8>,
        reading: ReportReading,
        message: Option<usize>,
        place: &str,
        limits: &Limits,
    ) {
        let place = place.to_owned();
        match reading.refusal {
            Some(refusal) => {
                let refusal = refusal_of_all(refusal, limits);
                self.unreadable.push(Unreadable::NoReport { refusal, place });
            }
            None => {
                spend(&mut self.left, &reading.report);
                self.documents.push(Document { json, reading, message, place });
            }
        }
    }
}

/// The same with a repair of the whole, which comes before those of its parts.
fn repaired(mut reading: ReportReading, kind: Option<RepairKind>) -> ReportReading {
    if let Some(kind) = kind {
        reading.repairs.insert(0, Repair { kind, place: String::new() });
    }
    reading
}

/// Whether nothing, or less than there should be, proves that what was packed is what was sent.
fn is_bad_trailer(note: &PayloadNote) -> bool {
    matches!(note, PayloadNote::GzipTrailer { .. })
}

/// Takes what was read of a report from what may still be read.
fn spend(left: &mut ReportLimits, report: &Report) {
    let (mut details, mut strings) = (0_usize, 0_usize);
    for entry in &report.policies {
        let policy = &entry.policy;
        details = details.saturating_add(entry.failure_details.len());
        strings = strings.saturating_add(policy.policy_string.len() + policy.mx_host.len());
    }
    left.policies = left.policies.saturating_sub(report.policies.len());
    left.details = left.details.saturating_sub(details);
    left.strings = left.strings.saturating_sub(strings);
}

/// The same with the limit that holds for all reports together.
fn refusal_of_all(refusal: Refusal, limits: &Limits) -> Refusal {
    match refusal {
        Refusal::TooManyPolicies { .. } => {
            Refusal::TooManyPolicies { limit: limits.report.policies }
        }
        Refusal::TooManyDetails { .. } => Refusal::TooManyDetails { limit: limits.report.details },
        refusal => refusal,
    }
}

impl Note {
    fn of_mail(note: &MailNote) -> Self {
        let place = match note.part.to_string() {
            whole if whole == "0" => String::new(),
            part => format!("part {part}"),
        };
        Self { code: note.kind.code(), text: note.kind.to_string(), place }
    }

    fn of_packing(note: &PayloadNote) -> Self {
        Self { code: note.code(), text: note.to_string(), place: String::new() }
    }
}

impl Document {
    /// The codes and places of what had to be repaired.
    pub fn repairs(&self) -> impl Iterator<Item = (RepairKind, &str)> {
        self.reading.repairs.iter().map(|repair| (repair.kind, repair.place.as_str()))
    }
}

impl Unreadable {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Mail(error) => error.code(),
            Self::Packing { error, .. } => error.kind.code(),
            Self::NoReport { refusal, .. } => refusal.code(),
            Self::LeftOut { kind, .. } => kind.code(),
            Self::Nothing => "no-report-in-mail",
        }
    }

    /// Where in the mail; empty where that is not to be said.
    pub fn place(&self) -> &str {
        match self {
            Self::Packing { place, .. }
            | Self::NoReport { place, .. }
            | Self::LeftOut { place, .. } => place,
            Self::Mail(_) | Self::Nothing => "",
        }
    }
}

/// Whether text is the same when it is escaped.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b' '..=b'~') && !matches!(octet, b'"' | b'\'' | b'\\'))
}

fn place(part: &str, name: Option<&str>) -> String {
    match name {
        // Most names have nothing to escape, and to look at each letter by itself takes time.
        Some(name) if is_plain(name) => format!("part {part} ({name})"),
        Some(name) => format!("part {part} ({})", name.escape_debug()),
        None => format!("part {part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only the first was read, and the others were lost.
    #[test]
    fn reports_that_share_a_text_are_read_each() {
        let limits = Limits::default();
        let report = |id: usize| {
            format!("{{\"report-id\":\"{id}\",\"organization-name\":\"R\",\"policies\":[]}}")
        };
        let read = |text: &str| {
            let submission = Submission::read(text.as_bytes(), &limits);
            let document = |document: &Document| {
                let id = document.reading.report.report_id.clone().unwrap_or_default();
                assert!(document.reading.has(RepairKind::SeveralInText), "{text}");
                (id, document.place.clone())
            };
            let codes: Vec<_> = submission.unreadable.iter().map(Unreadable::code).collect();
            (submission.documents.iter().map(document).collect::<Vec<_>>(), codes)
        };
        let both = [("1", "report 1"), ("2", "report 2")];
        let both = both.map(|(id, place)| (id.to_owned(), place.to_owned())).to_vec();
        assert_eq!(read(&format!("{}\n{}", report(1), report(2))), (both.clone(), vec![]));
        assert_eq!(read(&format!("[{},{}]", report(1), report(2))), (both.clone(), vec![]));
        // What is no report among them, or cut off before its first number, is kept apart.
        let (found, codes) = read(&format!("{}{}{{}}", report(1), report(2)));
        assert_eq!((found, codes), (both.clone(), vec!["not-a-report"]));
        let cut = "{\"report-id\":\"3\",\"organization-name\":\"R\",\"policies\":[{";
        let (found, codes) = read(&format!("{}{}{cut}", report(1), report(2)));
        assert_eq!((found, codes), (both, vec!["broken-off"]));
        let many: String = (0..=limits.mail.reports).map(report).collect();
        let (found, codes) = read(&many);
        assert_eq!((found.len(), codes), (limits.mail.reports, vec!["reports-cut"]));
    }

    /// That nothing proves what was packed was forgotten as soon as it was read.
    #[test]
    fn a_bad_trailer_is_kept_with_the_report() {
        let mut packed =
            include_bytes!("../../tls-rpt/tests/mails/own/gzip-trailer.json.gz").to_vec();
        let repairs = |octets: &[u8]| -> Vec<&'static str> {
            let submission = Submission::read(octets, &Limits::default());
            assert!(submission.is_whole());
            let documents = submission.documents.iter();
            documents.flat_map(|document| document.repairs().map(|(kind, _)| kind.code())).collect()
        };
        assert_eq!(repairs(&packed), ["gzip-trailer"]);
        // It is said once.
        assert_eq!(Submission::read(&packed, &Limits::default()).notes(), []);
        let base64 = data_encoding::BASE64.encode(&packed);
        let mail = |parts: &[&str]| {
            let part = |part: &&str| {
                format!(
                    "--b\r\nContent-Type: application/tlsrpt+gzip\r\n\
                     Content-Transfer-Encoding: base64\r\n\r\n{part}\r\n"
                )
            };
            let parts: String = parts.iter().map(part).collect();
            format!(
                "From: <a@r.example>\r\nMIME-Version: 1.0\r\n\
                 Content-Type: multipart/report; boundary=b\r\n\r\n{parts}--b--\r\n"
            )
        };
        assert_eq!(repairs(mail(&[&base64]).as_bytes()), ["gzip-trailer"]);
        // The length as it should be.
        let json = Submission::read(&packed, &Limits::default()).documents.remove(0).json;
        let right = u32::try_from(json.len()).unwrap().to_le_bytes();
        packed.splice(packed.len() - 4.., right);
        assert_eq!(repairs(&packed), [""; 0]);
        let whole = data_encoding::BASE64.encode(&packed);
        assert_eq!(repairs(mail(&[&whole]).as_bytes()), [""; 0]);
        // Only the part that it is about has it.
        assert_eq!(repairs(mail(&[&base64, &whole]).as_bytes()), ["gzip-trailer"]);
    }

    /// Each report had all of the limits for itself, and all of them are in memory together.
    #[test]
    fn the_reports_of_a_submission_share_the_limits() {
        let mut limits = Limits::default();
        limits.report.details = 10;
        limits.report.policies = 4;
        let report = |id: usize, details: usize| {
            let details = vec!["{\"failed-session-count\":1}"; details].join(",");
            format!(
                "{{\"report-id\":\"{id}\",\"organization-name\":\"R\",\"policies\":[{{\"failure-details\":[{details}]}}]}}\n"
            )
        };
        let read = |details: &[usize]| {
            let text: String =
                details.iter().enumerate().map(|(id, details)| report(id, *details)).collect();
            let submission = Submission::read(text.as_bytes(), &limits);
            let said: Vec<_> = submission.unreadable.iter().map(ToString::to_string).collect();
            (submission.documents.len(), said, submission.is_too_large())
        };
        assert_eq!(read(&[5, 5]), (2, vec![], false));
        let details = "it has more than 10 failure details".to_owned();
        // What comes after it is read as long as there is room.
        assert_eq!(read(&[5, 6, 5]), (2, vec![details], true));
        let policies = "it has more than 4 policies".to_owned();
        assert_eq!(read(&[1, 1, 1, 1, 1]), (4, vec![policies], true));
        assert_eq!(Limits::default().small().small(), Limits::default().small());
    }

    /// What lies behind a limit is not said to have been read: it stays for a later version.
    #[test]
    fn reports_that_were_left_out_are_missed() {
        let limits = Limits::default();
        let mail = |reports: usize| {
            let part = "--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n{\"report-id\":\"1\",\"organization-name\":\"R\",\"policies\":[]}\r\n";
            format!(
                "From: a@b.test\r\nContent-Type: multipart/report; boundary=b\r\n\r\n{}--b--\r\n",
                part.repeat(reports)
            )
        };
        let codes = |mail: &str| {
            let submission = Submission::read(mail.as_bytes(), &limits);
            let codes: Vec<_> = submission.unreadable.iter().map(Unreadable::code).collect();
            (submission.documents.len(), submission.is_whole(), codes)
        };
        assert_eq!(codes(&mail(limits.mail.reports)), (100, true, vec![]));
        assert_eq!(codes(&mail(limits.mail.reports + 1)), (100, false, vec!["reports-cut"]));
        let (reports, is_whole, found) = codes(&mail(limits.mail.parts + 1));
        assert_eq!((reports, is_whole), (100, false));
        assert!(found.contains(&"reports-cut") && found.contains(&"parts-cut"), "{found:?}");
    }
}

//! The walk through the parts of a mail.

use std::borrow::Cow;

use super::header::{Head, Parameters};
use super::multipart::{Parts, guess_boundary};
use super::transfer::{Transfer, is_packed_base64};
use super::{
    MailLimits, MailMessage, MailNote, MailNoteKind, MailPayload, PartPath, RefusedPart, ReportMail,
};
use crate::{Medium, Payloads};

/// Reads a mail, of which the header has been read.
pub(super) fn read<'a>(octets: &'a [u8], head: &Head<'a>, limits: &MailLimits) -> ReportMail<'a> {
    let mail = ReportMail {
        messages: Vec::new(),
        reports: Vec::new(),
        refusals: Vec::new(),
        notes: Vec::new(),
    };
    let mut walk = Walk { limits, mail, parts: 0, unpacked: 0 };
    walk.message(octets, head, Cow::Borrowed, None, &PartPath::default(), 0);
    walk.mail
}

struct Walk<'a, 'l> {
    limits: &'l MailLimits,
    mail: ReportMail<'a>,
    /// Parts looked at so far.
    parts: usize,
    /// Octets that came out of reports so far.
    unpacked: usize,
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct Place<'p> {
    message: usize,
    path: &'p PartPath,
    depth: usize,
}

/// Media types, as declared or by default.
#[derive(Default)]
struct Kinds {
    /// That of a part.
    own: Option<String>,
    /// That of the first part in it.
    first: Option<String>,
    /// What the part itself declares.
    declared: Option<Parameters>,
}

/// What a part says of itself.
struct Declared {
    media_type: Option<String>,
    name: Option<String>,
    transfer: Transfer,
}

/// How likely a part is to hold a report, by what it says of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// Its type is one of reports.
    Report,
    /// Its type or name is one that reports are found under.
    Perhaps,
    /// It says nothing.
    Unknown,
    /// It says that it is something else.
    Other,
}

impl<'a> Walk<'a, '_> {
    fn message<'b>(
        &mut self,
        octets: &'b [u8],
        head: &Head<'b>,
        keep: impl FnOnce(&'b [u8]) -> Cow<'a, [u8]>,
        within: Option<usize>,
        path: &PartPath,
        depth: usize,
    ) {
        let message = self.mail.messages.len();
        let place = Place { message, path, depth };
        let reports_before = self.mail.reports.len();
        self.mail.messages.push(MailMessage {
            octets: keep(octets),
            within,
            header: self.limits.header,
        });
        if within.is_some() {
            self.note(MailNoteKind::Forwarded, place);
        }
        let Kinds { declared, first, .. } = self.entity(octets, head, "text/plain", place);

        // What is unusual is of interest only in a message with a report of its own.
        let mut own = self.mail.reports.iter().skip(reports_before);
        let count = own.by_ref().filter(|report| report.message == message).count();
        if count > 0 {
            self.note_message(head, declared.as_ref(), first.as_deref(), count, place);
        }
    }

    /// What departs from RFC 8460 section 5.3 in a message as a whole.
    fn note_message(
        &mut self,
        head: &Head<'_>,
        declared: Option<&Parameters>,
        first_part: Option<&str>,
        reports: usize,
        place: Place<'_>,
    ) {
        //= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
        //# These
        //# message header fields MUST be included
        if head.count("tls-report-domain") == 0 || head.count("tls-report-submitter") == 0 {
            self.note(MailNoteKind::TlsHeadersMissing, place);
        }
        let subject = head.text("subject");
        if subject.as_deref().and_then(super::ReportSubject::parse).is_none() {
            self.note(MailNoteKind::SubjectForm, place);
        }
        match declared.filter(|_| head.count("content-type") > 0) {
            Some(declared) if declared.kind == "multipart/report" => {
                let is_tlsrpt = declared
                    .value("report-type")
                    .is_some_and(|value| value.eq_ignore_ascii_case("tlsrpt"));
                if !is_tlsrpt {
                    self.note(MailNoteKind::ReportTypeOther, place);
                }
            }
            _ => self.note(MailNoteKind::NotMultipartReport, place),
        }
        if first_part == Some("text/html") {
            self.note(MailNoteKind::HtmlFirst, place);
        }
        if reports > 1 {
            self.note(MailNoteKind::SeveralReports, place);
        }
        for name in ["tls-report-domain", "tls-report-submitter", "subject", "from", "date"] {
            if head.count(name) > 1 {
                self.note(MailNoteKind::FieldRepeated { name }, place);
            }
        }
        if head.has_other_lines {
            self.note(MailNoteKind::OtherLinesInHeader, place);
        }
    }

    /// Reads a part with all in it, of which the header has been read.
    fn entity(&mut self, octets: &[u8], head: &Head<'_>, default: &str, place: Place<'_>) -> Kinds {
        if self.parts >= self.limits.parts {
            self.note_once(MailNoteKind::PartsCut, place);
            return Kinds::default();
        }
        self.parts += 1;
        if head.is_cut {
            self.note_once(MailNoteKind::HeaderCut, place);
            return Kinds::default();
        }
        let body = octets.get(head.body..).unwrap_or_default();
        let mut content_type = head.parameters("content-type");
        if content_type.is_none() && head.count("contenttype") > 0 {
            content_type = head.parameters("contenttype");
            self.note(MailNoteKind::ContentTypeMisspelt, place);
        }
        let kind = content_type.as_ref().map_or(default, |parsed| parsed.kind.as_str());
        let own = Some(kind.to_owned());

        if kind.starts_with("multipart/") {
            let declared = content_type.as_ref().and_then(|parsed| parsed.value("boundary"));
            let default = if kind == "multipart/digest" { "message/rfc822" } else { "text/plain" };
            if let Some(first) = self.multipart(body, declared, default, place) {
                return Kinds { own, first, declared: content_type };
            }
        }
        let transfer = Transfer::of(head.word("content-transfer-encoding").as_deref());
        let disposition = head.parameters("content-disposition");
        let name = disposition
            .and_then(|parsed| parsed.file_name("filename"))
            .or_else(|| content_type.as_ref().and_then(|parsed| parsed.file_name("name")));
        // Some programs attach a message under the type of any file.
        let is_message = matches!(kind, "message/rfc822" | "message/global")
            || name.as_deref().is_some_and(|name| name.to_ascii_lowercase().ends_with(".eml"));
        if is_message {
            self.forwarded(body, transfer, place);
            return Kinds { own, first: None, declared: content_type };
        }
        let media_type = content_type.as_ref().map(|parsed| parsed.kind.clone());
        self.leaf(body, &Declared { media_type, name, transfer }, place);
        Kinds { own, first: None, declared: content_type }
    }

    /// Reads the parts of a multipart, and gives the media type of the first. `None` if there is no
    /// part.
    fn multipart(
        &mut self,
        body: &[u8],
        boundary: Option<&str>,
        default: &str,
        place: Place<'_>,
    ) -> Option<Option<String>> {
        let mut parts = Parts::new(body, boundary.unwrap_or_default().as_bytes());
        let mut part = parts.next();
        if part.is_none() {
            parts = Parts::new(body, guess_boundary(body)?);
            part = parts.next();
            if part.is_some() {
                self.note(MailNoteKind::BoundaryGuessed, place);
            }
        }
        part?;
        if place.depth >= self.limits.depth {
            self.note_once(MailNoteKind::DepthCut, place);
            return Some(None);
        }
        let mut first = None;
        let mut number = 0_usize;
        while let Some(octets) = part {
            number += 1;
            let path = place.path.child(number);
            let child = Place { path: &path, depth: place.depth + 1, ..place };
            if self.parts >= self.limits.parts {
                self.note_once(MailNoteKind::PartsCut, child);
                break;
            }
            let head = Head::read(octets, self.limits.header);
            let kinds = self.entity(octets, &head, default, child);
            if number == 1 {
                first = kinds.own;
            }
            part = parts.next();
        }
        if parts.is_open() {
            self.note(MailNoteKind::MultipartOpen, place);
        }
        Some(first)
    }

    fn forwarded(&mut self, body: &[u8], transfer: Transfer, place: Place<'_>) {
        if place.depth >= self.limits.depth {
            self.note_once(MailNoteKind::DepthCut, place);
        } else if self.mail.messages.len() >= self.limits.messages {
            self.note_once(MailNoteKind::MessagesCut, place);
        } else {
            let octets = transfer.decode(body);
            let keep = |octets: &[u8]| Cow::Owned(octets.to_vec());
            let head = Head::read(&octets, self.limits.header);
            self.message(&octets, &head, keep, Some(place.message), place.path, place.depth + 1);
        }
    }

    fn leaf(&mut self, body: &[u8], declared: &Declared, place: Place<'_>) {
        let promise = declared.promise();
        let decoded = declared.transfer.decode(body);
        let Some((octets, note)) = find_report(body, decoded, declared.transfer, promise) else {
            return;
        };
        let medium = Medium::of(&octets);
        if promise == Promise::Other && medium == Some(Medium::Json) && !names_a_report(&octets) {
            return;
        }
        if self.mail.reports.len() >= self.limits.reports {
            self.note_once(MailNoteKind::ReportsCut, place);
            return;
        }
        let Declared { media_type, name, .. } = declared;
        let Place { message, path, .. } = place;
        match Payloads::read_on(&octets, &self.limits.payload, &mut self.unpacked) {
            Ok(found) => {
                self.note_part(declared, promise, medium, place);
                note.into_iter().for_each(|kind| self.note(kind, place));
                for note in found.notes {
                    self.note(MailNoteKind::Payload(note), place);
                }
                for report in found.reports {
                    if self.mail.reports.len() >= self.limits.reports {
                        self.note_once(MailNoteKind::ReportsCut, place);
                        break;
                    }
                    self.mail.reports.push(MailPayload {
                        json: report.json,
                        layers: report.layers,
                        message,
                        part: path.clone(),
                        media_type: media_type.clone(),
                        name: report.name.or_else(|| name.clone()),
                    });
                }
            }
            // Documents of office programs are zip archives.
            Err(error) if promise == Promise::Other && !error.kind.is_limit() => {}
            Err(error) => self.mail.refusals.push(RefusedPart {
                message,
                part: path.clone(),
                media_type: media_type.clone(),
                name: name.clone(),
                error,
            }),
        }
    }

    /// What departs from RFC 8460 section 5.3 in what a part with a report says of itself.
    fn note_part(
        &mut self,
        declared: &Declared,
        promise: Promise,
        medium: Option<Medium>,
        place: Place<'_>,
    ) {
        let registered = match declared.media_type.as_deref() {
            Some("application/tlsrpt+json") => Some(Medium::Json),
            Some("application/tlsrpt+gzip") => Some(Medium::Gzip),
            _ => None,
        };
        match registered {
            None => self.note(MailNoteKind::MediaTypeOther, place),
            Some(_) if registered != medium => self.note(MailNoteKind::MediaTypeWrong, place),
            Some(_) => {}
        }
        if matches!(promise, Promise::Unknown | Promise::Other) {
            self.note(MailNoteKind::FoundByContent, place);
        }
    }

    fn note(&mut self, kind: MailNoteKind, place: Place<'_>) {
        if self.mail.notes.len() < ReportMail::MAX_NOTES {
            let Place { message, path, .. } = place;
            self.mail.notes.push(MailNote { kind, message, part: path.clone() });
        }
    }

    /// Notes what limits the whole mail, for which there is always room.
    fn note_once(&mut self, kind: MailNoteKind, place: Place<'_>) {
        if !self.mail.notes.iter().any(|note| note.kind == kind) {
            self.mail.notes.truncate(ReportMail::MAX_NOTES - 1);
            self.note(kind, place);
        }
    }
}

impl Declared {
    fn promise(&self) -> Promise {
        let kind = self.media_type.as_deref().unwrap_or_default();
        if kind.starts_with("application/tlsrpt") {
            return Promise::Report;
        }
        let name = self.name.as_deref().unwrap_or_default().to_ascii_lowercase();
        let has_ending =
            [".json", ".gz", ".gzip", ".zip", ".tlsrpt"].iter().any(|end| name.ends_with(end));
        match kind {
            "application/json"
            | "text/json"
            | "application/gzip"
            | "application/x-gzip"
            | "application/zip"
            | "application/x-zip-compressed" => Promise::Perhaps,
            _ if has_ending => Promise::Perhaps,
            "application/octet-stream" => Promise::Unknown,
            _ => Promise::Other,
        }
    }
}

/// The octets in which a report is to be looked for, and what was wrong with their encoding. `None`
/// if there can be none, and none is promised.
fn find_report<'b>(
    body: &'b [u8],
    decoded: Cow<'b, [u8]>,
    transfer: Transfer,
    promise: Promise,
) -> Option<(Cow<'b, [u8]>, Option<MailNoteKind>)> {
    // Base64 has no brace, and quoted-printable of anything packed is full of signs.
    if Medium::of(&decoded).is_some() {
        return Some((decoded, None));
    }
    let is_promised = matches!(promise, Promise::Report | Promise::Perhaps);
    if transfer != Transfer::Identity && Medium::of(body).is_some() {
        return Some((Cow::Borrowed(body), Some(MailNoteKind::TransferEncodingWrong)));
    }
    if transfer != Transfer::Base64 && (is_promised || is_packed_base64(body)) {
        let octets = Transfer::Base64.decode(body);
        if Medium::of(&octets).is_some() {
            return Some((octets, Some(MailNoteKind::Base64Undeclared)));
        }
    }
    is_promised.then_some((decoded, None))
}

/// Whether JSON in a part that promises none has a key of reports near its beginning.
fn names_a_report(octets: &[u8]) -> bool {
    const LOOKED_AT: usize = 4096;
    const KEYS: [&[u8]; 3] = [b"\"organization-name\"", b"\"policies\"", b"\"report-id\""];

    let start = octets.get(..LOOKED_AT).unwrap_or(octets);
    KEYS.iter().any(|key| start.windows(key.len()).any(|window| window == *key))
}

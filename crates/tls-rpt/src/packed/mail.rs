//! A mail with a report (RFC 8460 section 5.3).

use data_encoding::BASE64;
use jiff::Timestamp;

use super::{MessageId, PackedReport};
use crate::MailAddress;

/// What a mail says beside its report.
#[derive(Debug, Clone, Copy)]
pub struct MailHead<'a> {
    /// Who sends it. Signatures should be by its domain.
    pub from: &'a MailAddress,
    /// Where it goes.
    pub to: &'a MailAddress,
    /// When it was written.
    pub date: Timestamp,
    /// Its own id; two mails with the same report to two addresses have two.
    pub message_id: &'a MessageId,
    /// What it is sent for.
    pub purpose: Purpose,
}

/// What a mail is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Purpose {
    /// To report.
    #[default]
    Report,
    /// To try out whether reports arrive; the human part says so.
    Trial,
}

/// A mail, ready to be signed and sent. All lines end with CRLF, are of US-ASCII and have at most 998
/// octets without their end, so that any server takes it and none has to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposedMail(Vec<u8>);

impl ComposedMail {
    /// What is to be signed, and sent.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The mail with one more field before it: a signature, with its line end.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# Reports sent via SMTP MUST contain a valid
    //# DomainKeys Identified Mail (DKIM) [RFC6376] signature by the
    //# reporting domain.
    pub fn with_signature(&self, field: &str) -> Self {
        Self([field.as_bytes(), &self.0].concat())
    }

    /// The octets.
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }
}

impl PackedReport {
    /// The mail with this report.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
    //# These
    //# message header fields MUST be included and should allow for easy
    //# searching for all reports submitted by a reporting domain or a
    //# particular submitter
    pub fn mail(&self, head: &MailHead<'_>) -> ComposedMail {
        let boundary = format!("=_tlsrpt_{}", self.unique());
        let MailHead { from, to, message_id, .. } = head;
        let (about, submitter) = (self.about(), self.submitter());
        // The case of the subject's words is part of its grammar. `TLS-Required: No` (RFC 8689
        // section 5) has servers on the way deliver it whatever policies say of TLS;
        // `Auto-Submitted` (RFC 3834 section 5) has programs not answer it.
        let header = format!(
            "From: {from}\r\n\
             To: {to}\r\n\
             Subject: Report Domain: {about}\r\n Submitter: {submitter}\r\n Report-ID: <{id}>\r\n\
             Date: {date}\r\n\
             Message-ID: <{message_id}>\r\n\
             TLS-Report-Domain: {about}\r\n\
             TLS-Report-Submitter: {submitter}\r\n\
             TLS-Required: No\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n \
             boundary=\"{boundary}\"\r\n\
             \r\n",
            id = self.id(),
            date = head.date.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        );
        let human = format!(
            "--{boundary}\r\n\
             Content-Type: text/plain; charset=us-ascii\r\n\
             Content-Transfer-Encoding: 7bit\r\n\
             \r\n\
             {}\r\n",
            self.human(head.purpose),
        );
        let machine = format!(
            "--{boundary}\r\n\
             Content-Type: {media_type};\r\n name=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment;\r\n filename=\"{name}\"\r\n\
             \r\n\
             {content}\
             --{boundary}--\r\n",
            media_type = Self::MEDIA_TYPE,
            name = self.file_name(),
            content = base64_lines(self.gzip()),
        );
        ComposedMail([header, human, machine].concat().into_bytes())
    }

    /// The part for people, with a line end at its end. It is made of names, numbers and an address.
    fn human(&self, purpose: Purpose) -> String {
        let time = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let opening = match purpose {
            Purpose::Report => "This is a TLS report (RFC 8460): how mail was delivered to you.",
            Purpose::Trial => {
                "This is a test: somebody tries out whether TLS reports (RFC 8460) arrive.\r\n\
                 It counts no real session, so it changes no figure of yours."
            }
        };
        format!(
            "{opening}\r\n\
             \r\n\
             About:     {about}\r\n\
             From:      {submitter}\r\n\
             Begins:    {start}\r\n\
             Ends:      {end}\r\n\
             Sessions with the TLS that was wanted:    {successful}\r\n\
             Sessions without it:                      {failed}\r\n\
             \r\n\
             The attached file has the details: JSON, compressed with gzip.\r\n\
             Questions:\r\n\
             {contact}\r\n",
            about = self.about(),
            submitter = self.submitter(),
            start = time(self.start),
            end = time(self.end),
            successful = self.totals.successful,
            failed = self.totals.failed,
            contact = self.contact,
        )
    }
}

/// Base64 on lines of 76 characters (RFC 2045 section 6.8), each with its end.
fn base64_lines(octets: &[u8]) -> String {
    const OCTETS_A_LINE: usize = 57;
    let mut text = String::with_capacity(octets.len() / 57 * 78 + 80);
    for line in octets.chunks(OCTETS_A_LINE) {
        BASE64.encode_append(line, &mut text);
        text.push_str("\r\n");
    }
    text
}

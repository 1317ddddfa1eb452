//! The mails that reports come in.

use data_encoding::BASE64;
use flate2::{Compression, GzBuilder};
use jiff::{Timestamp, tz::Offset};
use sha2::{Digest as _, Sha256};

use super::Reporter;
use super::account::Account;
use super::json::{Written, dotted};
use super::sign::{Draft, hexadecimal};

/// Gzip data as it is sent at a time: each time another, as the time is in it.
#[expect(clippy::expect_used, reason = "writing to memory does not fail")]
pub(super) fn packed(json: &[u8], at: i64) -> Vec<u8> {
    let time = u32::try_from(at).unwrap_or(0);
    let mut writer = GzBuilder::new().mtime(time).write(Vec::new(), Compression::default());
    let done = std::io::Write::write_all(&mut writer, json).and_then(|()| writer.finish());
    done.expect("invariant: writing to memory does not fail")
}

/// The mail with a report, sent at a time in seconds since 1970.
pub(super) fn draft(account: &Account, written: &Written, at: i64) -> Draft {
    let mail = Mail { account, written, at };
    match account.reporter {
        Reporter::Google => mail.google(),
        Reporter::Microsoft => mail.microsoft(),
        Reporter::MailRu => mail.mail_ru(),
        Reporter::Stalwart => mail.stalwart(),
        Reporter::Postfix | Reporter::PostfixTwin => mail.postfix(),
    }
}

struct Mail<'a> {
    account: &'a Account,
    written: &'a Written,
    at: i64,
}

impl Mail<'_> {
    /// Its subject has another id than its report.
    fn google(&self) -> Draft {
        let domain = self.account.domain.name;
        let name = self.file_name("google.com", "!001");
        let boundary = format!("000000000000{}", self.unique(16));
        let subject = format!(
            "Report Domain: {domain} Submitter: like-google.test Report-ID: <{}+{domain}@like-google.test>",
            dotted(self.account.begins)
        );
        Draft {
            fields: vec![
                ("Date", self.date(-7)),
                ("TLS-Report-Domain", domain.to_owned()),
                ("TLS-Report-Submitter", "like-google.test".to_owned()),
                (
                    "Message-ID",
                    format!(
                        "<{}.050a0220.{}dtls@like-google.test>",
                        self.unique(8),
                        self.unique(5)
                    ),
                ),
                ("Subject", subject),
                ("From", self.from()),
                ("To", self.account.domain.report_to.to_owned()),
                (
                    "Content-Type",
                    format!("multipart/report; boundary=\"{boundary}\"; report-type=tlsrpt"),
                ),
                ("MIME-Version", "1.0".to_owned()),
            ],
            body: format!(
                "--{boundary}\r\n\
                 Content-Type: text/plain; charset=\"UTF-8\"; format=flowed; delsp=yes\r\n\r\n\
                 This is an aggregate TLS report from google.com\r\n\r\n\
                 --{boundary}\r\n\
                 Content-Type: application/tlsrpt+gzip; \r\n\tname=\"{name}\"\r\n\
                 Content-Disposition: attachment; \r\n\tfilename=\"{name}\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--{boundary}--\r\n",
                self.base64()
            ),
        }
    }

    /// The first part is HTML, and the message's id is one of the recipient's domain.
    fn microsoft(&self) -> Draft {
        let domain = self.account.domain.name;
        let id = &self.written.report_id;
        let number = id.split('+').next().unwrap_or(id);
        let name = self.file_name("microsoft.com", &format!("!{number}"));
        let boundary = format!("_{}_", self.unique(32));
        let to = self.account.domain.report_to;
        Draft {
            fields: vec![
                ("From", format!("<{}>", self.from())),
                ("To", format!("\"{to}\" <{to}>")),
                ("Date", self.date(0)),
                (
                    "Subject",
                    format!(
                        "Report Domain: {domain} Submitter: like-microsoft.test Report-ID:\r\n {id}"
                    ),
                ),
                ("TLS-Report-Domain", domain.to_owned()),
                ("TLS-Report-Submitter", "like-microsoft.test".to_owned()),
                ("MIME-Version", "1.0".to_owned()),
                ("Message-ID", format!("<{number}+{domain}.{}@{domain}>", self.unique(4))),
                (
                    "Content-Type",
                    format!("multipart/report;\r\n\tboundary=\"{boundary}\"; report-type=tlsrpt"),
                ),
            ],
            body: format!(
                "--{boundary}\r\n\
                 Content-Type: text/html; charset=\"us-ascii\"\r\n\
                 Content-Transfer-Encoding: quoted-printable\r\n\r\n\
                 <html>\r\n<body>\r\n\
                 <div>This is an aggregate TLS report from microsoft.com</div>\r\n <br>\r\n\
                 <p class=3D\"x\">Privacy=\r\n Statement</p>\r\n</body>\r\n</html>\r\n\r\n\
                 --{boundary}\r\n\
                 Content-Type: application/tlsrpt+gzip\r\n\
                 Content-Description:\r\n {name}\r\n\
                 Content-Disposition: attachment;\r\n\tfilename=\"{name}\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--{boundary}--\r\n",
                self.base64()
            ),
        }
    }

    fn mail_ru(&self) -> Draft {
        let domain = self.account.domain.name;
        let id = &self.written.report_id;
        let boundary = self.unique(60);
        let name = self.file_name("mail.ru", "!1");
        let mut fields = self.plain_fields(3, &format!("<{id}>"));
        fields.push((
            "Content-Type",
            format!("multipart/report; report-type=\"tlsrpt\";\r\n boundary={boundary}"),
        ));
        Draft {
            fields,
            body: format!(
                "--{boundary}\r\n\
                 Content-Transfer-Encoding: quoted-printable\r\n\
                 Content-Type: text/plain; charset=UTF-8\r\n\r\n\
                 This is an aggregate TLS report from Mail.ru on {domain}\r\n\
                 --{boundary}\r\n\
                 Content-Disposition: attachment; filename=\"{name}\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\
                 Content-Type: application/tlsrpt+gzip; name=\"{name}\"\r\n\r\n{}\
                 --{boundary}--\r\n",
                self.base64()
            ),
        }
    }

    fn stalwart(&self) -> Draft {
        let domain = self.account.domain.name;
        let boundary = format!("{}_1", self.unique(28));
        let name = self.file_name(self.account.reporter.domain(), "");
        // Now and then it is not packed, and of a type that is none.
        let is_plain = self.unique(1).as_str() < "4";
        let (media, name, data) = if is_plain {
            let name = name.trim_end_matches(".gz").to_owned();
            ("application/tlsrpt", name, lines_of(&self.written.json))
        } else {
            ("application/tlsrpt+gzip", name, self.base64())
        };
        let mut fields = self.plain_fields(0, &format!("<{}>", self.written.report_id));
        fields.push(("Auto-Submitted", "auto-generated".to_owned()));
        fields.push((
            "Content-Type",
            format!("multipart/report; report-type=\"tlsrpt\"; \r\n\tboundary=\"{boundary}\""),
        ));
        Draft {
            fields,
            body: format!(
                "--{boundary}\r\n\
                 Content-Type: text/plain; charset=\"utf-8\"\r\n\
                 Content-Transfer-Encoding: 7bit\r\n\r\n\
                 TLS report from like-stalwart.test for {domain}\r\n\r\n\
                 --{boundary}\r\n\
                 Content-Type: {media}\r\n\
                 Content-Disposition: attachment; filename=\"{name}\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{data}\r\n--{boundary}--\r\n"
            ),
        }
    }

    fn postfix(&self) -> Draft {
        let boundary = format!("==============={}==", self.unique(19));
        let reporter = self.account.reporter.domain();
        let name = self.file_name(reporter, "!1");
        let mut fields =
            self.plain_fields(0, &format!("\r\n <{}@{reporter}>", self.written.report_id));
        fields.push(("TLS-Required", "No".to_owned()));
        fields.push((
            "Content-Type",
            format!("multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"{boundary}\""),
        ));
        Draft {
            fields,
            body: format!(
                "--{boundary}\r\n\
                 Content-Type: text/plain; charset=\"us-ascii\"\r\n\
                 Content-Transfer-Encoding: 7bit\r\n\r\n\
                 This is an aggregate TLS report from Example Inc.\r\n\r\n\
                 --{boundary}\r\n\
                 Content-Type: application/tlsrpt+gzip\r\n\
                 Content-Transfer-Encoding: base64\r\n\
                 Content-Disposition: attachment;\r\n filename=\"{name}\"\r\n\
                 MIME-Version: 1.0\r\n\r\n{}\r\n--{boundary}--\r\n",
                self.base64()
            ),
        }
    }

    /// What stands in the header of most, with the id in the subject.
    fn plain_fields(&self, offset: i8, id: &str) -> Vec<(&'static str, String)> {
        let (domain, reporter) = (self.account.domain.name, self.account.reporter);
        // Who sets no other name has that of the organisation in place of the domain.
        let submitter = match reporter {
            Reporter::PostfixTwin => reporter.organisation(),
            _ => reporter.domain(),
        };
        vec![
            ("Subject", format!("Report Domain: {domain} Submitter: {submitter} Report-ID: {id}")),
            ("From", self.from()),
            ("To", self.account.domain.report_to.to_owned()),
            ("Date", self.date(offset)),
            ("Message-ID", format!("<{}@{}>", self.unique(24), reporter.domain())),
            ("TLS-Report-Domain", domain.to_owned()),
            ("TLS-Report-Submitter", submitter.to_owned()),
            ("MIME-Version", "1.0".to_owned()),
        ]
    }

    fn from(&self) -> String {
        format!("{}@{}", self.account.reporter.mailbox(), self.account.reporter.domain())
    }

    /// RFC 8460 §5.1.
    fn file_name(&self, submitter: &str, unique: &str) -> String {
        let Account { domain, begins, ends, .. } = self.account;
        format!("{submitter}!{}!{begins}!{}{unique}.json.gz", domain.name, ends - 1)
    }

    /// The report, packed.
    fn base64(&self) -> String {
        lines_of(&packed(&self.written.json, self.at))
    }

    /// As RFC 5322 §3.3 writes it, in hours from UTC.
    fn date(&self, offset: i8) -> String {
        let Ok(time) = Timestamp::from_second(self.at) else { return String::new() };
        let offset = Offset::constant(offset);
        let hours = offset.seconds() / 3600;
        let sign = if hours < 0 { '-' } else { '+' };
        let local = offset.to_datetime(time).strftime("%a, %d %b %Y %H:%M:%S");
        format!("{local} {sign}{:02}00", hours.abs())
    }

    /// Digits that no other mail has.
    fn unique(&self, length: usize) -> String {
        let name = format!("{} {} {length}", self.written.report_id, self.at);
        let digest = Sha256::digest(name + self.account.reporter.domain());
        let digits = hexadecimal(&digest);
        digits.get(..length.min(64)).unwrap_or_default().to_owned()
    }
}

/// Base64 in lines of 76, as RFC 2045 §6.8 wants them.
fn lines_of(octets: &[u8]) -> String {
    let text = BASE64.encode(octets);
    let lines = text.as_bytes().chunks(76).map(String::from_utf8_lossy);
    lines.map(|line| format!("{line}\r\n")).collect()
}

//! The mail that brings a report (RFC 8460 §5.3), without a DKIM signature: no key is in DNS.

use data_encoding::BASE64;
use jiff::tz::TimeZone;

use crate::{random::Random, report::Report, reporters::Habits};

/// The length of a line of base64 (RFC 2045 §6.8).
const LINE: usize = 76;

pub fn write(report: &Report, gzip: &[u8], random: &mut Random) -> Vec<u8> {
    let Report { reporter, domain, day, id, .. } = report;
    let sender = reporter.domain;
    let sent = day.tomorrow().unwrap_or(*day).at(3, random.below(60) as i8, 12, 0);
    let sent = sent.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let tag = format!("{:016x}{:016x}", random.next(), random.next());
    let boundary = format!("=_{tag}");
    let message_id = match reporter.habits {
        // In the domain of the recipient.
        Habits::Microsoft => format!("{tag}+{domain}@{domain}"),
        _ => format!("{tag}@{sender}"),
    };
    let (text_type, text) = match reporter.habits {
        Habits::Microsoft => (
            "text/html; charset=\"utf-8\"",
            format!(
                "<html><body><p>This is an aggregate TLS report from {sender}.</p></body></html>"
            ),
        ),
        _ => (
            "text/plain; charset=\"UTF-8\"",
            format!("This is an aggregate TLS report from {sender}"),
        ),
    };
    let start = day.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_second());
    let end = start + 86_399;
    let name = format!("{sender}!{domain}!{start}!{end}!001.json.gz");

    let mut mail = String::with_capacity(gzip.len() * 3 / 2 + 3_000);
    for line in [
        format!("Return-Path: <tlsrpt-noreply@{sender}>"),
        format!("Received: from mx1.{domain} (mx1.{domain} [203.0.113.7])"),
        format!("\tby store.{domain} with LMTP id {}", &tag[..12]),
        format!("\tfor <tls-reports@{domain}>; {sent}"),
        format!("Received: from out-7.{sender} (out-7.{sender} [198.51.100.7])"),
        "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))".to_owned(),
        format!("\tby mx1.{domain} with ESMTPS id {}", &tag[12..24]),
        format!("\tfor <tls-reports@{domain}>; {sent}"),
        format!("From: {} <tlsrpt-noreply@{sender}>", reporter.organisation),
        format!("To: tls-reports@{domain}"),
        format!("Date: {sent}"),
        format!("Subject: Report Domain: {domain} Submitter: {sender} Report-ID: <{id}>"),
        format!("Message-ID: <{message_id}>"),
        format!("TLS-Report-Domain: {domain}"),
        format!("TLS-Report-Submitter: {sender}"),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: multipart/report; report-type=\"tlsrpt\";".to_owned(),
        format!("\tboundary=\"{boundary}\""),
        String::new(),
        format!("--{boundary}"),
        format!("Content-Type: {text_type}"),
        String::new(),
        text,
        String::new(),
        format!("--{boundary}"),
        format!("Content-Type: application/tlsrpt+gzip; name=\"{name}\""),
        format!("Content-Disposition: attachment; filename=\"{name}\""),
        "Content-Transfer-Encoding: base64".to_owned(),
        String::new(),
    ] {
        mail += &line;
        mail += "\r\n";
    }
    // A line is whole groups of three octets.
    for line in gzip.chunks(LINE / 4 * 3) {
        BASE64.encode_append(line, &mut mail);
        mail += "\r\n";
    }
    mail += &format!("--{boundary}--\r\n");
    mail.into_bytes()
}

//! How reports are packed, well and badly.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc, GzBuilder};
use tls_rpt::{
    Layer, PayloadError, PayloadErrorKind, PayloadLimits, PayloadNote, Payloads, Resemblance,
};

pub(crate) fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(octets).unwrap();
    packer.finish().unwrap()
}

/// How an entry of a zip archive is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Stored,
    Deflated,
    /// Deflated, with checksum and lengths after the data.
    Described,
    /// As described, without the signature that most write.
    DescribedBare,
    Encrypted,
    Bzip2,
}

pub(crate) fn zip(entries: &[(&str, &[u8], Entry)]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (name, content, entry) in entries {
        let data = match entry {
            Entry::Stored => content.to_vec(),
            _ => {
                let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
                packer.write_all(content).unwrap();
                packer.finish().unwrap()
            }
        };
        let (flags, method) = match entry {
            Entry::Stored => (0_u16, 0_u16),
            Entry::Deflated => (0, 8),
            Entry::Described | Entry::DescribedBare => (8, 8),
            Entry::Encrypted => (1, 8),
            Entry::Bzip2 => (0, 12),
        };
        let is_described = flags & 8 != 0;
        let mut crc = Crc::new();
        crc.update(content);
        let mut numbers = Vec::new();
        for number in [crc.sum(), data.len() as u32, content.len() as u32] {
            numbers.extend(number.to_le_bytes());
        }
        octets.extend(b"PK\x03\x04\x14\x00");
        octets.extend(flags.to_le_bytes());
        octets.extend(method.to_le_bytes());
        octets.extend([0; 4]);
        octets.extend(if is_described { vec![0; 12] } else { numbers.clone() });
        octets.extend((name.len() as u16).to_le_bytes());
        octets.extend([0; 2]);
        octets.extend(name.as_bytes());
        octets.extend(data);
        if is_described {
            octets.extend(if *entry == Entry::Described { &b"PK\x07\x08"[..] } else { b"" });
            octets.extend(numbers);
        }
    }
    // A directory is not read: its first signature is enough, and the end record.
    if !entries.is_empty() {
        octets.extend(b"PK\x01\x02");
    }
    octets.extend(b"PK\x05\x06");
    octets.extend([0; 18]);
    octets
}

/// Octets of the trailer of gzip data.
const TRAILER: usize = 8;

fn good(octets: &[u8], reports: &[&str], notes: &[&str]) {
    let found = Payloads::read(octets, &PayloadLimits::default()).unwrap();
    let json: Vec<String> =
        found.reports.iter().map(|r| String::from_utf8(r.json.clone()).unwrap()).collect();
    assert_eq!(json, reports);
    let codes: Vec<&str> = found.notes.iter().map(PayloadNote::code).collect();
    assert_eq!(codes, notes);
}

fn error(octets: &[u8]) -> PayloadError {
    Payloads::read(octets, &PayloadLimits::default()).unwrap_err()
}

fn bad(octets: &[u8], kind: PayloadErrorKind) {
    assert_eq!(error(octets).kind, kind, "{}", octets.escape_ascii());
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.2
//= type=test
//# The report SHOULD be subjected to gzip [RFC1952] compression for both
//# email and HTTPS transport.
#[test]
fn gzip_is_read_to_its_last_member() {
    good(&gzip(b"{}"), &["{}"], &[]);
    good(&gzip(b" \r\n[{}]"), &[" \r\n[{}]"], &[]); // an array is for the reader of reports
    let halves = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
    good(&halves, &["{\"a\":1}"], &["gzip-members"]);
    let two = [gzip(b"{\"a\":1}\n"), gzip(b"{\"b\":2}")].concat();
    good(&two, &["{\"a\":1}\n", "{\"b\":2}"], &["gzip-members"]);
    let empty_first = [gzip(b""), gzip(b"{}")].concat();
    good(&empty_first, &["{}"], &["gzip-members"]);
    good(&[gzip(b"{}"), b"\0\0\0".to_vec()].concat(), &["{}"], &["gzip-trailing"]);
    // What only looks like one more member, and one that was cut off.
    good(&[gzip(b"{}"), b"\x1f\x8bjunk".to_vec()].concat(), &["{}"], &["gzip-refused"]);
    let two = [gzip(b"{\"a\":1}"), gzip(b"{\"b\":2}")].concat();
    good(two.get(..two.len() - 9).unwrap(), &["{\"a\":1}"], &["gzip-refused"]);
    good(&gzip(&gzip(b"{}")), &["{}"], &["double-gzip"]);
    good(&gzip(b"\xEF\xBB\xBF{}"), &["{}"], &["byte-order-mark"]);
    good(b"{\0\"\0a\0\"\0:\x001\0}\0", &["{\"a\":1}"], &["utf-16"]);
    good(b"\xFE\xFF\0{\0}", &["{}"], &["utf-16"]);
}

/// Short data and long are unpacked by different decoders.
#[test]
fn long_gzip_is_read_as_short_is() {
    let json = format!("{{\"a\":\"{}\"}}", "0123456789".repeat(10_000));
    let mut packer = GzEncoder::new(Vec::new(), Compression::none());
    packer.write_all(json.as_bytes()).unwrap();
    let long = packer.finish().unwrap();
    good(&long, &[&json], &[]);
    good(&[long.clone(), gzip(b"{}")].concat(), &[&json, "{}"], &["gzip-members"]);
    good(&[gzip(b"{}"), long.clone()].concat(), &["{}", &json], &["gzip-members"]);
    good(&[long.clone(), b"\0\0".to_vec()].concat(), &[&json], &["gzip-trailing"]);
    good(long.get(..long.len() - 1).unwrap(), &[&json], &["gzip-trailer"]);
    bad(long.get(..long.len() - 9).unwrap(), PayloadErrorKind::GzipTruncated);
}

#[test]
fn gzip_that_is_not_whole_is_refused() {
    let whole = gzip(b"{\"organization-name\":\"a long enough name to be cut\"}");
    for length in 2..whole.len() - TRAILER {
        bad(whole.get(..length).unwrap(), PayloadErrorKind::GzipTruncated);
        // What is read next does not suffer from it.
        good(&gzip(b"{\"a\":1}"), &["{\"a\":1}"], &[]);
    }
    // The second half of a report that has lost it.
    let halves = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
    let error = error(halves.get(..halves.len() - TRAILER - 1).unwrap());
    assert_eq!(error.kind, PayloadErrorKind::GzipTruncated);
    assert_eq!(error.layers, [Layer::Gzip(1)]);
    assert_eq!(error.offset, gzip(b"{\"a\":").len());
}

/// Whole reports lay in quarantine because of eight octets after them.
#[test]
fn gzip_that_is_whole_but_for_its_trailer_is_read() {
    let json = "{\"organization-name\":\"a long enough name to be cut\"}";
    let whole = gzip(json.as_bytes());
    let ends = whole.len() - TRAILER;
    for length in ends..whole.len() {
        good(whole.get(..length).unwrap(), &[json], &["gzip-trailer"]);
    }
    // Counts may have been changed as well as the checksum.
    for index in ends..ends + 4 {
        let mut changed = whole.clone();
        changed[index] ^= 1;
        bad(&changed, PayloadErrorKind::GzipCorrupt);
        bad(changed.get(..index + 1).unwrap(), PayloadErrorKind::GzipTruncated);
    }
    for index in ends + 4..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 1; // the length
        good(&changed, &[json], &["gzip-trailer"]);
        // What follows is not lost with it.
        changed.extend(gzip(b"{}"));
        good(&changed, &[json, "{}"], &["gzip-members", "gzip-trailer"]);
    }
    for length in ends..whole.len() {
        let cut = [whole.get(..length).unwrap(), &gzip(b"{}")].concat();
        good(&cut, &[json, "{}"], &["gzip-members", "gzip-trailer"]);
    }
    let twice = gzip(whole.get(..ends).unwrap());
    good(&twice, &[json], &["double-gzip", "gzip-trailer"]);
}

/// It is unpacked twice, and must not count twice, nor pass a limit.
#[test]
fn gzip_without_its_trailer_keeps_to_the_limits() {
    let json = format!("{{\"a\":\"{}\"}}", "0123456789".repeat(10_000));
    let whole = gzip(json.as_bytes());
    let cut = whole.get(..whole.len() - 1).unwrap();
    let read = |unpacked: usize| {
        let mut limits = PayloadLimits::default();
        limits.unpacked = unpacked;
        Payloads::read(cut, &limits).map(|found| found.reports.len())
    };
    assert_eq!(read(json.len()), Ok(1));
    let limit = json.len() - 1;
    let kind = read(limit).unwrap_err().kind;
    assert_eq!(kind, PayloadErrorKind::TooLargeUnpacked { limit });
}

#[test]
fn names_come_from_the_innermost_layer() {
    let mut packer = GzBuilder::new().filename("inner.json").write(Vec::new(), Compression::best());
    packer.write_all(b"{}").unwrap();
    let gzip_with_name = packer.finish().unwrap();
    let octets = zip(&[
        ("outer.json.gz", &gzip_with_name, Entry::Stored),
        ("b.json", b"[]", Entry::Deflated),
    ]);
    let found = Payloads::read(&octets, &PayloadLimits::default()).unwrap();
    let names: Vec<_> = found.reports.iter().map(|report| report.name.as_deref()).collect();
    assert_eq!(names, [Some("inner.json"), Some("b.json")]);
    assert_eq!(found.reports[0].layers, [Layer::Zip(1), Layer::Gzip(1)]);
    assert_eq!(found.reports[1].layers, [Layer::Zip(2)]);
}

#[test]
fn zip_archives_are_read_entry_by_entry() {
    for entry in [Entry::Stored, Entry::Deflated, Entry::Described, Entry::DescribedBare] {
        good(&zip(&[("a.json", b"{}", entry)]), &["{}"], &["zip"]);
        let two = zip(&[("a.json", b"{\"a\":1}", entry), ("b.json", b"{\"b\":2}", entry)]);
        good(&two, &["{\"a\":1}", "{\"b\":2}"], &["zip"]);
        let beside = zip(&[
            ("__MACOSX/._a.json", b"\0\x05\x16", entry),
            ("a/", b"", entry),
            ("a/a.json", b"{}", entry),
        ]);
        good(&beside, &["{}"], &["zip", "zip-passed-over", "zip-passed-over"]);
        let mut junk = b"MZ this is no header".to_vec();
        junk.extend(zip(&[("a.json", b"{}", entry)]));
        good(&junk, &["{}"], &["zip", "zip-junk"]);
    }
    good(&zip(&[("a.json.gz", &gzip(b"{}"), Entry::Stored)]), &["{}"], &["zip"]);
    good(&gzip(&zip(&[("a.json", b"{}", Entry::Deflated)])), &["{}"], &["zip"]);
    // One entry that is no report does not cost the other.
    let mixed = zip(&[("read.me", b"hello", Entry::Deflated), ("a.json", b"{}", Entry::Deflated)]);
    good(&mixed, &["{}"], &["zip", "zip-refused"]);
    let mixed = zip(&[("a.json", b"{}", Entry::Bzip2), ("b.json", b"[]", Entry::Deflated)]);
    good(&mixed, &["[]"], &["zip", "zip-refused"]);
}

#[test]
fn zip_archives_without_a_report_say_why() {
    bad(&zip(&[]), PayloadErrorKind::ZipEmpty { entries: 0 });
    bad(&zip(&[("a/", b"", Entry::Stored)]), PayloadErrorKind::ZipEmpty { entries: 1 });
    bad(&zip(&[("a.json", b"{}", Entry::Encrypted)]), PayloadErrorKind::ZipEncrypted);
    bad(&zip(&[("a.json", b"{}", Entry::Bzip2)]), PayloadErrorKind::ZipMethod { method: 12 });
    let text = zip(&[("a.txt", b"hello", Entry::Stored)]);
    bad(&text, PayloadErrorKind::NoReport { resemblance: Resemblance::Text });
    let mut stored = zip(&[("a.json", b"{\"a\":1}", Entry::Stored)]);
    let brace = stored.iter().position(|octet| *octet == b'{').unwrap();
    stored[brace + 2] = b'b';
    bad(&stored, PayloadErrorKind::ZipCorrupt);
    let whole = zip(&[("a.json", b"{\"a\":1}", Entry::Stored)]);
    bad(whole.get(..brace + 3).unwrap(), PayloadErrorKind::ZipTruncated);
    let dmarc = zip(&[("a.xml", b"<?xml version=\"1.0\"?><feedback/>", Entry::Deflated)]);
    let error = error(&dmarc);
    assert_eq!(
        error.to_string(),
        "this is XML, as DMARC reports are: a TLS report is a JSON object, plain or packed with \
         gzip (at octet 0 of zip entry 1)"
    );
}

#[test]
fn what_is_no_report_is_told_by_what_it_is() {
    let bad = |octets: &[u8], resemblance| bad(octets, PayloadErrorKind::NoReport { resemblance });
    bad(b"hello", Resemblance::Text);
    bad(b"\"a string is JSON, and no report\"", Resemblance::Text);
    bad(b"  <!DOCTYPE html><html>", Resemblance::Html);
    bad(b"\xEF\xBB\xBF<?xml version=\"1.0\"?>", Resemblance::Xml);
    bad(b"\x89PNG\r\n\x1a\n", Resemblance::Binary);
    bad(b"BZh91AY&SY\x00", Resemblance::Binary);
    bad(&[b' '; 100], Resemblance::Text);
    assert_eq!(error(b"").kind, PayloadErrorKind::Empty);
    assert_eq!(
        error(&gzip(b"")).kind,
        PayloadErrorKind::NoReport { resemblance: Resemblance::Text }
    );
}

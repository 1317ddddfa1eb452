//! RFC 6698 §2.2: the presentation format.

use dane::{TlsaRecord, TlsaTextError};

use crate::fixture::text;

#[track_caller]
fn good(input: &str, expected: &str) {
    let record = text(input);
    assert_eq!(record.to_string(), expected);
    assert_eq!(expected.parse(), Ok(record));
}

#[track_caller]
fn bad(input: &str, expected: &str) {
    let message = TlsaRecord::parse(input).unwrap_err().to_string();
    assert!(message.contains(expected), "{input:?}: {message:?} lacks {expected:?}");
    assert!(message.len() < 250, "{message:?} is long");
}

//= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
//= type=test
//# The certificate association data field MUST be represented as a
//# string of hexadecimal characters.  Whitespace is allowed within
//# the string of hexadecimal characters, as described in [RFC1035].
#[test]
fn records_as_people_write_them() {
    good("3 1 1 ab12", "3 1 1 ab12");
    good("3 1 1 AB12", "3 1 1 ab12");
    good("  3\t1  1 a b1\n 2\r\n", "3 1 1 ab12");
    good("003 01 1 00", "3 1 1 00");
    good("255 255 255 ff", "255 255 255 ff");
    good("3 1 1", "3 1 1"); // read, and unusable
}

//= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
//= type=test
//# The certificate usage field MUST be represented as an 8-bit
//# unsigned integer.
//= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
//= type=test
//# The selector field MUST be represented as an 8-bit unsigned
//# integer.
//= https://www.rfc-editor.org/rfc/rfc6698#section-2.2
//= type=test
//# The matching type field MUST be represented as an 8-bit unsigned
//# integer.
#[test]
fn a_refused_text_says_what_to_write() {
    bad("", "the usage is missing");
    bad("3", "the selector is missing");
    bad("3 1", "the matching type is missing");
    bad("256 1 1 00", "the usage is `256`: it must be a number from 0 to 255");
    bad("3 -1 1 00", "the selector is `-1`");
    bad("3 1 +1 00", "the matching type is `+1`");
    bad("DANE-EE 1 1 00", "the usage is `DANE-EE`");
    bad("_25._tcp.mx.example.com. IN TLSA 3 1 1 00", "write only what follows TLSA");
    bad("3 1 1 0", "1 hexadecimal digits, an odd number");
    bad("3 1 1 00 0", "an odd number");
    bad("3 1 1 0x00", "'x' is no hexadecimal digit");
    bad("3 1 1 ab:cd", "':' is no hexadecimal digit");
    bad("3 1 1 äß", "'ä' is no hexadecimal digit");
    bad("3 1 1 ( 00 )", "parentheses belong to zone files");
    bad("3 1 1 \u{1b}[31m", "'\\u{1b}' is no hexadecimal digit");
    bad(&"9".repeat(10_000), "…`: it must be a number");
    bad("\u{1b}[31m 1 1 00", "`\\u{1b}[31m`");
}

#[test]
fn length_is_bounded() {
    let longest = format!("3 1 0 {}", "00".repeat(65_532));
    assert_eq!(text(&longest).association().len(), 65_532);
    bad(&format!("{longest}00"), "DNS allows 65535");
    let endless = format!("3 1 0 {}", " ".repeat(1_000_000));
    assert_eq!(TlsaRecord::parse(&endless), Err(TlsaTextError::TooLong { bytes: 1_000_006 }));
}

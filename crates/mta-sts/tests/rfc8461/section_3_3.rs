//! RFC 8461 §3.3: what of HTTPS policy fetching concerns the text.

use mta_sts::{MaxAge, Mode, MxPattern, Policy, PolicyDefectKind as Kind, PolicyError};

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# A suggested timeout is
//# one minute, and a suggested maximum policy size is 64 kilobytes;
//# Policy Hosts SHOULD respond to requests with a complete policy body
//# within that timeout and size limit.
#[test]
fn larger_policies_are_neither_read_nor_made() {
    let mut body = b"version: STSv1\nmode: none\nmax_age: 1\nx: ".to_vec();
    body.resize(65_536, b'y');
    assert!(Policy::parse(&body).is_ok());
    body.push(b'y');
    let reading = Policy::read(&body);
    assert_eq!(reading.defects.len(), 1);
    assert_eq!(reading.defects[0].kind, Kind::TooLarge);
    assert_eq!(reading.defects[0].span.range(), 65_536..65_537);
    assert!(reading.policy().is_err());

    let patterns = |count| {
        (0..count).map(|number| MxPattern::parse(&format!("mx{number}.example.com")).unwrap())
    };
    let policy = Policy::new(Mode::Enforce, MaxAge::MAX, patterns(2_000)).unwrap();
    assert_eq!(Policy::parse(policy.to_string().as_bytes()), Ok(policy));
    let refused = Policy::new(Mode::Enforce, MaxAge::MAX, patterns(4_000));
    assert!(matches!(refused, Err(PolicyError::TooLarge { size }) if size > 65_536));
}

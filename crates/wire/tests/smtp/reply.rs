//! RFC 5321 section 4.2: replies.

use sealpost_wire::smtp::{EnhancedCode, Limits, Reply, ReplyError, ReplyOddity, ReplyReader};

/// Octets that are one reply.
fn good(octets: &[u8], code: u16, lines: &[&str]) -> Reply {
    let mut reader = ReplyReader::new(Limits::default());
    let reply = match reader.push(octets) {
        Ok(Some(reply)) => reply,
        other => panic!("{} gave {other:?}", octets.escape_ascii()),
    };
    assert_eq!(reply.code, code);
    assert_eq!(reply.lines, lines);
    assert_eq!(reader.surplus(), b"");
    reply
}

/// Octets that are no reply; the reader stays at the same error.
fn bad(octets: &[u8], error: ReplyError) {
    let mut reader = ReplyReader::new(Limits::default());
    assert_eq!(reader.push(octets), Err(error.clone()), "of {}", octets.escape_ascii());
    assert_eq!(reader.push(b"220 fine\r\n"), Err(error));
    assert_eq!(reader.surplus(), b"");
}

fn no_reply(line: &str) -> ReplyError {
    ReplyError::NotAReply { line: line.to_owned() }
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.2
//= type=test
//# Reply-line     = *( Reply-code "-" [ textstring ] CRLF )
//# Reply-code [ SP textstring ] CRLF
#[test]
fn replies() {
    good(b"220 mx.example ESMTP\r\n", 220, &["mx.example ESMTP"]);
    good(b"250-mx.example\r\n250-\r\n250 SIZE 1\r\n", 250, &["mx.example", "", "SIZE 1"]);
    good(b"250-a\r\n250\r\n", 250, &["a", ""]);
    good(b"220  two spaces\r\n", 220, &[" two spaces"]);
    good(b"599 the last code\r\n", 599, &["the last code"]);
    good(b"200 the first code\r\n", 200, &["the first code"]);
    assert_eq!(good(b"250-a\r\n250 b\r\n", 250, &["a", "b"]).oddities, []);
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.2
//= type=test
//# clients that do not
//# receive it SHOULD be prepared to process the code alone (with or
//# without a trailing space character).
#[test]
fn a_code_alone() {
    good(b"220\r\n", 220, &[""]);
    good(b"220 \r\n", 220, &[""]);
}

#[test]
fn oddities_are_noted_once() {
    use ReplyOddity::{BareCarriageReturn, BareLineFeed, LongLine, UnprintableOctet};
    assert_eq!(good(b"250-a\n250-b\n250 c\r\n", 250, &["a", "b", "c"]).oddities, [BareLineFeed]);
    assert_eq!(good(b"220 a\rb\r\n", 220, &["a\\rb"]).oddities, [BareCarriageReturn]);
    assert_eq!(good(b"220 a\tb\r\n", 220, &["a\\tb"]).oddities, []);
    assert_eq!(
        good(b"220 \x1b[2J\xc3\xa9\0\r\n", 220, &["\\x1b[2J\\xc3\\xa9\\x00"]).oddities,
        [UnprintableOctet]
    );
    let (fits, long) = ("x".repeat(506), "x".repeat(507));
    assert_eq!(good(format!("220 {fits}\r\n").as_bytes(), 220, &[&fits]).oddities, []);
    assert_eq!(good(format!("220 {long}\r\n").as_bytes(), 220, &[&long]).oddities, [LongLine]);
}

#[test]
fn what_is_no_reply() {
    bad(b"SSH-2.0-server\r\n", no_reply("SSH-2.0-server"));
    bad(b"\r\n", no_reply(""));
    bad(b"22\r\n", no_reply("22"));
    bad(b" 220 x\r\n", no_reply(" 220 x"));
    bad(b"220x\r\n", no_reply("220x"));
    bad(b"2200 x\r\n", no_reply("2200 x"));
    bad(b"220\tx\r\n", no_reply("220\\tx"));
    bad(b"+20 x\r\n", no_reply("+20 x"));
    bad(b"\x16\x03\x01\n", no_reply("\\x16\\x03\\x01"));
    bad(format!("{}\r\n", "y".repeat(81)).as_bytes(), no_reply(&("y".repeat(80) + "…")));
    bad(b"250-a\r\n220 b\r\n", ReplyError::CodeChanged { first: 250, then: 220 });
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.2
//= type=test
//# Clients that receive such out-of-range codes SHOULD normally
//# treat them as fatal errors and terminate the mail transaction.
#[test]
fn codes_out_of_range() {
    for code in [0, 100, 199, 600, 999] {
        bad(format!("{code:03} x\r\n").as_bytes(), ReplyError::CodeOutOfRange { code });
    }
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.5
//= type=test
//# The maximum total length of a reply line including the reply code and
//# the <CRLF> is 512 octets.
#[test]
fn limits() {
    let Limits { line, lines, octets } = Limits::default();
    assert!(line >= 512);
    let of_length = |length: usize| format!("220 {}\r\n", "x".repeat(length - 6));
    assert!(ReplyReader::new(Limits::default()).push(of_length(line).as_bytes()).is_ok());
    bad(of_length(line + 1).as_bytes(), ReplyError::LineTooLong { limit: line });
    bad("2".repeat(line).as_bytes(), ReplyError::LineTooLong { limit: line }); // no end in sight

    let of_lines = |count: usize| "250-x\r\n".repeat(count - 1) + "250 x\r\n";
    assert!(ReplyReader::new(Limits::default()).push(of_lines(lines).as_bytes()).is_ok());
    bad(of_lines(lines + 1).as_bytes(), ReplyError::TooManyLines { limit: lines });

    let long_line = of_length(line).replace("220 ", "220-");
    bad(long_line.repeat(octets / line + 1).as_bytes(), ReplyError::ReplyTooLong { limit: octets });
    let fits = long_line.repeat(octets / line - 1) + &of_length(line);
    assert_eq!(fits.len(), octets);
    let reply = ReplyReader::new(Limits::default()).push(fits.as_bytes());
    assert!(reply.is_ok_and(|reply| reply.is_some()));
}

#[test]
fn surplus_is_kept() {
    let mut reader = ReplyReader::new(Limits::default());
    assert_eq!(reader.push(b"220 a\r\n250 b\r\n25").map(|r| r.map(|r| r.code)), Ok(Some(220)));
    assert_eq!(reader.surplus(), b"250 b\r\n25");
    assert_eq!(reader.push(b"").map(|r| r.map(|r| r.code)), Ok(Some(250)));
    assert_eq!(reader.surplus(), b"25");
    assert_eq!(reader.push(b"0-c\r"), Ok(None));
    assert_eq!(reader.incomplete(), None);
    assert_eq!(reader.push(b"\n"), Ok(None));
    assert_eq!(reader.incomplete().map(|reply| reply.lines.clone()), Some(vec!["c".to_owned()]));
    assert_eq!(reader.push(b"250 d\r\n").map(|r| r.map(|r| r.lines.len())), Ok(Some(2)));
    assert_eq!(reader.incomplete(), None);
}

#[test]
fn classes_and_enhanced_codes() {
    let reply = |text: &str| Reply {
        code: text.get(..3).and_then(|code| code.parse().ok()).unwrap(),
        lines: vec![text.get(4..).unwrap().to_owned()],
        oddities: Vec::new(),
    };
    let classes = |text: &str| {
        let reply = reply(text);
        (reply.is_positive(), reply.is_transient(), reply.is_permanent())
    };
    assert_eq!(classes("299 x"), (true, false, false));
    assert_eq!(classes("354 x"), (false, false, false));
    assert_eq!(classes("454 x"), (false, true, false));
    assert_eq!(classes("550 x"), (false, false, true));

    let code = |class, subject, detail| Some(EnhancedCode { class, subject, detail });
    assert_eq!(reply("554 5.7.1 no").enhanced_code(), code(5, 7, 1));
    assert_eq!(reply("220 2.0.0").enhanced_code(), code(2, 0, 0));
    assert_eq!(reply("454 4.7.999 no").enhanced_code(), code(4, 7, 999));
    for none in
        ["554 4.7.1 no", "554 5.7 no", "554 5.7.1.1 no", "554 5.7.1x", "554 5.7.1000", "554 5..1"]
    {
        assert_eq!(reply(none).enhanced_code(), None, "of {none}");
    }
    assert_eq!(reply("554 5.7.1 no").to_string(), "554 5.7.1 no");
    assert_eq!(good(b"250-a\r\n250-\r\n250 b\r\n", 250, &["a", "", "b"]).to_string(), "250 a / b");
}

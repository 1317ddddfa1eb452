use proptest::prelude::*;
use sealpost_wire::smtp::server::{BeginAnswer, Delivery, Ended, Limits};

use crate::harness::{Caller, receipt, smtp, with_limits};

/// The message that comes of these octets behind DATA, if they end it and nothing is behind them.
fn message(octets: &[u8]) -> Option<Result<Vec<u8>, String>> {
    let mut caller = Caller::in_data(smtp());
    caller.octets(octets);
    if caller.session.is_in_message() {
        return None;
    }
    let answer = caller.heard();
    Some(caller.messages.pop().map_or(Err(answer), |message| Ok(message.octets)))
}

#[track_caller]
fn good(octets: &str, expected: &str) {
    assert_eq!(message(octets.as_bytes()), Some(Ok(expected.as_bytes().to_vec())), "{octets:?}");
}

#[track_caller]
fn bad(octets: &str, expected: &str) {
    match message(octets.as_bytes()) {
        Some(Err(answer)) => assert!(answer.starts_with(expected), "{octets:?}: {answer}"),
        other => panic!("{octets:?}: {other:?}"),
    }
}

#[track_caller]
fn unfinished(octets: &str) {
    assert_eq!(message(octets.as_bytes()), None, "{octets:?}");
}

#[test]
fn dots() {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
    //= type=test
    //# When a line of mail text is received by the SMTP server, it checks
    //# the line.  If the line is composed of a single period, it is
    //# treated as the end of mail indicator.  If the first character is a
    //# period and there are other characters on the line, the first
    //# character is deleted.
    good(".\r\n", "");
    good("\r\n.\r\n", "\r\n");
    good("a\r\n.\r\n", "a\r\n");
    good("..\r\n.\r\n", ".\r\n");
    good("...\r\n.\r\n", "..\r\n");
    good(".a\r\n.\r\n", "a\r\n"); // not doubled by the client, and deleted all the same
    good("a.\r\n.\r\n", "a.\r\n");
    good("a\r\n..b\r\nc..\r\n.\r\n", "a\r\n.b\r\nc..\r\n");
    good("\0\x7f\t é\r\n.\r\n", "\0\x7f\t é\r\n"); // any octets
    unfinished("");
    unfinished("a\r\n");
    unfinished(".\r");
    unfinished("a.\r\n");
    unfinished("..\r\n");
}

#[test]
fn only_one_sequence_ends_a_message() {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.4
    //= type=test
    //# In particular, the sequence "<LF>.<LF>" (bare line
    //# feeds, without carriage returns) MUST NOT be treated as equivalent to
    //# <CRLF>.<CRLF> as the end of mail data indication.
    for smuggled in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r\n.\r",
        "\r.\r\n",
        "\r\n.\r\r\n",
        "\n\r.\r\n",
        ".\n",
        ".\r\r\n",
        "\r\n.\n\r\n",
        "\0.\r\n",
        "\r\r\n.\n",
    ] {
        let octets =
            format!("a{smuggled}MAIL FROM:<evil@b.example>\r\nRCPT TO:<tls@mx.example>\r\n");
        unfinished(&octets);
        if smuggled == "\0.\r\n" {
            good(&format!("{octets}.\r\n"), &octets); // no line end in it but the right one
        } else {
            bad(&format!("{octets}.\r\n"), "550 5.6.0 the message has a bare CR or LF");
        }
    }
}

#[test]
fn bare_line_ends_are_refused_after_the_whole_message() {
    const BARE: &str = "550 5.6.0 the message has a bare CR or LF";
    bad("a\nb\r\n.\r\n", BARE);
    bad("a\rb\r\n.\r\n", BARE);
    bad("a\r\r\n.\r\n", BARE);
    bad("\n\r\n.\r\n", BARE);
    bad(".\rx\r\n.\r\n", BARE);
    bad(".\n\r\n.\r\n", BARE);
    let mut caller = Caller::in_data(smtp());
    caller.octets(b"a\nb\r\n.\r\nNOOP\r\n");
    assert_eq!(caller.sent.lines().count(), 2);
    assert!(caller.sent.ends_with("250 2.0.0 done\r\n"), "the session goes on");
}

fn small() -> Limits {
    let (message_octets, excess_octets, text_line_octets) = (100, 200, 20);
    Limits { message_octets, excess_octets, text_line_octets, ..Limits::default() }
}

#[test]
fn size_is_counted_without_dots_and_the_end() {
    let line = "..3456789\r\n"; // ten octets
    let mut caller = Caller::in_data(with_limits(small()));
    caller.octets(format!("{}.\r\n", line.repeat(10)).as_bytes());
    assert_eq!(caller.heard(), "250 2.6.0 stored");
    assert_eq!(caller.messages[0].octets.len(), 100);

    let mut caller = Caller::in_data(with_limits(small()));
    caller.octets(format!("{}x\r\n.\r\nNOOP\r\n", line.repeat(10)).as_bytes());
    let expected = "552 5.3.4 the message is larger than SIZE allows\r\n250 2.0.0 done";
    assert_eq!(caller.heard(), expected, "the rest was read, and the session goes on");
    assert_eq!(caller.messages.len(), 0);
}

#[test]
fn memory_stays_within_the_limit() {
    let limits = Limits { message_octets: 10_000, excess_octets: 1 << 30, ..Limits::default() };
    let mut caller = Caller::in_data(with_limits(limits));
    let mut most = 0;
    for _ in 0..10_000 {
        caller.octets(b"0123456789012345678901234567890123456789\r\n");
        most = most.max(caller.session.held_octets());
    }
    assert!((5_000..=10_000).contains(&most), "{most}");
    assert_eq!(caller.session.held_octets(), 0);
    caller.say(".");
    assert_eq!(caller.heard(), "552 5.3.4 the message is larger than SIZE allows");
}

#[test]
fn a_message_without_end_ends_the_session() {
    let mut caller = Caller::in_data(with_limits(small()));
    caller.octets(&b"12345678\r\n".repeat(30));
    assert!(!caller.is_closed);
    caller.octets(b"1");
    assert!(caller.is_closed);
    assert!(caller.heard().starts_with("552 5.3.4 "));
    assert_eq!(caller.ended(), Some(Ended::Flood));
}

#[test]
fn long_lines_are_taken_up_to_a_bound() {
    let mut caller = Caller::in_data(with_limits(small()));
    caller.octets(b"x\r\n12345678901234567890\r\n.\r\n");
    assert_eq!(caller.heard(), "250 2.6.0 stored");
    let mut caller = Caller::in_data(with_limits(small()));
    caller.octets(b"x\r\n123456789012345678901\r\n.\r\n");
    assert!(caller.heard().starts_with("550 5.6.0 a line of the message"));
    let mut caller = Caller::in_data(smtp());
    caller.octets(&[&vec![b'x'; 1 << 20][..], b"\r\n.\r\n"].concat());
    assert_eq!(caller.heard(), "250 2.6.0 stored");
}

#[test]
fn a_message_is_acknowledged_as_the_caller_says() {
    for (delivery, expected) in [
        (Delivery::Stored(None), "250 2.6.0 stored"),
        (receipt("3f2a-b_9"), "250 2.6.0 stored as 3f2a-b_9"),
        (Delivery::Later, "451 4.3.0 not stored, try again later"),
        (Delivery::Full, "452 4.3.1 no room to store it, try again later"),
        (Delivery::Unacceptable, "554 5.6.0 the message cannot be used"),
        (Delivery::NotWanted, "550 5.7.1 the message is not wanted"),
    ] {
        let mut caller = Caller::in_data(smtp());
        caller.delivery = delivery;
        assert_eq!(caller.ask("."), expected);
        assert_eq!(caller.ask("MAIL FROM:<>"), "250 2.1.0 sender noted", "a new transaction");
    }
}

#[test]
fn a_message_is_only_asked_for_when_there_is_room() {
    for (answer, expected) in [
        (BeginAnswer::Busy, "452 4.3.1 too much mail at once, try again later"),
        (BeginAnswer::Later, "451 4.3.0 not now, try again later"),
    ] {
        let mut caller = Caller::before_data(smtp());
        caller.begin = answer;
        assert_eq!(caller.ask("DATA"), expected);
        assert_eq!(caller.ask("NOOP"), "250 2.0.0 done");

        // Whoever sends the message without being asked has it read as commands otherwise.
        let mut caller = Caller::before_data(smtp());
        caller.begin = answer;
        caller.octets(b"DATA\r\nMAIL FROM:<evil@b.example>\r\n.\r\n");
        let expected =
            format!("{expected}\r\n421 4.5.0 mx.example the message came before it was asked for");
        assert_eq!(caller.heard(), expected);
        assert_eq!((caller.is_closed, caller.ended()), (true, Some(Ended::Foreign)));
    }
}

#[test]
fn a_message_can_be_given_up_on_the_way() {
    let mut caller = Caller::in_data(smtp());
    caller.octets(b"one\r\n");
    assert!(caller.session.held_octets() > 0);
    caller.session.give_up_message();
    assert_eq!(caller.session.held_octets(), 0);
    caller.octets(b"two\r\n");
    assert_eq!(caller.session.held_octets(), 0);
    assert_eq!(caller.ask("."), "452 4.3.1 too much mail at once, try again later");
    assert_eq!(caller.messages.len(), 0);
    assert_eq!(caller.ask("MAIL FROM:<>"), "250 2.1.0 sender noted");
}

/// RFC 5321 section 4.5.2 word for word, on a whole: the naive second model. It gives the message,
/// or that it has bare line ends, and how many octets are behind its end.
fn naive(octets: &[u8]) -> Option<(Result<Vec<u8>, ()>, usize)> {
    let mut message = Vec::new();
    let mut rest = octets;
    loop {
        let length = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, behind) = rest.split_at(length);
        rest = behind.strip_prefix(b"\r\n")?;
        match line {
            b"." => break,
            [b'.', line @ ..] | line => message.push(line.to_vec()),
        }
    }
    let is_bare = message.iter().flatten().any(|octet| matches!(octet, b'\r' | b'\n'));
    let whole = message.iter().flat_map(|line| [line.as_slice(), b"\r\n"].concat()).collect();
    Some((if is_bare { Err(()) } else { Ok(whole) }, rest.len()))
}

/// What the client does (RFC 5321 section 4.5.2).
fn stuffed(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = Vec::new();
    for line in lines {
        if line.first() == Some(&b'.') {
            octets.push(b'.');
        }
        octets.extend_from_slice(line);
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b".\r\n");
    octets
}

proptest! {
    #[test]
    fn the_naive_model_agrees(
        octets in prop::collection::vec(prop::sample::select(&b".\r\n\0ax"[..]), 0..40),
        tail in prop::sample::select(&["", "\r\n.\r\n"][..]),
    ) {
        let octets = [&octets[..], tail.as_bytes()].concat();
        let mut caller = Caller::in_data(smtp());
        let Some((expected, behind)) = naive(&octets) else {
            caller.octets(&octets);
            prop_assert!(caller.session.is_in_message(), "{:?}", octets);
            prop_assert_eq!(caller.heard(), "");
            return Ok(());
        };
        // A session reads on behind the end; the model does not.
        caller.octets(&octets[..octets.len() - behind]);
        prop_assert!(!caller.session.is_in_message(), "{:?}", octets);
        prop_assert_eq!(caller.sent.lines().count(), 1, "it ended before: {:?}", octets);
        match expected {
            Ok(expected) => prop_assert_eq!(&caller.messages[0].octets, &expected),
            Err(()) => {
                prop_assert!(caller.messages.is_empty());
                prop_assert!(caller.sent.starts_with("550 5.6.0 "), "{}", caller.sent);
            }
        }
    }

    #[test]
    fn what_a_client_stuffs_comes_out_as_it_was(
        lines in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    any::<u8>()
                        .prop_filter("a line has no line end", |b| !matches!(b, b'\r' | b'\n')),
                    Just(b'.'),
                ],
                0..12,
            ),
            0..12,
        ),
    ) {
        let expected: Vec<u8> =
            lines.iter().flat_map(|line| [line.as_slice(), b"\r\n"].concat()).collect();
        prop_assert_eq!(message(&stuffed(&lines)), Some(Ok(expected)));
    }
}

use proptest::prelude::*;

use super::*;

const FROM: &str = "From a@example.com Thu Nov 26 18:07:32 2026\n";

fn split(text: &[u8], limit: usize) -> Vec<MboxMessage> {
    let mut mbox = Mbox::new(text, limit);
    let mut messages = Vec::new();
    while let Some(message) = mbox.next_message().unwrap() {
        messages.push(message);
    }
    messages
}

fn good(text: &str, messages: &[&str]) {
    let text = text.replace("{FROM}", FROM);
    let expected: Vec<MboxMessage> =
        messages.iter().map(|message| MboxMessage::Whole(message.as_bytes().to_vec())).collect();
    assert_eq!(split(text.as_bytes(), 1000), expected, "{text:?}");
}

#[test]
fn messages_are_parted_at_their_first_lines() {
    good("", &[]);
    good("{FROM}", &[""]);
    good("{FROM}A: 1\n\nbody\n", &["A: 1\n\nbody\n"]); // the last one has no empty line behind it
    good("{FROM}A: 1\n\nbody\n\n", &["A: 1\n\nbody\n"]); // or it has
    good("{FROM}A: 1\n\nx\n\n{FROM}A: 2\n\ny\n\n", &["A: 1\n\nx\n", "A: 2\n\ny\n"]);
    good("{FROM}A: 1\n\n{FROM}A: 2\n", &["A: 1\n", "A: 2\n"]); // a message of a header only
    good("{FROM}A: 1\n\nx\n{FROM}y\n", &[&format!("A: 1\n\nx\n{FROM}y\n")]); // no empty line
    good("{FROM}A: 1\n\n\nFrom here on all is well\n", &["A: 1\n\n\nFrom here on all is well\n"]);
    good("{FROM}A: 1\n\n>From x\n>>From y\n> z\n", &["A: 1\n\nFrom x\n>From y\n> z\n"]);
    good("{FROM}A: 1\r\n\r\nx\r\n\r\n{FROM}A: 2\r\n", &["A: 1\r\n\r\nx\r\n", "A: 2\r\n"]);
    good("junk\n\n{FROM}A: 1\n", &["A: 1\n"]); // what stands before the first is passed over
    good("From MAILER-DAEMON Thu Nov 26 18:07:32 2026\nA: 1\n", &["A: 1\n"]);
    good("From x@example.com Thu Nov 26 18:07:32 +0100 2026\nA: 1\n", &["A: 1\n"]);
    good("From x@example.com Thu Nov 26 8:07 2026\nA: 1\n", &["A: 1\n"]);
}

#[test]
fn what_is_too_long_is_passed_over_and_the_rest_read() {
    let long = "x".repeat(200_000);
    let text = format!("{FROM}A: 1\n\n{long}\n\n{FROM}A: 2\n");
    let expected = [MboxMessage::TooLong, MboxMessage::Whole(b"A: 2\n".to_vec())];
    assert_eq!(split(text.as_bytes(), 1000), expected);
    assert_eq!(split(text.as_bytes(), 300_000).len(), 2);
}

proptest! {
    #[test]
    fn whatever_is_quoted_comes_back(
        bodies in prop::collection::vec("(x\n|\n|From [a-z]{1,3} 10:00 2026\n|>From \n|>>From\n){1,6}", 0..5)
    ) {
        let mut text = String::new();
        for body in &bodies {
            text.push_str(FROM);
            for line in body.split_inclusive('\n') {
                if line.trim_start_matches('>').starts_with("From ") {
                    text.push('>');
                }
                text.push_str(line);
            }
            text.push('\n');
        }
        let expected: Vec<MboxMessage> =
            bodies.iter().map(|body| MboxMessage::Whole(body.clone().into_bytes())).collect();
        prop_assert_eq!(split(text.as_bytes(), 1000), expected);
    }

    #[test]
    fn it_does_not_matter_how_much_a_read_gives(
        text in "(From a b 1:2 2026\n|\r?\n|>From \n|xyz|\n){0,30}",
        capacity in 1_usize..100,
        limit in 1_usize..60,
    ) {
        let mut mbox = Mbox::new(std::io::BufReader::with_capacity(capacity, text.as_bytes()), limit);
        let mut messages = Vec::new();
        while let Some(message) = mbox.next_message().unwrap() {
            messages.push(message);
        }
        prop_assert_eq!(messages, split(text.as_bytes(), limit));
    }

    #[test]
    fn any_octets_are_read_within_the_limit(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
        for message in split(&octets, 100) {
            if let MboxMessage::Whole(message) = message {
                prop_assert!(message.len() <= 100);
            }
        }
        is_mbox(&octets);
    }
}

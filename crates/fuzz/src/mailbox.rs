//! The target for mailbox files: what is read lies within the limit and within the file, however the
//! file comes in, and can be written again.

use std::io::{BufRead, BufReader};

use sealpost_receive::{Mbox, MboxMessage, is_mbox};

/// Mailbox files.
pub fn mailbox_file(octets: &[u8]) {
    let most = octets.len();
    for limit in [most, 200] {
        let messages = read(octets, limit);
        let mut whole = 0;
        for message in &messages {
            if let MboxMessage::Whole(message) = message {
                assert!(message.len() <= limit);
                whole += message.len();
            }
        }
        assert!(whole <= most);
        // Whatever a read gives at a time.
        for capacity in [1, 7, 64] {
            assert!(read(BufReader::with_capacity(capacity, octets), limit) == messages);
        }
    }
    let messages = read(octets, most);
    if is_mbox(octets) {
        assert!(!messages.is_empty());
    }
    let mut written = Vec::new();
    let mut expected = Vec::new();
    for message in messages {
        let MboxMessage::Whole(message) = message else { panic!("it is longer than the file") };
        // The last may have no end, and of nothing there is no line before the empty one.
        if message.ends_with(b"\n") {
            written.extend_from_slice(b"From a@example.com Thu Nov 26 18:07:32 2026\n");
            for line in message.split_inclusive(|octet| *octet == b'\n') {
                let quotes = line.iter().take_while(|octet| **octet == b'>').count();
                if line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From ")) {
                    written.push(b'>');
                }
                written.extend_from_slice(line);
            }
            written.push(b'\n');
            expected.push(MboxMessage::Whole(message));
        }
    }
    assert!(read(written.as_slice(), written.len()) == expected, "written again");
}

fn read(input: impl BufRead, limit: usize) -> Vec<MboxMessage> {
    let mut mailbox = Mbox::new(input, limit);
    let mut messages = Vec::new();
    loop {
        match mailbox.next_message() {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return messages,
            Err(error) => panic!("memory cannot fail: {error}"),
        }
    }
}

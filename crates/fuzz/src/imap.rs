//! Target for IMAP: the cut of the octets makes no difference, and all that is kept is bounded.

use sealpost_wire::imap::{ReaderLimits, Response, ResponseReader, TooMuch, Unreadable};

/// What a server says. The first octet says how the others are cut.
pub fn imap_response(octets: &[u8]) {
    let Some((length, octets)) = octets.split_first() else { return };
    let small = ReaderLimits { line: 64, literals: 32 };
    for limits in [ReaderLimits { line: 4096, literals: 4096 }, small] {
        let whole = responses(&[octets], limits);
        let pieces: Vec<&[u8]> = octets.chunks(usize::from(*length).max(1)).collect();
        assert_eq!(responses(&pieces, limits), whole);
        for response in whole.0.iter().flatten() {
            match response {
                Response::Status { text, .. } | Response::GoOn(text) => {
                    assert!(text.chars().count() <= 200 && !text.contains(char::is_control));
                }
                Response::Fetch(fetched) => {
                    assert_ne!(fetched.uid, Some(0));
                    let octets = fetched.body.as_ref().map_or(0, Vec::len);
                    assert!(octets <= limits.literals.max(limits.line));
                }
                _ => {}
            }
        }
    }
}

type Responses = (Vec<Result<Response, Unreadable>>, Option<TooMuch>);

fn responses(pieces: &[&[u8]], limits: ReaderLimits) -> Responses {
    let (mut reader, mut found) = (ResponseReader::new(limits), Vec::new());
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next_response() {
                Ok(Some(raw)) => found.push(Response::read(raw)),
                Ok(None) => break,
                Err(too_much) => return (found, Some(too_much)),
            }
        }
    }
    (found, None)
}

//! Replies that are to be sent.

use std::sync::Arc;

/// How much room is kept for the next replies, in octets: one long reply shall not cost memory as long
/// as the connection lives.
const KEPT_CAPACITY: usize = 1_024;

/// Replies that are to be sent together. A single one that was made before is not even copied.
#[derive(Debug, Default)]
pub(super) struct Pile {
    /// It comes before what is written.
    ready: Option<Arc<[u8]>>,
    written: Vec<u8>,
}

impl Pile {
    /// Adds a reply that was made before.
    pub(super) fn add(&mut self, reply: Arc<[u8]>) {
        if self.ready.is_none() && self.written.is_empty() {
            self.ready = Some(reply);
        } else {
            self.end().extend_from_slice(&reply);
        }
    }

    /// Where the next reply is written.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        if let Some(ready) = self.ready.take() {
            self.written.extend_from_slice(&ready);
        }
        &mut self.written
    }

    /// All of it.
    pub(super) fn octets(&self) -> &[u8] {
        self.ready.as_deref().unwrap_or(&self.written)
    }

    /// It has been sent.
    pub(super) fn clear(&mut self) {
        self.ready = None;
        self.written.clear();
        self.written.shrink_to(KEPT_CAPACITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_stay_in_their_order() {
        let mut pile = Pile::default();
        assert_eq!(pile.octets(), b"");
        pile.add((*b"a").into());
        assert_eq!(pile.octets(), b"a");
        pile.add((*b"b").into());
        pile.end().push(b'c');
        pile.add((*b"d").into());
        assert_eq!(pile.octets(), b"abcd");
        pile.clear();
        assert_eq!(pile.octets(), b"");
        pile.end().push(b'e');
        pile.add((*b"f").into());
        assert_eq!(pile.octets(), b"ef");
    }
}

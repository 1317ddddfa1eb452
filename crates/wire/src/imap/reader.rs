//! Octets of a server, cut into responses.

/// How much of one response is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderLimits {
    /// Octets of its lines, without what stands in literals.
    pub line: usize,
    /// Octets of its literals, all together.
    pub literals: usize,
}

/// The most literals in one response.
const MOST_LITERALS: usize = 64;

/// A response is larger than is taken. The connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooMuch {
    /// Its lines.
    #[error("a response of the server is longer than {0} octets")]
    Line(usize),
    /// What it announces in literals.
    #[error("the server announces more than {0} octets in one response")]
    Literals(usize),
    /// The number of literals.
    #[error("the server sends more than {MOST_LITERALS} literals in one response")]
    Count,
}

/// One response: text, literal, text, and so on. It begins and ends with text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    pub(super) texts: Vec<Vec<u8>>,
    pub(super) literals: Vec<Vec<u8>>,
}

/// Cuts what a server says into responses. It keeps no more than one response and what was pushed
/// beyond its end, and no memory is set aside for what is only announced.
#[derive(Debug)]
pub struct ResponseReader {
    limits: ReaderLimits,
    pending: Vec<u8>,
    /// Octets at the front of `pending` in which there is no end of a line.
    searched: usize,
    /// What is still to come of a literal.
    wanted: Option<usize>,
    line_octets: usize,
    literal_octets: usize,
    texts: Vec<Vec<u8>>,
    literals: Vec<Vec<u8>>,
}

impl ResponseReader {
    /// A reader that takes no more than this.
    pub fn new(limits: ReaderLimits) -> Self {
        Self {
            limits,
            pending: Vec::new(),
            searched: 0,
            wanted: None,
            line_octets: 0,
            literal_octets: 0,
            texts: Vec::new(),
            literals: Vec::new(),
        }
    }

    /// Takes octets that came.
    pub fn push(&mut self, octets: &[u8]) {
        self.pending.extend_from_slice(octets);
    }

    /// The next response; `None` if more has to come first.
    ///
    /// # Errors
    ///
    /// [`TooMuch`]; then nothing that follows can be understood.
    pub fn next_response(&mut self) -> Result<Option<RawResponse>, TooMuch> {
        loop {
            if let Some(wanted) = self.wanted {
                if self.pending.len() < wanted {
                    return Ok(None);
                }
                let rest = self.pending.split_off(wanted);
                self.literals.push(std::mem::replace(&mut self.pending, rest));
                self.wanted = None;
            }
            let Some(line) = self.line()? else { return Ok(None) };
            let announced = if self.may_have_literals(&line) { announced(&line) } else { None };
            self.texts.push(line);
            match announced {
                None => {
                    let texts = std::mem::take(&mut self.texts);
                    let literals = std::mem::take(&mut self.literals);
                    (self.line_octets, self.literal_octets) = (0, 0);
                    return Ok(Some(RawResponse { texts, literals }));
                }
                Some(octets) => {
                    if self.literals.len() >= MOST_LITERALS {
                        return Err(TooMuch::Count);
                    }
                    self.literal_octets = self.literal_octets.saturating_add(octets);
                    if self.literal_octets > self.limits.literals {
                        return Err(TooMuch::Literals(self.limits.literals));
                    }
                    self.wanted = Some(octets);
                }
            }
        }
    }

    /// Whether nothing came beyond the last response. Before a TLS handshake that must be so: what
    /// was sent in plain text could have come from anybody (RFC 3501 §6.2.1).
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.texts.is_empty()
    }

    /// The next line without its end.
    fn line(&mut self) -> Result<Option<Vec<u8>>, TooMuch> {
        let unsearched = self.pending.get(self.searched..).unwrap_or_default();
        let Some(length) = unsearched.iter().position(|octet| *octet == b'\n') else {
            self.searched = self.pending.len();
            // A CR may be half of its end.
            let end = usize::from(self.pending.last() == Some(&b'\r'));
            let length = self.searched.saturating_sub(end);
            return if self.line_octets.saturating_add(length) > self.limits.line {
                Err(TooMuch::Line(self.limits.line))
            } else {
                Ok(None)
            };
        };
        let end = self.searched.saturating_add(length).saturating_add(1);
        let rest = self.pending.split_off(end);
        let mut line = std::mem::replace(&mut self.pending, rest);
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.line_octets = self.line_octets.saturating_add(line.len());
        if self.line_octets > self.limits.line {
            return Err(TooMuch::Line(self.limits.line));
        }
        Ok(Some(line))
    }

    /// Text for people may end in what looks like the head of a literal. It stands in status
    /// responses, with a tag or not, and in requests to go on.
    fn may_have_literals(&self, line: &[u8]) -> bool {
        let first = self.texts.first().map_or(line, Vec::as_slice);
        let Some(rest) = first.strip_prefix(b"* ") else { return false };
        let word = rest.split(|octet| *octet == b' ').next().unwrap_or_default();
        ![&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
            .iter()
            .any(|status| word.eq_ignore_ascii_case(status))
    }
}

/// The octets of the literal that a line announces at its end: `{12}`, and as RFC 7888 and RFC 3516
/// write it, `{12+}` and `~{12}`.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}")?;
    let line = line.strip_suffix(b"+").unwrap_or(line);
    let digits = line.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
    let (head, number) = line.split_at_checked(line.len().checked_sub(digits)?)?;
    if digits == 0 || !head.ends_with(b"{") {
        return None;
    }
    // A number that does not fit is larger than whatever is allowed.
    Some(std::str::from_utf8(number).ok()?.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: ReaderLimits = ReaderLimits { line: 100, literals: 50 };

    fn all(octets: &[u8], piece: usize) -> (Vec<RawResponse>, Option<TooMuch>) {
        let (mut reader, mut found) = (ResponseReader::new(LIMITS), Vec::new());
        for piece in octets.chunks(piece.max(1)) {
            reader.push(piece);
            loop {
                match reader.next_response() {
                    Ok(Some(response)) => found.push(response),
                    Ok(None) => break,
                    Err(too_much) => return (found, Some(too_much)),
                }
            }
        }
        (found, None)
    }

    #[test]
    fn literals_belong_to_the_response() {
        let octets = b"* 1 FETCH (BODY[] {5}\r\na\r\n)b UID 7)\r\na1 OK done {3}\r\n+ go {2}\r\n";
        for piece in 1..octets.len() {
            let (found, too_much) = all(octets, piece);
            assert_eq!((found.len(), too_much), (3, None), "{piece}");
            assert_eq!(found[0].literals, [b"a\r\n)b".to_vec()]);
            assert_eq!(found[0].texts[1], b" UID 7)");
            assert_eq!(found[1].texts, [b"a1 OK done {3}".to_vec()]);
        }
    }

    #[test]
    fn what_is_announced_is_not_waited_for_beyond_the_limit() {
        for (octets, expected) in [
            (&b"* 1 FETCH (BODY[] {51}\r\n"[..], TooMuch::Literals(50)),
            (b"* 1 FETCH (A {40}\r\n0123456789012345678901234567890123456789 B {11}\r\n", {
                TooMuch::Literals(50)
            }),
            (b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n", TooMuch::Literals(50)),
            (&[b'x'; 200], TooMuch::Line(100)),
            (&[b'x'; 101], TooMuch::Line(100)),
            (&[b"* 1 X".as_slice(), &b" {0}\r\n".repeat(65)].concat(), TooMuch::Line(100)),
        ] {
            assert_eq!(all(octets, 7).1, Some(expected));
        }
    }

    #[test]
    fn the_end_of_a_line_does_not_count() {
        let octets = [&[b'x'; 100], &b"\r\n"[..]].concat();
        for piece in 1..=102 {
            assert_eq!(all(&octets, piece).1, None, "{piece}");
        }
    }

    #[test]
    fn heads_of_literals() {
        for (line, octets) in [
            (&b"x {0}"[..], Some(0)),
            (b"x {12+}", Some(12)),
            (b"x ~{12}", Some(12)),
            (b"x {}", None),
            (b"x 12}", None),
            (b"x {-1}", None),
            (b"x {1} ", None),
            (b"", None),
        ] {
            assert_eq!(announced(line), octets, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter(octets: Vec<u8>, piece in 1usize..40) {
            prop_assert_eq!(all(&octets, piece), all(&octets, 1));
        }

        #[test]
        fn what_was_written_is_cut_out(parts in prop::collection::vec("[ -|~\r\n]{0,8}", 0..5)) {
            let mut octets = b"* 1 FETCH".to_vec();
            for part in &parts {
                octets.extend_from_slice(format!(" {{{}}}\r\n{part}", part.len()).as_bytes());
            }
            octets.extend_from_slice(b"\r\n");
            let (found, too_much) = all(&octets, 3);
            prop_assert_eq!(too_much, None);
            prop_assert_eq!(found.len(), 1);
            let parts: Vec<Vec<u8>> = parts.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(&found[0].literals, &parts);
        }
    }
}

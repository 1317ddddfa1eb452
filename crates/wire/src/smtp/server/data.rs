//! The octets of a message on their way in (RFC 5321 section 4.5.2).

use super::{
    Limits,
    reply::{self, Line},
};

/// The first room for a message.
const FIRST_ROOM: usize = 4 * 1024;
/// Room is added in steps of at most so many octets, so that the caller can count what is held.
const LARGEST_STEP: usize = 256 * 1024;

/// Takes the doubled dots out and finds the end.
///
/// After something is wrong with the message its octets are dropped, and it is still read to its
/// end. What comes out does not depend on how the octets were cut.
#[derive(Debug, Clone)]
pub(super) struct DataReader {
    limits: Limits,
    at: At,
    /// The message so far; empty once something is wrong with it.
    octets: Vec<u8>,
    /// Octets of the message so far, kept or not.
    length: usize,
    /// Octets of the line so far.
    line: usize,
    /// Why the caller does not want it any more.
    unwanted: Option<Line>,
    has_bare_line_end: bool,
    has_long_line: bool,
}

/// Where in a line the last octet was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Behind CR LF, or at the very beginning.
    LineStart,
    /// Behind a dot that began a line.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    InLine,
    /// Behind a CR that may belong to a line end.
    Cr,
}

/// How far the reading came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// All octets were taken, and the end is not among them.
    More,
    /// The message ended behind so many octets.
    Ended(usize),
    /// It is so far beyond its bound that reading on is not worth it.
    Flooded,
}

impl DataReader {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            at: At::LineStart,
            octets: Vec::new(),
            length: 0,
            line: 0,
            unwanted: None,
            has_bare_line_end: false,
            has_long_line: false,
        }
    }

    /// Takes in octets up to the end of the message.
    pub(super) fn push(&mut self, octets: &[u8]) -> Progress {
        let mut rest = octets;
        while let Some((octet, behind)) = rest.split_first() {
            // Most octets are neither a line end nor at the beginning of a line.
            if self.at == At::InLine && !matches!(octet, b'\r' | b'\n') {
                let length = rest
                    .iter()
                    .position(|octet| matches!(octet, b'\r' | b'\n'))
                    .unwrap_or(rest.len());
                let (run, behind) = rest.split_at_checked(length).unwrap_or((rest, b""));
                self.keep(run);
                rest = behind;
            } else {
                rest = behind;
                if self.step(*octet) {
                    return Progress::Ended(octets.len().saturating_sub(rest.len()));
                }
            }
            let Limits { message_octets, excess_octets, .. } = self.limits;
            if self.length > message_octets.saturating_add(excess_octets) {
                return Progress::Flooded;
            }
        }
        Progress::More
    }

    /// Drops the message; what is still to come of it is read and dropped too.
    pub(super) fn give_up(&mut self, refusal: Line) {
        self.unwanted.get_or_insert(refusal);
        self.octets = Vec::new();
    }

    /// The octets that memory is held for.
    pub(super) fn held(&self) -> usize {
        self.octets.capacity()
    }

    /// The message after its end.
    pub(super) fn finish(self) -> Result<Vec<u8>, Line> {
        match self.refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(self.octets),
        }
    }

    /// What is wrong with it: of several things always the same one.
    fn refusal(&self) -> Option<Line> {
        self.unwanted
            .or((self.length > self.limits.message_octets).then_some(reply::TOO_LARGE))
            .or(self.has_bare_line_end.then_some(reply::BARE_LINE_END))
            .or(self.has_long_line.then_some(reply::LONG_TEXT_LINE))
    }

    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
    //# When a line of mail text is received by the SMTP server, it checks
    //# the line.  If the line is composed of a single period, it is
    //# treated as the end of mail indicator.  If the first character is a
    //# period and there are other characters on the line, the first
    //# character is deleted.
    /// True when this octet ends the message.
    fn step(&mut self, octet: u8) -> bool {
        self.at = match (self.at, octet) {
            (At::LineStart, b'.') => At::Dot,
            (At::Dot, b'\r') => At::DotCr,
            (At::DotCr, b'\n') => return true,
            (At::DotCr, octet) => {
                // The dot was doubled, and the CR stands alone.
                self.has_bare_line_end = true;
                self.keep(b"\r");
                return self.step_from(At::InLine, octet);
            }
            (At::Cr, b'\n') => {
                self.keep(b"\r\n");
                self.line = 0;
                At::LineStart
            }
            (At::Cr, octet) => {
                self.has_bare_line_end = true;
                self.keep(b"\r");
                return self.step_from(At::InLine, octet);
            }
            (_, b'\r') => At::Cr,
            (_, octet) => {
                //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.4
                //# In particular, the sequence "<LF>.<LF>" (bare line
                //# feeds, without carriage returns) MUST NOT be treated as equivalent to
                //# <CRLF>.<CRLF> as the end of mail data indication.
                if octet == b'\n' {
                    self.has_bare_line_end = true;
                }
                self.keep(&[octet]);
                At::InLine
            }
        };
        false
    }

    fn step_from(&mut self, at: At, octet: u8) -> bool {
        self.at = at;
        self.step(octet)
    }

    fn keep(&mut self, octets: &[u8]) {
        self.length = self.length.saturating_add(octets.len());
        self.line = self.line.saturating_add(octets.len());
        // The line end is not part of a line's length.
        if self.line > self.limits.text_line_octets.saturating_add(2) {
            self.has_long_line = true;
        }
        if self.refusal().is_some() {
            self.octets = Vec::new();
            return;
        }
        if self.length > self.octets.capacity() {
            let step = (self.length / 2).min(LARGEST_STEP);
            let room = self.length.saturating_add(step).max(FIRST_ROOM);
            let room = room.min(self.limits.message_octets).max(self.length);
            self.octets.reserve_exact(room.saturating_sub(self.octets.len()));
        }
        self.octets.extend_from_slice(octets);
    }
}

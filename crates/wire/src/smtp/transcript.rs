//! What was said, for people to read.

use std::fmt;

/// One line of a conversation, without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptLine {
    /// Who said it.
    pub direction: Direction,
    /// Whether it went through TLS.
    pub channel: Channel,
    /// What was said, made readable and cut to a bounded length.
    pub text: String,
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// This client.
    Sent,
    /// The server, or someone in its place.
    Received,
}

/// How a line travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// In the open.
    Plain,
    /// Through TLS.
    Tls,
}

/// `C: ` or `S: ` and the text, in the manner of the RFCs.
impl fmt::Display for TranscriptLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speaker = match self.direction {
            Direction::Sent => "C",
            Direction::Received => "S",
        };
        write!(f, "{speaker}: {}", self.text)
    }
}

/// A transcript that cannot outgrow its bounds; what does not fit is left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Transcript(Vec<TranscriptLine>);

impl Transcript {
    pub(super) const MAX_LINES: usize = 256;
    pub(super) const MAX_CHARACTERS: usize = 512;

    pub(super) fn add(&mut self, direction: Direction, channel: Channel, text: &str) {
        if self.0.len() < Self::MAX_LINES {
            let text = match text.char_indices().nth(Self::MAX_CHARACTERS) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text.to_owned(),
            };
            self.0.push(TranscriptLine { direction, channel, text });
        }
    }

    pub(super) fn lines(&self) -> &[TranscriptLine] {
        &self.0
    }
}

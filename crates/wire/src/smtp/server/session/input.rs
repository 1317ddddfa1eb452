//! Octets on their way from the connection to the dialogue.

/// Octets that were not read yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    octets: Vec<u8>,
    /// Those before it are read.
    start: usize,
    /// How many behind `start` are known to hold no LF.
    searched: usize,
}

/// What stands next in the octets.
pub(super) enum Found {
    /// A line without its end.
    Line(Vec<u8>),
    /// No whole line yet.
    Nothing,
    /// A line that ends with LF alone.
    BareLineFeed,
    /// More octets without a line end than are waited for.
    Endless,
}

impl Input {
    pub(super) fn push(&mut self, octets: &[u8]) {
        if self.start > 0 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    pub(super) fn take(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.octets.len());
        self.searched = 0;
    }

    /// Drops all and says how many there were.
    pub(super) fn take_all(&mut self) -> usize {
        let count = self.unread().len();
        self.octets.clear();
        (self.start, self.searched) = (0, 0);
        count
    }

    /// Takes the next line, without its end. `limit` is in octets, the end included.
    pub(super) fn line(&mut self, limit: usize) -> Found {
        let unread = self.unread();
        let within = unread.get(..limit).unwrap_or(unread);
        let behind = within.get(self.searched..).unwrap_or_default();
        let Some(distance) = behind.iter().position(|octet| *octet == b'\n') else {
            if within.len() >= limit {
                return Found::Endless;
            }
            self.searched = within.len();
            return Found::Nothing;
        };
        let end = self.searched.saturating_add(distance);
        let line = within.get(..end).unwrap_or_default();
        match line.strip_suffix(b"\r") {
            Some(line) => {
                let line = line.to_vec();
                self.take(end.saturating_add(1));
                Found::Line(line)
            }
            None => Found::BareLineFeed,
        }
    }
}

//! The cut of a multipart into its parts (RFC 2046 section 5.1).

use super::lines;

/// The parts of a multipart, one after another.
pub(super) struct Parts<'a> {
    boundary: &'a [u8],
    /// What was not looked at yet, from the line after the last boundary on.
    rest: &'a [u8],
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// Before the end.
    Between,
    /// The end was found.
    Closed,
    /// The octets ended before.
    Open,
}

impl<'a> Parts<'a> {
    /// RFC 2046 allows 70; some programs write more.
    const LONGEST_BOUNDARY: usize = 200;

    pub(super) fn new(body: &'a [u8], boundary: &'a [u8]) -> Self {
        let is_usable = (1..=Self::LONGEST_BOUNDARY).contains(&boundary.len());
        let state = if is_usable { State::Preamble } else { State::Closed };
        Self { boundary, rest: body, state }
    }

    /// Whether the last part ended where the octets do.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        if self.state == State::Preamble {
            self.part()?;
        }
        if self.state == State::Between { self.part() } else { None }
    }

    /// What stands before the next boundary; all the rest if there is none but a part has begun.
    fn part(&mut self) -> Option<&'a [u8]> {
        let octets = self.rest;
        let mut start = 0;
        for line in lines(octets) {
            let end = start + line.len();
            if let Some(is_last) = self.delimits(line) {
                self.state = if is_last { State::Closed } else { State::Between };
                self.rest = octets.get(end..).unwrap_or_default();
                let part = octets.get(..start).unwrap_or_default();
                // The line end before a boundary belongs to the boundary.
                let part = part.strip_suffix(b"\n").unwrap_or(part);
                return Some(part.strip_suffix(b"\r").unwrap_or(part));
            }
            start = end;
        }
        if self.state == State::Preamble {
            self.state = State::Closed;
            return None;
        }
        self.state = State::Open;
        self.rest = b"";
        Some(octets)
    }

    /// Whether a line is a boundary, and whether it is the last.
    fn delimits(&self, line: &[u8]) -> Option<bool> {
        let after = line.strip_prefix(b"--")?.strip_prefix(self.boundary)?.trim_ascii_end();
        match after {
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }
}

/// The boundary that the first line which looks like one would have.
pub(super) fn guess_boundary(body: &[u8]) -> Option<&[u8]> {
    body.split(|octet| *octet == b'\n')
        .filter_map(|line| line.strip_prefix(b"--"))
        .map(<[u8]>::trim_ascii_end)
        .find(|boundary| {
            (1..=Parts::LONGEST_BOUNDARY).contains(&boundary.len())
                && boundary.iter().all(u8::is_ascii_graphic)
                && boundary.iter().any(|octet| *octet != b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str, boundary: &str) -> Vec<String> {
        let mut parts = Parts::new(body.as_bytes(), boundary.as_bytes());
        let mut found: Vec<String> = std::iter::from_fn(|| parts.next())
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect();
        if parts.is_open() {
            found.push("open".to_owned());
        }
        found
    }

    #[test]
    fn parts_are_cut_at_whole_lines() {
        let good =
            |body: &str, expected: &[&str]| assert_eq!(parts(body, "b"), expected, "{body:?}");
        good("--b\r\n1\r\n--b\r\n2\r\n--b--\r\n", &["1", "2"]);
        good("--b\n1\n--b\n2\n--b--", &["1", "2"]); // LF, and no line end at the end
        good("before\r\n--b\r\n1\r\n--b--\r\nafter\r\n--b\r\nlate", &["1"]);
        good("--b \t\r\n1\r\n--b--  \r\n", &["1"]); // white space from the way
        good("--b\r\n1\r\n--bb\r\n2\r\n--b--", &["1\r\n--bb\r\n2"]); // another boundary
        good("--b\r\n1 --b\r\n--b--", &["1 --b"]); // not at the beginning of a line
        good("--b\r\n1\r\n\r\n--b--", &["1\r\n"]); // only one line end is the boundary's
        good("--b\r\n--b--", &[""]);
        good("--b\r\n1\r\n", &["1\r\n", "open"]);
        good("--b--\r\n1", &[]);
        good("1\r\n", &[]);
        good("", &[]);
    }

    #[test]
    fn a_boundary_is_guessed_from_the_first_line_like_one() {
        assert_eq!(guess_boundary(b"text\r\n-- \r\n---\r\n--abc\r\n"), Some(&b"abc"[..]));
        assert_eq!(guess_boundary(b"text\r\n-abc\r\n--a b c\r\n"), None);
    }
}

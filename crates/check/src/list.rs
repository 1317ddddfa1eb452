//! Lists of domains, as people and other programs keep them.

use std::io::{self, BufRead};

use mail_domain::{DomainName, DomainNameError};

/// The longest line that is read, in octets. No domain name is longer; a comment may be.
const LONGEST_LINE: usize = 4096;

/// Reads a list: one domain a line, as U-label or A-label, with or without a trailing dot.
///
/// A `#` begins a comment. Empty lines are passed over, and so are white space round a name, a
/// carriage return before the line feed, and a byte order mark before the first line. No more than
/// one line is held in memory.
#[derive(Debug)]
pub struct DomainList<R> {
    reader: R,
    line: u64,
    octets: u64,
    has_ended: bool,
}

/// A line that names no domain.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct ListFault {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: LineFault,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// It is not a domain name.
    #[error("{text:?} is no mail domain: {reason}")]
    NotADomain {
        /// What stands there, as far as it is printable.
        text: String,
        /// Why it is not.
        reason: DomainNameError,
    },
    /// It is not UTF-8.
    #[error("it is not UTF-8: write the name in A-labels (xn--…), or save the list as UTF-8")]
    NotUtf8,
    /// It is longer than 4096 octets.
    #[error("it is longer than {LONGEST_LINE} octets: give one domain a line")]
    TooLong,
    /// It can't be read; the list ends here.
    #[error("{0}")]
    Unreadable(io::Error),
}

impl<R: BufRead> DomainList<R> {
    /// Begins at the first line.
    pub fn new(reader: R) -> Self {
        Self { reader, line: 0, octets: 0, has_ended: false }
    }

    /// How much has been read, in octets.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// One line without its end; `None` at the end of the list. The rest of a line that is too long
    /// is read and dropped.
    fn line(&mut self) -> Result<Option<Vec<u8>>, LineFault> {
        let mut line = Vec::new();
        let mut is_too_long = false;
        loop {
            let piece = match self.reader.fill_buf() {
                Ok(piece) => piece,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.has_ended = true;
                    return Err(LineFault::Unreadable(error));
                }
            };
            if piece.is_empty() {
                self.has_ended = true;
                break;
            }
            let end = piece.iter().position(|octet| *octet == b'\n');
            let length = end.map_or(piece.len(), |end| end + 1);
            let text = piece.get(..end.unwrap_or(length)).unwrap_or_default();
            is_too_long |= line.len() + text.len() > LONGEST_LINE;
            if !is_too_long {
                line.extend_from_slice(text);
            }
            self.reader.consume(length);
            self.octets += length as u64;
            if end.is_some() {
                break;
            }
        }
        if is_too_long {
            return Err(LineFault::TooLong);
        }
        Ok((!self.has_ended || !line.is_empty()).then_some(line))
    }
}

impl<R: BufRead> Iterator for DomainList<R> {
    type Item = Result<DomainName, ListFault>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.has_ended {
            self.line += 1;
            let line = self.line;
            let fault = |fault| Some(Err(ListFault { line, fault }));
            let octets = match self.line() {
                Ok(Some(octets)) => octets,
                Ok(None) => return None,
                Err(found) => return fault(found),
            };
            let Ok(text) = std::str::from_utf8(&octets) else { return fault(LineFault::NotUtf8) };
            let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
            let name = text.split('#').next().unwrap_or_default().trim();
            if name.is_empty() {
                continue;
            }
            return match DomainName::parse(name) {
                Ok(domain) => Some(Ok(domain)),
                Err(reason) => {
                    let text = name.chars().take(100).collect();
                    fault(LineFault::NotADomain { text, reason })
                }
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor, Read};

    use proptest::prelude::*;

    use super::*;

    fn read(octets: &[u8]) -> Vec<Result<String, String>> {
        // A small buffer, so that lines come in pieces.
        let list = DomainList::new(BufReader::with_capacity(7, Cursor::new(octets)));
        list.map(|item| item.map(|name| name.to_string()).map_err(|fault| fault.to_string()))
            .collect()
    }

    #[track_caller]
    fn good(octets: &[u8], expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|name| Ok((*name).to_owned())).collect();
        assert_eq!(read(octets), expected);
    }

    #[track_caller]
    fn bad(octets: &[u8], expected: &str) {
        let read = read(octets);
        let [Err(fault)] = read.as_slice() else { panic!("{read:?}") };
        assert!(fault.contains(expected), "{fault}");
    }

    #[test]
    fn a_list_is_read_as_people_write_it() {
        good(b"", &[]);
        good(b"\n\n \n", &[]);
        good(b"a.test", &["a.test"]);
        good(b"a.test\nb.test\n", &["a.test", "b.test"]);
        good(b"a.test\r\nb.test\r\n", &["a.test", "b.test"]);
        good(b"# all\n\n  A.Test.  # ours\n\tb.test\n", &["a.test", "b.test"]);
        good("\u{feff}b\u{fc}cher.example\n".as_bytes(), &["xn--bcher-kva.example"]);
        good(b"a.test\na.test\n", &["a.test", "a.test"]);
    }

    #[test]
    fn a_line_that_names_no_domain_is_told_with_its_number() {
        bad(b"\n_mta-sts.a.test\n", "line 2: \"_mta-sts.a.test\" is no mail domain: ");
        bad(b"1,a.test", "line 1: \"1,a.test\" is no mail domain: ");
        bad(b"\xff.test\n", "line 1: it is not UTF-8");
        bad("a\u{1b}[31m.test".as_bytes(), r#"line 1: "a\u{1b}[31m.test" is no mail domain"#);
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself_alone() {
        let mut list = b"a.test\n".to_vec();
        list.extend(vec![b'x'; 10_000_000]);
        list.extend(b"\nb.test");
        let read = read(&list);
        assert_eq!(read.len(), 3);
        assert!(read[1].as_ref().unwrap_err().starts_with("line 2: it is longer than 4096"));
        assert_eq!(read[2], Ok("b.test".to_owned()));
    }

    #[test]
    fn a_list_that_can_not_be_read_on_ends() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let list = DomainList::new(BufReader::new(b"a.test\nb".chain(Broken)));
        let read: Vec<_> = list.map(|item| item.map_err(|fault| fault.to_string())).collect();
        assert_eq!(read[1], Err("line 2: the disk is gone".to_owned()));
        assert_eq!(read.len(), 2);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_to_their_end(octets: Vec<u8>) {
            let mut list = DomainList::new(octets.as_slice());
            prop_assert!(list.by_ref().count() <= octets.len());
            prop_assert_eq!(list.octets(), octets.len() as u64);
        }
    }
}

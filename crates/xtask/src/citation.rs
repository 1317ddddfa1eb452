//! Citations of RFCs in the sources, in the style of duvet.
//!
//! Two slashes and an equals sign begin a line that names the section; two slashes and a number
//! sign begin a line of the quotation. Between them `type=test` marks a test's citation.

use std::fmt;
use std::path::{Path, PathBuf};

const ADDRESS: &str = "https://www.rfc-editor.org/rfc/rfc";
/// A quotation longer than this is a mistake: one requirement is a sentence or two.
const MAX_QUOTATION: usize = 4_096;

/// A line of a file in the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to the root of the workspace.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Something that has to be mended before the citations can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Whether the citation stands beside the code that obeys it or the test that proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Beside the code.
    Code,
    /// On a test.
    Test,
}

/// One quotation of one section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// Where the citation begins.
    pub place: Place,
    /// The number of the RFC.
    pub rfc: u32,
    /// The section, as in `3.1`.
    pub section: String,
    /// The words quoted, lines joined.
    pub quotation: String,
    /// Beside code, or on a test.
    pub kind: Kind,
}

/// All citations of a source file, and what is wrong with the malformed ones.
pub fn read_citations(file: &Path, source: &str) -> (Vec<Citation>, Vec<Fault>) {
    let mut reader = Reader { file, open: None, citations: Vec::new(), faults: Vec::new() };
    for (index, line) in source.lines().enumerate() {
        reader.line(index + 1, line.trim());
    }
    reader.close();
    (reader.citations, reader.faults)
}

struct Reader<'a> {
    file: &'a Path,
    open: Option<Citation>,
    citations: Vec<Citation>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) {
        if let Some(meta) = line.strip_prefix("//=") {
            self.meta(number, meta.trim());
        } else if let Some(words) = line.strip_prefix("//#") {
            match &mut self.open {
                Some(citation) => {
                    citation.quotation.push('\n');
                    citation.quotation.push_str(words);
                }
                None => self.fault(number, "a quotation without the section it is from"),
            }
        } else {
            self.close();
        }
    }

    fn meta(&mut self, number: usize, meta: &str) {
        if meta == "type=test" {
            match &mut self.open {
                Some(citation) if citation.quotation.is_empty() => citation.kind = Kind::Test,
                _ => self.fault(number, "`type=test` belongs between the section and the words"),
            }
            return;
        }
        self.close();
        match parse_address(meta) {
            Some((rfc, section)) => {
                self.open = Some(Citation {
                    place: Place { file: self.file.to_owned(), line: number },
                    rfc,
                    section: section.to_owned(),
                    quotation: String::new(),
                    kind: Kind::Code,
                });
            }
            None => self.fault(number, &format!("expected `{ADDRESS}NNNN#section-N`")),
        }
    }

    fn close(&mut self) {
        let Some(citation) = self.open.take() else { return };
        let line = citation.place.line;
        if citation.quotation.trim().is_empty() {
            self.fault(line, "a section without the words quoted from it");
        } else if citation.quotation.len() > MAX_QUOTATION {
            self.fault(line, "too long a quotation: cite one requirement at a time");
        } else if citation.kind == Kind::Code && is_test_file(self.file) {
            self.fault(line, "a citation in a test file needs the line `type=test`");
        } else {
            self.citations.push(citation);
        }
    }

    fn fault(&mut self, line: usize, message: &str) {
        let place = Place { file: self.file.to_owned(), line };
        self.faults.push(Fault { place, message: message.to_owned() });
    }
}

fn parse_address(text: &str) -> Option<(u32, &str)> {
    let (number, section) = text.strip_prefix(ADDRESS)?.split_once("#section-")?;
    let is_section = section.split('.').all(|part| part.parse::<u16>().is_ok());
    Some((number.parse().ok()?, section)).filter(|_| is_section)
}

fn is_test_file(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests")
        || file.file_name().is_some_and(|name| name == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> (Vec<Citation>, Vec<Fault>) {
        read_citations(Path::new("crates/x/src/lib.rs"), source)
    }

    #[test]
    fn words_over_several_lines_are_one_quotation() {
        let (citations, faults) = read(&format!(
            "fn f() {{}}\n    //= {ADDRESS}8461#section-3.2\n    //# All entries except\n    //# for the first\nfn g() {{}}\n"
        ));
        assert_eq!(faults, []);
        assert_eq!(citations.len(), 1);
        assert_eq!((citations[0].rfc, citations[0].section.as_str()), (8461, "3.2"));
        assert_eq!(crate::normalise(&citations[0].quotation), "All entries except for the first");
        assert_eq!((citations[0].place.line, citations[0].kind), (2, Kind::Code));
    }

    #[test]
    fn two_in_a_row_are_two() {
        let (citations, faults) = read(&format!(
            "//= {ADDRESS}8461#section-3\n//= type=test\n//# one\n//= {ADDRESS}8460#section-3\n//# two"
        ));
        assert_eq!(faults, []);
        assert_eq!(citations.len(), 2);
        assert_eq!((citations[0].kind, citations[1].kind), (Kind::Test, Kind::Code));
    }

    #[test]
    fn malformed_citations_are_faults() {
        #[track_caller]
        fn bad(source: &str, line: usize) {
            let (citations, faults) = read(source);
            assert_eq!(citations, []);
            assert_eq!(faults.iter().map(|fault| fault.place.line).collect::<Vec<_>>(), [line]);
        }
        bad("\n//# words alone", 2);
        bad(&format!("//= {ADDRESS}8461#section-3.1\nfn f() {{}}"), 1); // no words
        bad(&format!("//= {ADDRESS}8461#section-3.1"), 1); // no words, at the end
        bad("//= rfc8461#section-3.1", 1); // not the whole address
        bad(&format!("//= {ADDRESS}8461#section-three"), 1);
        bad(&format!("//= {ADDRESS}8461"), 1); // no section
        bad("//= type=test", 1);
        bad(&format!("//= {ADDRESS}8461#section-3\n//# {}", "word ".repeat(1_000)), 1);
    }

    #[test]
    fn a_test_file_marks_its_citations() {
        let source = format!("//= {ADDRESS}8461#section-3\n//# words");
        for (file, count) in
            [("crates/x/tests/a.rs", 0), ("crates/x/src/y/tests.rs", 0), ("crates/x/src/y.rs", 1)]
        {
            let (citations, faults) = read_citations(Path::new(file), &source);
            assert_eq!((citations.len(), faults.len()), (count, 1 - count), "{file}");
        }
    }
}

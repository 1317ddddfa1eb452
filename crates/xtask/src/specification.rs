//! An RFC as published, read so that quotations from it can be found.

use std::ops::Range;

/// One RFC: its running text without page breaks, and where its sections begin and end.
///
/// # Limitations
/// Only numbered sections are known; appendices count as part of the last one.
#[derive(Debug, Clone)]
pub struct Specification {
    number: u32,
    text: String,
    paragraphs: Vec<Range<usize>>,
    sections: Vec<Section>,
}

/// A numbered section with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The number without its final dot, as in `3.1`.
    pub number: String,
    /// Octets of the running text, subsections included.
    pub range: Range<usize>,
}

impl Specification {
    /// Reads the plain-text form of RFC `number`, with or without page breaks.
    pub fn parse(number: u32, published: &str) -> Self {
        let mut reader = Reader::default();
        for line in published.lines() {
            reader.line(line.trim_matches('\u{c}'));
        }
        reader.finish(number)
    }

    /// The number of the RFC.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The section of this number, if the RFC has it.
    pub fn section(&self, number: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.number == number)
    }

    /// The innermost section that holds this octet of the running text.
    pub fn section_at(&self, position: usize) -> Option<&Section> {
        self.sections.iter().rev().find(|section| section.range.contains(&position))
    }

    /// Where the quotation stands within the section: every occurrence, as octets of the running
    /// text. White space and hyphens at line ends do not matter.
    pub fn find(&self, quotation: &str, section: &Section) -> Vec<Range<usize>> {
        let wanted = normalise(quotation);
        if wanted.is_empty() {
            return Vec::new();
        }
        self.slice(&section.range)
            .match_indices(&wanted)
            .map(|(offset, found)| {
                let start = section.range.start + offset;
                start..start + found.len()
            })
            .collect()
    }

    /// The paragraphs of the section with their place in the running text.
    pub fn paragraphs<'a>(
        &'a self,
        section: &'a Section,
    ) -> impl Iterator<Item = (usize, &'a str)> + 'a {
        self.paragraphs
            .iter()
            .filter(|range| section.range.contains(&range.start))
            .map(|range| (range.start, self.slice(range)))
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// Text with each run of white space as one space, and words that were broken at a hyphen joined.
///
/// ```
/// assert_eq!(xtask::normalise("a non-\n   expired  policy"), "a non-expired policy");
/// ```
pub fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let joins = normal
            .strip_suffix('-')
            .and_then(|before| before.chars().next_back())
            .is_some_and(char::is_alphanumeric);
        if !joins && !normal.is_empty() {
            normal.push(' ');
        }
        normal.push_str(word);
    }
    normal
}

/// What lies between the last line of text and the next one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Gap {
    #[default]
    None,
    Blank,
    Page,
}

#[derive(Debug, Default)]
struct Reader {
    text: String,
    paragraphs: Vec<Range<usize>>,
    starts: Vec<(String, usize)>,
    paragraph: String,
    gap: Gap,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if line.trim().is_empty() {
            if self.gap == Gap::None {
                self.gap = Gap::Blank;
            }
        } else if is_footer(line) || (self.gap == Gap::Page && is_header(line)) {
            self.gap = Gap::Page;
        } else if let Some(number) = heading(line) {
            self.end_paragraph();
            self.starts.push((number.to_owned(), self.text.len()));
            self.paragraph.push_str(line);
            self.end_paragraph();
            self.gap = Gap::None;
        } else {
            if self.begins_paragraph(line) {
                self.end_paragraph();
            }
            self.paragraph.push('\n');
            self.paragraph.push_str(line_text(line));
            self.gap = Gap::None;
        }
    }

    /// A page break hides whether a paragraph ended there: the last character before it decides.
    fn begins_paragraph(&self, line: &str) -> bool {
        let is_item = line.trim_start().starts_with("o  ");
        is_item
            || match self.gap {
                Gap::None => false,
                Gap::Blank => true,
                Gap::Page => self.paragraph.trim_end().ends_with(['.', ':', '"', ')']),
            }
    }

    fn end_paragraph(&mut self) {
        let normal = normalise(&std::mem::take(&mut self.paragraph));
        if normal.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(&normal);
        self.paragraphs.push(start..self.text.len());
        self.text.push(' ');
    }

    fn finish(mut self, number: u32) -> Specification {
        self.end_paragraph();
        let end = self.text.len();
        let sections = self
            .starts
            .iter()
            .enumerate()
            .map(|(index, (number, start))| {
                let below = format!("{number}.");
                let next = self
                    .starts
                    .iter()
                    .skip(index + 1)
                    .find(|(other, _)| !other.starts_with(&below))
                    .map_or(end, |&(_, start)| start);
                Section { number: number.clone(), range: *start..next }
            })
            .collect();
        Specification { number, text: self.text, paragraphs: self.paragraphs, sections }
    }
}

fn is_footer(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(']') && line.contains("[Page ")
}

fn is_header(line: &str) -> bool {
    let year = line.split_whitespace().next_back().unwrap_or_default();
    line.starts_with("RFC ") && year.len() == 4 && year.bytes().all(|octet| octet.is_ascii_digit())
}

/// The section number, when the line is a heading: headings alone begin in the first column.
fn heading(line: &str) -> Option<&str> {
    let (first, rest) = line.split_once(' ')?;
    // Older RFCs write `4.2 Title`, without the last dot.
    let number = first.strip_suffix('.').or(first.contains('.').then_some(first))?;
    let is_number = number
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit()));
    (is_number && !rest.trim().is_empty()).then_some(number)
}

/// The words of a line: the marks of list items and of whole-line ABNF comments are not words.
fn line_text(line: &str) -> &str {
    let trimmed = line.trim();
    trimmed.strip_prefix("o  ").or_else(|| trimmed.strip_prefix("; ")).unwrap_or(trimmed)
}

#[cfg(test)]
mod tests;

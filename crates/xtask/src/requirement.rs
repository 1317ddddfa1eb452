//! The requirements of an RFC: each occurrence of a binding key word.

use std::fmt;
use std::ops::Range;

use crate::specification::{Section, Specification};

/// A key word of RFC 2119 that binds; `MAY` and its kin bind nobody and are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    /// `MUST`
    Must,
    /// `MUST NOT`
    MustNot,
    /// `REQUIRED`
    Required,
    /// `SHALL`
    Shall,
    /// `SHALL NOT`
    ShallNot,
    /// `SHOULD`
    Should,
    /// `SHOULD NOT`
    ShouldNot,
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Required => "REQUIRED",
            Self::Shall => "SHALL",
            Self::ShallNot => "SHALL NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
        })
    }
}

/// One binding key word, with the sentence round it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The number of the RFC.
    pub rfc: u32,
    /// The innermost section, as in `3.1`.
    pub section: String,
    /// The key word.
    pub keyword: Keyword,
    /// Where the key word stands, as octets of the running text.
    pub range: Range<usize>,
    /// The whole sentence.
    pub sentence: String,
}

impl Requirement {
    /// Every requirement within the section, in the order of the text.
    pub fn all(specification: &Specification, section: &Section) -> Vec<Self> {
        let mut requirements = Vec::new();
        for (start, paragraph) in specification.paragraphs(section) {
            for (offset, sentence) in sentences(paragraph) {
                for (keyword, place) in keywords(sentence) {
                    let range = start + offset + place.start..start + offset + place.end;
                    requirements.push(Self {
                        rfc: specification.number(),
                        section: specification
                            .section_at(range.start)
                            .map_or_else(String::new, |section| section.number.clone()),
                        keyword,
                        range,
                        sentence: sentence.to_owned(),
                    });
                }
            }
        }
        requirements
    }
}

/// Cuts a paragraph after each full stop that is followed by something that can begin a sentence.
fn sentences(paragraph: &str) -> Vec<(usize, &str)> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (space, _) in paragraph.match_indices(' ') {
        let (before, after) = paragraph.split_at(space);
        let ends = before.trim_end_matches([')', '"']).ends_with('.');
        let begins = after.trim_start().starts_with(|c: char| c.is_uppercase() || c == '(');
        if ends && begins {
            sentences.push((start, paragraph.get(start..space).unwrap_or_default()));
            start = space + 1;
        }
    }
    sentences.push((start, paragraph.get(start..).unwrap_or_default()));
    sentences
}

fn keywords(sentence: &str) -> Vec<(Keyword, Range<usize>)> {
    let words: Vec<(usize, &str)> = words(sentence).collect();
    let mut found = Vec::new();
    for (index, &(start, word)) in words.iter().enumerate() {
        let next = words.get(index + 1).filter(|(_, next)| *next == "NOT");
        let keyword = match (word, next) {
            ("MUST", None) => Keyword::Must,
            ("MUST", Some(_)) => Keyword::MustNot,
            ("REQUIRED", _) => Keyword::Required,
            ("SHALL", None) => Keyword::Shall,
            ("SHALL", Some(_)) => Keyword::ShallNot,
            ("SHOULD", None) => Keyword::Should,
            ("SHOULD", Some(_)) => Keyword::ShouldNot,
            _ => continue,
        };
        let end = next.map_or(start + word.len(), |(start, next)| start + next.len());
        found.push((keyword, start..end));
    }
    found
}

fn words(sentence: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = sentence;
    std::iter::from_fn(move || {
        let begin = rest.find(char::is_alphanumeric)?;
        let (_, from_word) = rest.split_at_checked(begin)?;
        let start = sentence.len() - from_word.len();
        let length = from_word.find(|c: char| !c.is_alphanumeric()).unwrap_or(from_word.len());
        let (word, after) = from_word.split_at_checked(length)?;
        rest = after;
        Some((start, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_word_counts_once() {
        let specification = Specification::parse(
            9999,
            "1.  Rules\n\n   A sender MUST try, and SHOULD\n   NOT give up.  (It MAY rest.)\n   \
             Muster SHALLOT.  See \"Rules\".)  It SHALL NOT fail.\n",
        );
        let section = specification.section("1").unwrap();
        let found: Vec<_> = Requirement::all(&specification, section)
            .into_iter()
            .map(|requirement| (requirement.keyword, requirement.sentence))
            .collect();
        let first = "A sender MUST try, and SHOULD NOT give up.".to_owned();
        assert_eq!(
            found,
            [
                (Keyword::Must, first.clone()),
                (Keyword::ShouldNot, first),
                (Keyword::ShallNot, "It SHALL NOT fail.".to_owned()),
            ]
        );
    }

    #[test]
    fn the_place_is_that_of_the_key_word() {
        let specification =
            Specification::parse(9999, "1.  Rules\n\n   It is so.  You MUST NOT.\n");
        let section = specification.section("1").unwrap();
        let requirements = Requirement::all(&specification, section);
        assert_eq!(requirements.len(), 1);
        assert_eq!(specification.find("MUST NOT", section), [requirements[0].range.clone()]);
    }
}

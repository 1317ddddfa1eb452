//! Zone files (RFC 1035 §5.1), as far as owners and types go.
//!
//! Records of any type pass, known or not: only their owner and type are read. A library that reads
//! the data as well refuses the whole file for one record that it does not know.

use std::io::{self, BufRead, Read as _};

use super::{MailNames, ZoneNames, ZoneRecord};

/// The longest line that is read, in octets. Keys and long texts take a few thousand.
const LONGEST_LINE: u64 = 1024 * 1024;
/// The longest name in its text form, in octets: 255 octets, each as `\DDD`.
const LONGEST_NAME: usize = 1020;
/// Classes, which may stand before the type (RFC 1035 §3.2.4, and ANY's relative NONE left out).
const CLASSES: [&str; 4] = ["IN", "CH", "HS", "CS"];

/// Reads a zone file, one line at a time.
#[derive(Debug)]
pub struct MasterFile {
    origin: Option<String>,
    apex: Option<String>,
    owner: Option<String>,
    parentheses: u32,
    line: u64,
    records: Vec<(String, ZoneRecord)>,
}

/// Why a zone file can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZoneFault {
    /// The file can't be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// A line is longer than a mebibyte, or not UTF-8.
    #[error("line {0}: it is not text, or longer than {LONGEST_LINE} octets")]
    NotText(u64),
    /// A name is relative, and there is no origin.
    #[error(
        "line {0}: a name is relative to an origin that is not told: give --origin, or $ORIGIN"
    )]
    NoOrigin(u64),
    /// A record without owner, type, or with a name that is too long.
    #[error("line {0}: this is no record")]
    NotARecord(u64),
    /// Another file is to be read in.
    #[error(
        "line {0}: $INCLUDE is not followed: write the zone out in one file first, as named-checkzone \
         -D and kzonecheck -p do"
    )]
    Include(u64),
    /// Parentheses that are not closed, or closed before they are opened.
    #[error("line {0}: a parenthesis without its other half")]
    Parenthesis(u64),
}

impl MasterFile {
    /// The names of a zone file that take mail. Relative names are relative to `origin` until the
    /// file says otherwise. The apex is the owner of the SOA record; without one it is the origin.
    pub fn mail_names(reader: impl BufRead, origin: Option<&str>) -> Result<ZoneNames, ZoneFault> {
        let origin = origin.map(|origin| origin.trim_end_matches('.').to_owned());
        let mut file = Self {
            apex: None,
            owner: origin.clone(),
            origin,
            parentheses: 0,
            line: 0,
            records: Vec::new(),
        };
        file.read(reader)?;
        let apex = file.apex.or(file.origin).unwrap_or_default();
        let mut names = MailNames::new(&apex);
        for (owner, record) in &file.records {
            names.add(owner, *record);
        }
        Ok(names.finish())
    }

    fn read(&mut self, mut reader: impl BufRead) -> Result<(), ZoneFault> {
        loop {
            self.line += 1;
            let mut octets = Vec::new();
            let length = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut octets)?;
            if length == 0 {
                break;
            }
            let text = std::str::from_utf8(&octets).map_err(|_| ZoneFault::NotText(self.line))?;
            if length as u64 == LONGEST_LINE && !text.ends_with('\n') {
                return Err(ZoneFault::NotText(self.line));
            }
            let continues = self.parentheses > 0;
            let tokens = self.tokens(text)?;
            // What stands in parentheses is data.
            if !continues && !tokens.is_empty() {
                self.entry(text.starts_with([' ', '\t']), &tokens)?;
            }
        }
        match self.parentheses {
            0 => Ok(()),
            _ => Err(ZoneFault::Parenthesis(self.line)),
        }
    }

    /// The words of a line, without comments and parentheses; quoted text is one word.
    fn tokens<'a>(&mut self, line: &'a str) -> Result<Vec<&'a str>, ZoneFault> {
        let mut tokens = Vec::new();
        let mut begin = None;
        let mut is_quoted = false;
        let mut is_escaped = false;
        for (place, character) in line.char_indices() {
            let ends = match character {
                _ if is_escaped => {
                    is_escaped = false;
                    false
                }
                '\\' => {
                    is_escaped = true;
                    begin.get_or_insert(place);
                    false
                }
                '"' => {
                    is_quoted = !is_quoted;
                    begin.get_or_insert(place);
                    false
                }
                _ if is_quoted => false,
                ';' | '(' | ')' | ' ' | '\t' | '\r' | '\n' => true,
                _ => {
                    begin.get_or_insert(place);
                    false
                }
            };
            if !ends {
                continue;
            }
            tokens.extend(begin.take().and_then(|begin| line.get(begin..place)));
            match character {
                ';' => return Ok(tokens),
                '(' => self.parentheses += 1,
                ')' => {
                    let closed = self.parentheses.checked_sub(1);
                    self.parentheses = closed.ok_or(ZoneFault::Parenthesis(self.line))?;
                }
                _ => {}
            }
        }
        tokens.extend(begin.and_then(|begin| line.get(begin..)));
        Ok(tokens)
    }

    fn entry(&mut self, begins_blank: bool, tokens: &[&str]) -> Result<(), ZoneFault> {
        let wrong = ZoneFault::NotARecord(self.line);
        let mut tokens = tokens.iter().copied();
        let mut next = tokens.next();
        match next.map(str::to_ascii_uppercase).as_deref() {
            _ if begins_blank => {}
            Some("$ORIGIN") => {
                let name = tokens.next().ok_or(wrong)?;
                self.origin = Some(self.full(name)?);
                return Ok(());
            }
            Some("$INCLUDE") => return Err(ZoneFault::Include(self.line)),
            Some("$GENERATE") => return Err(wrong),
            Some("$TTL") => return Ok(()),
            _ => {
                let name = next.ok_or(ZoneFault::NotARecord(self.line))?;
                self.owner = Some(self.full(name)?);
                next = tokens.next();
            }
        }
        // TTL and class may stand in either order, or not at all.
        while let Some(word) = next
            && (is_ttl(word) || CLASSES.iter().any(|class| word.eq_ignore_ascii_case(class)))
        {
            next = tokens.next();
        }
        let kind = next.ok_or(ZoneFault::NotARecord(self.line))?;
        let owner = self.owner.clone().ok_or(ZoneFault::NoOrigin(self.line))?;
        if kind.eq_ignore_ascii_case("SOA") && self.apex.is_none() {
            self.apex = Some(owner.clone());
        }
        match ZoneRecord::of_type(kind) {
            ZoneRecord::Other => {}
            record => self.records.push((owner, record)),
        }
        Ok(())
    }

    fn full(&self, name: &str) -> Result<String, ZoneFault> {
        if name.len() > LONGEST_NAME {
            return Err(ZoneFault::NotARecord(self.line));
        }
        let origin = || self.origin.as_deref().ok_or(ZoneFault::NoOrigin(self.line));
        match name {
            "@" => Ok(origin()?.to_owned()),
            "." => Ok(String::new()),
            _ => match name.strip_suffix('.') {
                Some(absolute) => Ok(absolute.to_owned()),
                None => match origin()? {
                    "" => Ok(name.to_owned()),
                    origin => Ok(format!("{name}.{origin}")),
                },
            },
        }
    }
}

/// A number of seconds, or of other units as BIND writes them: `1h30m`.
fn is_ttl(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
        && word.bytes().all(|octet| octet.is_ascii_digit() || b"smhdwSMHDW".contains(&octet))
}

#[cfg(test)]
mod tests {
    use mail_domain::DomainName;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, origin: Option<&str>) -> Result<Vec<String>, String> {
        let names = MasterFile::mail_names(text.as_bytes(), origin).map_err(|e| e.to_string())?;
        Ok(names.domains.iter().map(DomainName::to_string).collect())
    }

    #[track_caller]
    fn good(text: &str, expected: &[&str]) {
        assert_eq!(read(text, Some("example.test.")).unwrap(), expected);
    }

    #[track_caller]
    fn bad(text: &str, origin: Option<&str>, expected: &str) {
        let fault = read(text, origin).unwrap_err();
        assert!(fault.starts_with(expected), "{fault}");
    }

    #[test]
    fn entries_are_read_in_each_of_their_forms() {
        good("", &[]);
        good("; nothing\n\n", &[]);
        good("@ MX 10 mx\n", &["example.test"]);
        good(
            "a 3600 IN MX 10 mx\nb IN 1h30m A 192.0.2.1\nc AAAA ::1",
            &["a.example.test", "b.example.test", "c.example.test"],
        );
        good("a TXT \"x ; ( y\" ; a comment\n  MX 10 mx\n\tIN A 192.0.2.1\n", &["a.example.test"]);
        good("other.test. MX 10 mx\n", &["other.test"]);
        good(
            "$ORIGIN sub\n@ MX 1 a\n$ORIGIN other.test.\nb MX 1 a\n",
            &["sub.example.test", "b.other.test"],
        );
        good("$TTL 1d\na 1D A 192.0.2.1", &["a.example.test"]);
        good("@ SOA ns hostmaster (\n 1 ; serial\n 2 3 4 5 )\n MX 10 mx\n", &["example.test"]);
        good("a TYPE65534 \\# 1 00\na MX 0 .\n", &["a.example.test"]);
        good("a NSEC3 1 0 0 - 00 MX A\n", &[]);
        good("1 MX 10 mx\n", &["1.example.test"]);
    }

    #[test]
    fn delegations_are_below_the_owner_of_the_soa_record() {
        good(
            "@ SOA a b 1 2 3 4 5\n@ NS ns.child\n@ A 192.0.2.1\nchild NS ns.child\nns.child A 192.0.2.1\n",
            &["example.test"],
        );
    }

    #[test]
    fn what_is_no_zone_file_is_told_with_its_line() {
        bad("a MX 10 mx", None, "line 1: a name is relative");
        bad("  MX 10 mx", None, "line 1: a name is relative");
        bad("\n$INCLUDE other.zone", None, "line 2: $INCLUDE is not followed");
        bad("$GENERATE 1-9 a$ A 192.0.2.1", Some("a.test"), "line 1: this is no record");
        bad("a", Some("a.test"), "line 1: this is no record");
        bad("a 3600 IN", Some("a.test"), "line 1: this is no record");
        bad("a A ( 192.0.2.1", Some("a.test"), "line 2: a parenthesis");
        bad("a A 192.0.2.1 )", Some("a.test"), "line 1: a parenthesis");
        bad(
            &format!("{} A 192.0.2.1", "x".repeat(2000)),
            Some("a.test"),
            "line 1: this is no record",
        );
        bad(&"x".repeat(3_000_000), Some("a.test"), "line 1: it is not text");
        assert!(MasterFile::mail_names(&b"a\xff A 192.0.2.1"[..], Some("a.test")).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets: Vec<u8>, text in "[a@. \t\n\\\\\"();$A-Z0-9]{0,200}") {
            let _ = MasterFile::mail_names(octets.as_slice(), Some("a.test"));
            let _ = MasterFile::mail_names(text.as_bytes(), None);
        }
    }
}

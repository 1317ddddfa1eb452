//! The file of exceptions.

use std::{
    collections::hash_map::Entry,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use mail_domain::DomainName;
use mta_sts::{MaxAge, Mode, MxPattern, Policy};
use serde::Deserialize;

use super::{Exception, Exceptions, Treatment};

/// The largest file that is read, in octets.
const LARGEST_FILE: u64 = 1024 * 1024;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// Why a file of exceptions cannot be used. The exceptions of before go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExceptionsError {
    /// The file cannot be read; the text names it.
    #[error("read the exceptions: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is larger than 1 MiB, or not UTF-8.
    #[error("read the exceptions: {} is not a text of at most 1 MiB", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// Something in it is wrong. The text shows the line.
    #[error("read the exceptions in {}: {source}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// Two exceptions are for the same domain.
    #[error("read the exceptions in {}: there are two for {domain}", .path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The domain, or a dot and the domain.
        domain: String,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, rename = "exception")]
    exceptions: Vec<Placed>,
}

/// One exception, and the domains that it is for.
#[derive(Deserialize)]
#[serde(try_from = "WrittenException")]
struct Placed(Reach, Exception);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenException {
    domain: Reach,
    #[serde(rename = "do")]
    treatment: Word,
    reason: Reason,
    until: Date,
    #[serde(default)]
    mx: Vec<Pattern>,
}

/// Which domains it is about.
#[derive(Deserialize)]
#[serde(try_from = "String")]
enum Reach {
    Exact(DomainName),
    Below(DomainName),
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Off,
    Testing,
    Pin,
    Require,
    IgnoreDaneTempfail,
    Observe,
    Enforce,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Reason(String);

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Pattern(MxPattern);

pub(super) fn load(path: &Path) -> Result<Exceptions, ExceptionsError> {
    let mut octets = Vec::new();
    fs_err::File::open(path)?.take(LARGEST_FILE.saturating_add(1)).read_to_end(&mut octets)?;
    let text = String::from_utf8(octets).ok().filter(|text| text.len() as u64 <= LARGEST_FILE);
    let text = text.ok_or_else(|| ExceptionsError::NotText { path: path.to_path_buf() })?;
    parse(path, &text)
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Exceptions, ExceptionsError> {
    let written: Written = toml::from_str(text).map_err(|source| ExceptionsError::Wrong {
        path: path.to_path_buf(),
        source: Box::new(source),
    })?;
    let mut exceptions = Exceptions::default();
    for Placed(reach, exception) in written.exceptions {
        let (map, dot, domain) = match reach {
            Reach::Exact(domain) => (&mut exceptions.exact, "", domain),
            Reach::Below(domain) => (&mut exceptions.below, ".", domain),
        };
        match map.entry(domain) {
            Entry::Vacant(place) => drop(place.insert(exception)),
            Entry::Occupied(place) => {
                let domain = format!("{dot}{}", place.key());
                return Err(ExceptionsError::Twice { path: path.to_path_buf(), domain });
            }
        }
    }
    Ok(exceptions)
}

impl TryFrom<WrittenException> for Placed {
    type Error = String;

    fn try_from(written: WrittenException) -> Result<Self, String> {
        let WrittenException { domain, treatment, reason, until, mx } = written;
        let exception = Exception {
            treatment: treatment.with(mx)?,
            reason: reason.0,
            until: until.to_string(),
            ends_at: end_of(until),
        };
        Ok(Self(domain, exception))
    }
}

impl Word {
    fn with(self, mx: Vec<Pattern>) -> Result<Treatment, String> {
        if self != Self::Pin && !mx.is_empty() {
            return Err("`mx` goes with `do = \"pin\"` only".to_owned());
        }
        Ok(match self {
            Self::Off => Treatment::Off,
            Self::Testing => Treatment::Testing,
            Self::Require => Treatment::Require,
            Self::IgnoreDaneTempfail => Treatment::IgnoreDaneTempfail,
            Self::Observe => Treatment::Observe,
            Self::Enforce => Treatment::Enforce,
            Self::Pin => {
                let patterns = mx.into_iter().map(|pattern| pattern.0);
                let policy = Policy::new(Mode::Enforce, MaxAge::MAX, patterns);
                Treatment::Pin(Arc::new(policy.map_err(
                    |_| "`do = \"pin\"` needs the MX hosts, as in `mx = [\"mx1.example.com\"]`",
                )?))
            }
        })
    }
}

/// The first second after a day, in UTC.
fn end_of(day: Date) -> i64 {
    let next = day.saturating_add(1.day());
    // The end of the calendar ends nothing.
    next.to_zoned(TimeZone::UTC).map_or(i64::MAX, |zoned| zoned.timestamp().as_second())
}

impl TryFrom<String> for Reach {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parse =
            |name| DomainName::parse(name).map_err(|error| format!("not a domain name: {error}"));
        match text.strip_prefix('.') {
            Some(suffix) => parse(suffix).map(Self::Below),
            None => parse(&text).map(Self::Exact),
        }
    }
}

impl TryFrom<String> for Reason {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("say why: somebody will wonder".to_owned());
        }
        if text.chars().count() > LONGEST_REASON || text.chars().any(char::is_control) {
            return Err(format!("write one line of at most {LONGEST_REASON} characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        MxPattern::parse(&text).map(Self).map_err(|error| format!("not an MX pattern: {error}"))
    }
}

//! Which files there are.

use std::{error::Error, fmt, fs, io::Write, path::Path};

use flate2::{Compression, GzBuilder};

use crate::{mail, random::Random, report};

/// All sets, in the order in which they are measured.
pub const SETS: [Set; 9] = {
    use Form::{Gzip, Json, Mail};
    use Size::{Full, Small, Tiny};
    [
        Set(Tiny, Json),
        Set(Tiny, Gzip),
        Set(Tiny, Mail),
        Set(Small, Json),
        Set(Small, Gzip),
        Set(Small, Mail),
        Set(Full, Json),
        Set(Full, Gzip),
        Set(Full, Mail),
    ]
};

/// Files of one size and form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(pub Size, pub Form);

/// How much there is in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One policy with one failure: what most real reports are like.
    Tiny,
    /// Ten policies of two failures each.
    Small,
    /// Ten policies of twenty failures each.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Gzip,
    /// With the gzipped report as attachment (RFC 8460 §5.3).
    Mail,
}

impl Set {
    pub fn parse(name: &str) -> Option<Self> {
        SETS.into_iter().find(|set| set.to_string() == name)
    }
}

impl Size {
    pub fn policies(self) -> usize {
        match self {
            Self::Tiny => 1,
            Self::Small | Self::Full => 10,
        }
    }

    pub fn failures_of_a_policy(self) -> usize {
        match self {
            Self::Tiny => 1,
            Self::Small => 2,
            Self::Full => 20,
        }
    }
}

/// Writes the files of a set into a folder, which must not be there yet.
pub fn write(folder: &Path, set: Set, count: usize, seed: u64) -> Result<(), Box<dyn Error>> {
    fs::create_dir(folder)?;
    for number in 0..count {
        let mut random = Random::of(seed, number);
        let report = report::make(number, set.0, &mut random);
        let (octets, ending) = match set.1 {
            Form::Json => (report.json, "json"),
            Form::Gzip => (gzip(&report.json)?, "json.gz"),
            Form::Mail => (mail::write(&report, &gzip(&report.json)?, &mut random), "eml"),
        };
        fs::write(folder.join(format!("{number:07}.{ending}")), octets)?;
    }
    Ok(())
}

/// No time and no name in the header: the same octets in every run.
fn gzip(octets: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::new(6));
    encoder.write_all(octets)?;
    Ok(encoder.finish()?)
}

impl fmt::Display for Set {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match self.0 {
            Size::Tiny => "tiny",
            Size::Small => "small",
            Size::Full => "full",
        };
        let form = match self.1 {
            Form::Json => "json",
            Form::Gzip => "gzip",
            Form::Mail => "mail",
        };
        write!(formatter, "{size}-{form}")
    }
}

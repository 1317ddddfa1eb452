//! Records of a zone of the operator's: read as they are, written as they shall be.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, RecordType};

/// A string of a TXT record holds at most so many octets (RFC 1035 §3.3).
const LONGEST_STRING: usize = 255;

/// The types of records that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// A text.
    Txt,
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
}

/// What one record says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordValue {
    /// The strings of a text.
    Txt(Vec<Vec<u8>>),
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Another name, without the dot at the end.
    Cname(String),
}

/// All records of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Their owner, without the dot at the end.
    pub owner: String,
    /// Their type.
    pub kind: RecordKind,
    /// What they say, in order; empty if there are none.
    pub values: Vec<RecordValue>,
    /// Seconds; 0 if there are none.
    pub ttl: u32,
}

/// What is to become of the records of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetChange {
    /// Their owner, without the dot at the end.
    pub owner: String,
    /// Their type.
    pub kind: RecordKind,
    /// What they say now. If they do not, the change is not made.
    pub before: Vec<RecordValue>,
    /// What they shall say; empty if they shall go.
    pub after: Vec<RecordValue>,
    /// Seconds that they may be kept.
    pub ttl: u32,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Txt, Self::A, Self::Aaaa, Self::Cname];

    pub(super) fn record_type(self) -> RecordType {
        match self {
            Self::Txt => RecordType::TXT,
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
            Self::Cname => RecordType::CNAME,
        }
    }
}

impl RecordValue {
    /// A text, cut into strings where it is long.
    pub fn text(text: &str) -> Self {
        let strings = text.as_bytes().chunks(LONGEST_STRING).map(<[u8]>::to_vec);
        Self::Txt(strings.collect())
    }

    /// Do both say the same to whoever reads them? How a text is cut means nothing.
    pub fn says_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Txt(one), Self::Txt(other)) => one.concat() == other.concat(),
            _ => self == other,
        }
    }

    pub(super) fn of(data: &RData) -> Option<Self> {
        match data {
            RData::TXT(text) => {
                Some(Self::Txt(text.txt_data.iter().map(|string| string.to_vec()).collect()))
            }
            RData::A(address) => Some(Self::A(address.0)),
            RData::AAAA(address) => Some(Self::Aaaa(address.0)),
            RData::CNAME(name) => {
                let name = name.0.to_ascii().to_ascii_lowercase();
                Some(Self::Cname(name.trim_end_matches('.').to_owned()))
            }
            _ => None,
        }
    }

    pub(super) fn data(&self) -> Result<RData, String> {
        Ok(match self {
            Self::Txt(strings) => {
                if strings.is_empty() || strings.iter().any(|one| one.len() > LONGEST_STRING) {
                    return Err("a text is empty, or a string of it too long".to_owned());
                }
                RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect()))
            }
            Self::A(address) => RData::A(A(*address)),
            Self::Aaaa(address) => RData::AAAA(AAAA(*address)),
            Self::Cname(name) => {
                let name =
                    Name::from_ascii(format!("{name}.")).map_err(|error| error.to_string())?;
                RData::CNAME(CNAME(name))
            }
        })
    }
}

impl RecordSet {
    /// Does it say the same as these? Neither order nor TTL matters.
    pub fn says(&self, values: &[RecordValue]) -> bool {
        self.values.len() == values.len()
            && values.iter().all(|value| self.values.iter().any(|own| own.says_the_same(value)))
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Txt => "TXT",
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
        })
    }
}

impl fmt::Display for RecordValue {
    /// As a zone file has it (RFC 1035 §5.1), safe to show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => write!(f, "{address}"),
            Self::Aaaa(address) => write!(f, "{address}"),
            Self::Cname(name) => write!(f, "{name}."),
            Self::Txt(strings) => {
                for (index, string) in strings.iter().enumerate() {
                    f.write_str(if index == 0 { "\"" } else { " \"" })?;
                    for &octet in string {
                        match octet {
                            b'"' | b'\\' => write!(f, "\\{}", char::from(octet))?,
                            b' '..=b'~' => write!(f, "{}", char::from(octet))?,
                            _ => write!(f, "\\{octet:03}")?,
                        }
                    }
                    f.write_str("\"")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for SetChange {
    /// A line for each record that goes, with `-`, and for each that comes, with `+`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, kind, before, after, ttl } = self;
        for (index, (sign, value)) in before
            .iter()
            .map(|value| ('-', value))
            .chain(after.iter().map(|value| ('+', value)))
            .enumerate()
        {
            let end = if index == 0 { "" } else { "\n" };
            let ttl = if sign == '+' { format!(" {ttl}") } else { String::new() };
            write!(f, "{end}{sign} {owner}.{ttl} IN {kind} {value}")?;
        }
        Ok(())
    }
}

//! What goes into the zone.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use mail_domain::DomainName;
use mta_sts::{PolicyId, Record};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::PublishedDomain;

/// A string of a TXT record holds at most so many octets.
const LONGEST_STRING: usize = 255;

/// What a policy host points to.
#[derive(Clone, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(with = "String")]
pub enum Target {
    /// An address.
    Address(IpAddr),
    /// Another name, by CNAME.
    Name(DomainName),
}

/// A record of DNS, to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DnsRecord {
    /// Its owner, without the dot at the end.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// What it says.
    #[serde(flatten)]
    pub data: RecordData,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "data")]
pub enum RecordData {
    /// A text, in one piece.
    #[serde(rename = "TXT")]
    Txt(String),
    /// An address.
    #[serde(rename = "A")]
    A(Ipv4Addr),
    /// An address.
    #[serde(rename = "AAAA")]
    Aaaa(Ipv6Addr),
    /// Another name, without the dot at the end.
    #[serde(rename = "CNAME")]
    Cname(String),
}

impl PublishedDomain {
    /// Its records: that of TLS-RPT if addresses for reports are configured, those of the policy
    /// host if a target is, and the STS record for this id.
    pub fn records(&self, id: Option<&PolicyId>) -> Vec<DnsRecord> {
        let ttl = self.ttl;
        let mut records = Vec::new();
        if !self.rua.is_empty() {
            let record = tls_rpt::Record { rua: self.rua.clone(), extensions: Vec::new() };
            let name = self.owner("_smtp._tls");
            records.push(DnsRecord { name, ttl, data: RecordData::Txt(record.to_string()) });
        }
        for target in &self.target {
            let data = match target {
                Target::Address(IpAddr::V4(address)) => RecordData::A(*address),
                Target::Address(IpAddr::V6(address)) => RecordData::Aaaa(*address),
                Target::Name(name) => RecordData::Cname(name.to_string()),
            };
            records.push(DnsRecord { name: self.owner("mta-sts"), ttl, data });
        }
        if let Some(id) = id {
            let data = RecordData::Txt(Record::new(id.clone()).to_string());
            records.push(DnsRecord { name: self.owner("_mta-sts"), ttl, data });
        }
        records
    }

    /// The name that holds the records of this label: below the domain, or below the domain of ours
    /// that it is delegated to.
    pub fn owner(&self, label: &str) -> String {
        match &self.delegate {
            None => format!("{label}.{}", self.domain),
            Some(base) => format!("{label}.{}.{base}", self.domain),
        }
    }

    /// The aliases that the owner of the domain sets once, if it is delegated.
    pub fn aliases(&self) -> Vec<DnsRecord> {
        if self.delegate.is_none() {
            return Vec::new();
        }
        let alias = |label| DnsRecord {
            name: format!("{label}.{}", self.domain),
            ttl: self.ttl,
            data: RecordData::Cname(self.owner(label)),
        };
        ["mta-sts", "_mta-sts", "_smtp._tls"].map(alias).to_vec()
    }
}

/// Records as lines of a zone file, with absolute names.
pub fn zone_file(records: &[DnsRecord]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

impl fmt::Display for DnsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {} IN ", self.name, self.ttl)?;
        match &self.data {
            RecordData::A(address) => write!(f, "A {address}"),
            RecordData::Aaaa(address) => write!(f, "AAAA {address}"),
            RecordData::Cname(name) => write!(f, "CNAME {name}."),
            RecordData::Txt(text) => {
                f.write_str("TXT")?;
                text.as_bytes().chunks(LONGEST_STRING).try_for_each(|part| quoted(part, f))
            }
        }
    }
}

/// A string in quotation marks, as RFC 1035 §5.1 writes it.
fn quoted(part: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(" \"")?;
    for &octet in part {
        match octet {
            b'"' | b'\\' => write!(f, "\\{}", char::from(octet))?,
            b' '..=b'~' => write!(f, "{}", char::from(octet))?,
            _ => write!(f, "\\{octet:03}")?,
        }
    }
    f.write_str("\"")
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Address(address) => to.collect_str(address),
            Self::Name(name) => to.collect_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        DomainName::parse(&text).map(Self::Name).map_err(D::Error::custom)
    }
}

//! Before anything is ordered: does the DNS lead here, and may this authority issue?
//!
//! A failed validation counts against the limits of an authority, and says less about its cause than
//! a look of our own.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::{CaaRecord, Lookup};
use sealpost_net::Network;

use super::printable;
use crate::Target;

/// Properties of CAA records that we understand; another one that is critical forbids (RFC 8659
/// §4.1).
const KNOWN: [&str; 7] =
    ["issue", "issuewild", "issuemail", "issuevmc", "iodef", "contactemail", "contactphone"];

/// What must hold.
#[derive(Debug)]
pub(crate) struct Preflight<'a> {
    pub(crate) network: &'a Network,
    /// Where the policy host is to be found; empty if nobody said.
    pub(crate) ours: &'a [Target],
    /// The names by which CAA records know the authority; empty if that is not known.
    pub(crate) authorities: &'a [String],
    /// How the name is to be proved.
    pub(crate) method: &'static str,
    pub(crate) account: &'a str,
}

/// Why nothing is ordered. The text fits after "failed to ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Unfit {
    /// It has no address, or another's.
    #[error("order a certificate for {host}: the DNS does not lead here: {what}")]
    Elsewhere {
        /// The policy host.
        host: DomainName,
        /// What it says.
        what: String,
    },
    /// Nobody said which addresses it has to have.
    #[error(
        "order a certificate for {host}: nobody said at which addresses it is to be found, so it \
         cannot be told whether the DNS leads here: set `target` of the domain, or `addresses` in \
         [publish.host]"
    )]
    Nowhere {
        /// The policy host.
        host: DomainName,
    },
    /// It could not be learnt.
    #[error("order a certificate for {host}: could not learn {what}")]
    Unknown {
        /// The policy host.
        host: DomainName,
        /// What could not be learnt.
        what: String,
    },
    /// CAA forbids it.
    #[error("order a certificate for {host}: the CAA records of {owner} forbid it: {what}")]
    Forbidden {
        /// The policy host.
        host: DomainName,
        /// Where the records are.
        owner: DomainName,
        /// What they say.
        what: String,
    },
}

impl Preflight<'_> {
    /// Looks.
    pub(crate) async fn look(&self, host: &DomainName) -> Result<(), Unfit> {
        let (addresses, caa) =
            tokio::join!(self.network.addresses(host), self.network.caa_records(host));
        let found = addresses.all();
        let elsewhere = |what| Unfit::Elsewhere { host: host.clone(), what };
        if found.is_empty() {
            return Err(if addresses.none_exist() {
                elsewhere("it has no address; set the record of `publish records`".to_owned())
            } else {
                Unfit::Unknown { host: host.clone(), what: "its addresses".to_owned() }
            });
        }
        // By dns-01 the authority asks for a record, wherever the host is.
        if self.method != "dns-01" {
            let ours = self.ours(host).await?;
            // The authority may ask at any of them.
            let other = found.iter().find(|address| !ours.contains(address));
            if let Some(other) = other {
                return Err(elsewhere(format!("it has the address {other}, which is not ours")));
            }
        }
        match &caa.records {
            Lookup::Absent(_) => Ok(()),
            Lookup::Unknown(_) => {
                let what = format!("the CAA records of {}", caa.owner);
                Err(Unfit::Unknown { host: host.clone(), what })
            }
            Lookup::Found(records) => {
                permits(&records.value, self.authorities, self.method, self.account).map_err(
                    |what| {
                        let (host, owner) = (host.clone(), caa.owner.clone());
                        Unfit::Forbidden { host, owner, what }
                    },
                )
            }
        }
    }

    /// The addresses at which the policy host is to be found.
    async fn ours(&self, host: &DomainName) -> Result<Vec<IpAddr>, Unfit> {
        if self.ours.is_empty() {
            return Err(Unfit::Nowhere { host: host.clone() });
        }
        let mut ours = Vec::new();
        for target in self.ours {
            let name = match target {
                Target::Address(address) => {
                    ours.push(*address);
                    continue;
                }
                Target::Name(name) => name,
            };
            let found = self.network.addresses(name).await.all();
            if found.is_empty() {
                let what = format!("the addresses of {name}, to which it is to point");
                return Err(Unfit::Unknown { host: host.clone(), what });
            }
            ours.extend(found);
        }
        Ok(ours)
    }
}

/// Whether records let one of these authorities issue by this method for this account (RFC 8659 §4.2,
/// RFC 8657).
fn permits(
    records: &[CaaRecord],
    authorities: &[String],
    method: &str,
    account: &str,
) -> Result<(), String> {
    let unknown = |record: &&CaaRecord| record.flags & 128 != 0 && !KNOWN.contains(&&*record.tag);
    if let Some(record) = records.iter().find(unknown) {
        return Err(format!("the critical property {} is not understood", printable(&record.tag)));
    }
    let issue: Vec<_> = records.iter().filter(|record| record.tag == "issue").collect();
    if issue.is_empty() || authorities.is_empty() {
        return Ok(());
    }
    let is_allowed = |record: &&CaaRecord| {
        let mut parts = record.value.split(';').map(str::trim);
        let domain = parts.next().unwrap_or_default();
        authorities.iter().any(|authority| authority.eq_ignore_ascii_case(domain))
            && parts.all(|part| match part.split_once('=') {
                Some(("validationmethods", methods)) => {
                    methods.split(',').any(|one| one.trim() == method)
                }
                Some(("accounturi", uri)) => uri.trim() == account,
                _ => true,
            })
    };
    if issue.iter().any(is_allowed) {
        return Ok(());
    }
    let values: Vec<_> = issue.iter().map(|record| printable(&record.value)).collect();
    let authorities = authorities.join(" or ");
    Err(format!(
        "they allow \"{}\"; for {authorities} by {method} add: issue \"{}\"",
        values.join("\", \""),
        authorities.split(' ').next().unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(flags: u8, tag: &str, value: &str) -> CaaRecord {
        CaaRecord { flags, tag: tag.to_owned(), value: value.to_owned() }
    }

    fn verdict(records: &[CaaRecord]) -> Result<(), String> {
        let authorities = ["ca.example".to_owned(), "ca.test".to_owned()];
        permits(records, &authorities, "http-01", "https://ca.example/acct/1")
    }

    #[test]
    fn records_permit_or_forbid() {
        let good = |records: &[CaaRecord]| assert_eq!(verdict(records), Ok(()), "{records:?}");
        good(&[]);
        good(&[record(0, "iodef", "mailto:a@example.com")]); // nothing about issuing
        good(&[record(0, "issuewild", ";")]); // of wildcards only
        good(&[record(0, "issue", "other.example"), record(0, "issue", "CA.example")]);
        good(&[record(128, "issue", " ca.test ; validationmethods=dns-01,http-01")]);
        good(&[record(0, "issue", "ca.test; accounturi=https://ca.example/acct/1")]);
        good(&[record(0, "unknown", "x"), record(0, "issue", "ca.test")]);

        let bad = |records: &[CaaRecord]| assert!(verdict(records).is_err(), "{records:?}");
        bad(&[record(0, "issue", ";")]); // nobody
        bad(&[record(0, "issue", "other.example")]);
        bad(&[record(0, "issue", "ca.test; validationmethods=dns-01")]);
        bad(&[record(0, "issue", "ca.test; accounturi=https://ca.example/acct/2")]);
        bad(&[record(128, "unknown", "x"), record(0, "issue", "ca.test")]);
    }
}

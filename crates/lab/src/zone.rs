//! What the lab's DNS knows, and what it answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, Ipv6Addr},
};

use hickory_proto::{
    op::ResponseCode,
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, MX, SOA, TXT},
    },
};

use crate::LabError;

/// Time to live of every record, in seconds.
const TTL: u32 = 300;
/// The longest chain of aliases that is followed.
const LONGEST_CHAIN: usize = 8;

/// The content of one record.
#[derive(Clone, Debug)]
pub(crate) enum RecordData {
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    /// Preference and the exchange's full name, empty for the root.
    Mx(u16, String),
    /// The character strings of one text.
    Text(Vec<Vec<u8>>),
    /// The full name of the target. In the table of the fleet, the placeholder stands for the
    /// domain.
    Alias(String),
}

/// How the DNS fails for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    ServerFailure,
    Refused,
    /// No answer at all.
    Silence,
}

/// All names under `.test`, as a recursive resolver sees them.
#[derive(Default)]
pub(crate) struct Zone {
    records: BTreeMap<Name, Vec<RData>>,
    /// Every name that has a name below it, whether or not it has records.
    existing: BTreeSet<Name>,
    faults: BTreeMap<Name, (Option<RecordType>, Fault)>,
}

/// An answer, but for the question and the flags.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Reply { code: ResponseCode, answers: Vec<Record>, authorities: Vec<Record> },
    Silence,
}

impl Zone {
    pub(crate) fn add(&mut self, owner: &str, data: RecordData) -> Result<(), LabError> {
        let owner = name(owner)?;
        let data = match data {
            RecordData::Ipv4(address) => RData::A(A(address)),
            RecordData::Ipv6(address) => RData::AAAA(AAAA(address)),
            RecordData::Mx(preference, exchange) => {
                RData::MX(MX::new(preference, name(&exchange)?))
            }
            RecordData::Text(strings) => {
                RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect()))
            }
            RecordData::Alias(target) => RData::CNAME(CNAME(name(&target)?)),
        };
        self.exists(&owner);
        self.records.entry(owner).or_default().push(data);
        Ok(())
    }

    pub(crate) fn fail(
        &mut self,
        owner: &str,
        record_type: Option<RecordType>,
        fault: Fault,
    ) -> Result<(), LabError> {
        let owner = name(owner)?;
        self.exists(&owner);
        self.faults.insert(owner, (record_type, fault));
        Ok(())
    }

    /// The name and all above it exist, if only because of what lies below.
    fn exists(&mut self, owner: &Name) {
        let mut owner = owner.clone();
        while !owner.is_root() && self.existing.insert(owner.clone()) {
            owner = owner.base_name();
        }
    }

    /// Answers as a resolver that has followed every alias.
    pub(crate) fn answer(&self, question: &Name, record_type: RecordType) -> Answer {
        let mut owner = question.to_lowercase();
        let mut answers = Vec::new();
        for _ in 0..=LONGEST_CHAIN {
            if !is_under_test(&owner) {
                return Answer::empty(ResponseCode::Refused);
            }
            match self.faults.get(&owner) {
                Some((only, fault)) if only.is_none_or(|only| only == record_type) => {
                    return match fault {
                        Fault::ServerFailure => Answer::empty(ResponseCode::ServFail),
                        Fault::Refused => Answer::empty(ResponseCode::Refused),
                        Fault::Silence => Answer::Silence,
                    };
                }
                _ => {}
            }
            let found = self.records.get(&owner).map(Vec::as_slice).unwrap_or_default();
            let mut wanted =
                found.iter().filter(|data| data.record_type() == record_type).peekable();
            if wanted.peek().is_some() {
                let to_record = |data: &RData| Record::from_rdata(owner.clone(), TTL, data.clone());
                answers.extend(wanted.map(to_record));
                return Answer::Reply {
                    code: ResponseCode::NoError,
                    answers,
                    authorities: Vec::new(),
                };
            }
            let alias = found.iter().find_map(|data| match data {
                RData::CNAME(CNAME(target)) => Some((data, target)),
                _ => None,
            });
            let Some((data, target)) = alias else {
                return self.denial(&owner, answers);
            };
            let link = Record::from_rdata(owner.clone(), TTL, data.clone());
            if answers.contains(&link) {
                break;
            }
            answers.push(link);
            owner = target.to_lowercase();
        }
        // A loop, or a chain that is too long: what was found so far, and the asker may judge.
        Answer::Reply { code: ResponseCode::NoError, answers, authorities: Vec::new() }
    }

    /// "No such name" or "no such data", each with the SOA record that RFC 2308 asks for.
    fn denial(&self, owner: &Name, answers: Vec<Record>) -> Answer {
        let code = if self.existing.contains(owner) {
            ResponseCode::NoError
        } else {
            ResponseCode::NXDomain
        };
        // An unregistered name is denied by `.test` itself.
        let domain = owner.trim_to(2);
        let apex = if self.existing.contains(&domain) { domain } else { owner.trim_to(1) };
        let (Ok(host), Ok(mailbox)) = (name("ns.lab.test"), name("hostmaster.lab.test")) else {
            return Answer::empty(ResponseCode::ServFail);
        };
        let soa = SOA::new(host, mailbox, 1, 3600, 600, 86_400, TTL);
        let authorities = vec![Record::from_rdata(apex, TTL, RData::SOA(soa))];
        Answer::Reply { code, answers, authorities }
    }
}

impl Answer {
    pub(crate) fn empty(code: ResponseCode) -> Self {
        Self::Reply { code, answers: Vec::new(), authorities: Vec::new() }
    }
}

/// A full name without its trailing dot; empty for the root.
fn name(text: &str) -> Result<Name, LabError> {
    Name::from_ascii(format!("{text}.")).map_err(|_| LabError::Name(text.to_owned()))
}

fn is_under_test(owner: &Name) -> bool {
    owner.iter().next_back().is_some_and(|label| label == b"test")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Result<Zone, LabError> {
        let mut zone = Zone::default();
        zone.add("a.test", RecordData::Alias("b.test".to_owned()))?;
        zone.add("b.test", RecordData::Ipv4(Ipv4Addr::LOCALHOST))?;
        zone.add("deep.below.c.test", RecordData::Ipv4(Ipv4Addr::LOCALHOST))?;
        zone.add("x.loop.test", RecordData::Alias("y.loop.test".to_owned()))?;
        zone.add("y.loop.test", RecordData::Alias("x.loop.test".to_owned()))?;
        zone.fail("d.test", Some(RecordType::MX), Fault::ServerFailure)?;
        zone.fail("e.test", None, Fault::Silence)?;
        Ok(zone)
    }

    #[track_caller]
    fn check(owner: &str, record_type: RecordType, expected: (ResponseCode, usize, usize)) {
        let answer = zone().and_then(|zone| Ok(zone.answer(&name(owner)?, record_type)));
        match answer {
            Ok(Answer::Reply { code, answers, authorities }) => {
                assert_eq!((code, answers.len(), authorities.len()), expected, "{owner}");
            }
            other => panic!("{owner}: {other:?}"),
        }
    }

    #[test]
    fn answers_tell_absence_failure_and_presence_apart() {
        use ResponseCode::{NXDomain, NoError, Refused, ServFail};
        check("b.test", RecordType::A, (NoError, 1, 0));
        check("B.TEST", RecordType::A, (NoError, 1, 0));
        check("b.test", RecordType::AAAA, (NoError, 0, 1)); // no such data
        check("a.test", RecordType::A, (NoError, 2, 0)); // the alias and its target
        check("a.test", RecordType::CNAME, (NoError, 1, 0));
        check("a.test", RecordType::MX, (NoError, 1, 1)); // the alias, then no such data
        check("nobody.test", RecordType::A, (NXDomain, 0, 1));
        check("x.b.test", RecordType::A, (NXDomain, 0, 1));
        check("below.c.test", RecordType::A, (NoError, 0, 1)); // something lies below
        check("x.loop.test", RecordType::A, (NoError, 2, 0)); // and no endless walk
        check("d.test", RecordType::MX, (ServFail, 0, 0));
        check("d.test", RecordType::A, (NoError, 0, 1)); // the other types are answered
        check("example.com", RecordType::A, (Refused, 0, 0));
        check("", RecordType::NS, (Refused, 0, 0));
    }

    #[test]
    fn a_silent_name_has_no_answer() {
        let zone = zone().unwrap();
        assert_eq!(zone.answer(&name("e.test").unwrap(), RecordType::TXT), Answer::Silence);
    }
}

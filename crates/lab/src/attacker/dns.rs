//! What he makes of the DNS.

use std::time::Duration;

use hickory_proto::{
    op::ResponseCode,
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, MX, SOA, TXT},
    },
};

use super::{ADDRESS, Attacker, ISSUING_ADDRESS, MAIL_HOST, Victim};
use crate::{
    Attack,
    attack::Place,
    zone::{Answer, Flaw, Reply, Security, Signatures, Tampering, Zones},
};

/// Time to live of what he forges, in seconds: it shall be gone soon after the attack.
const TTL: u32 = 3;
/// How late an answer comes that is to come too late.
const LATE: Duration = Duration::from_secs(7);

/// An answer as the client sees it.
pub(crate) struct Seen {
    pub(crate) answer: Answer,
    pub(crate) late: Duration,
    pub(crate) authentic: Authentic,
}

/// Who speaks by the AD bit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentic {
    /// The resolver.
    True,
    /// The attacker, who sets it.
    Spoofed,
}

/// What takes the place of a true answer.
enum Forgery {
    Records(Vec<RData>),
    /// No such name.
    Denial,
    /// The name is there, and has other records.
    NoData,
    Silence,
}

impl Attacker {
    /// Answers as the zones do, but for what is attacked.
    pub(crate) fn answer(
        &self,
        zones: &Zones,
        question: &Name,
        record_type: RecordType,
        signatures: Signatures,
    ) -> Seen {
        let owner = question.to_lowercase().to_ascii();
        let owner = owner.trim_end_matches('.');
        let victim = self.victim_above(owner);
        let domains = self.domains_behind(owner, victim);
        // With nobody to attack only all of the DNS can be.
        let on = |place| self.on(&domains, place).filter(|_| !domains.is_empty());
        let timing = self.on(&domains, Place::Timing).map(|(attack, _)| attack);
        let late = if timing == Some(Attack::DnsSlow) { LATE } else { Duration::ZERO };
        let is_spoofed =
            on(Place::MxRecords).is_some_and(|(attack, _)| attack == Attack::AdSpoofed);
        let signatures = if is_spoofed { Signatures::Unwanted } else { signatures };
        let authentic = if is_spoofed { Authentic::Spoofed } else { Authentic::True };
        let forgery = if timing == Some(Attack::DnsBlocked) {
            Some(Forgery::Silence)
        } else {
            self.forge(zones, owner, record_type, victim, &domains)
        };
        let answer = match forgery {
            Some(Forgery::Silence) => Answer::Silence,
            Some(Forgery::Denial) => Answer::Reply(denial(zones, question, ResponseCode::NXDomain)),
            Some(Forgery::NoData) => Answer::Reply(denial(zones, question, ResponseCode::NoError)),
            Some(Forgery::Records(data)) => Answer::Reply(forged(zones, question, data)),
            None => {
                let tampering = self.tampering(owner, record_type, &domains);
                zones.answer_tampered(question, record_type, signatures, &tampering)
            }
        };
        Seen { answer, late, authentic }
    }

    /// The domains that a question is about: the one that the name belongs to, and those whose mail
    /// goes to the host.
    fn domains_behind(&self, owner: &str, victim: Option<&Victim>) -> Vec<&'static str> {
        let host = owner.strip_prefix("_25._tcp.").unwrap_or(owner);
        let users = self.users_of(host).iter().copied();
        victim.map(|victim| victim.name).into_iter().chain(users).collect()
    }

    fn forge(
        &self,
        zones: &Zones,
        owner: &str,
        record_type: RecordType,
        victim: Option<&Victim>,
        domains: &[&'static str],
    ) -> Option<Forgery> {
        let victims = domains.iter().filter_map(|domain| self.victims.get(domain));
        if domains.is_empty() {
            return None;
        }
        if let Some(forgery) =
            { victims }.find_map(|victim| self.forge_host(owner, record_type, victim))
        {
            return Some(forgery);
        }
        match record_type {
            RecordType::MX => self.forge_exchanges(owner, victim?),
            RecordType::TXT => self.forge_text(zones, owner, victim?),
            RecordType::TLSA => match self.on(domains, Place::TlsaRecords)?.0 {
                Attack::TlsaDropped => Some(Forgery::Silence),
                Attack::TlsaDenied => Some(Forgery::Denial),
                _ => None,
            },
            _ => None,
        }
    }

    fn forge_exchanges(&self, owner: &str, victim: &Victim) -> Option<Forgery> {
        let (attack, _) =
            self.on(&[victim.name], Place::MxRecords).filter(|_| owner == victim.name)?;
        let exchanges = match attack {
            Attack::MxForged | Attack::AdSpoofed => vec![(1, MAIL_HOST.to_owned())],
            Attack::MxNameForged | Attack::MxTwoLabels => {
                vec![(1, victim.forged_exchange(attack)?)]
            }
            Attack::MxBackupOutside => {
                let mut exchanges = victim.exchanges.clone();
                exchanges.push((1000, MAIL_HOST.to_owned()));
                exchanges
            }
            _ => return None,
        };
        let record = |(preference, exchange): (u16, String)| {
            Some(RData::MX(MX::new(preference, name(&exchange)?)))
        };
        exchanges.into_iter().map(record).collect::<Option<Vec<_>>>().map(Forgery::Records)
    }

    /// The host that a forged MX record names.
    fn forge_host(&self, owner: &str, record_type: RecordType, victim: &Victim) -> Option<Forgery> {
        let (attack, _) = self.on(&[victim.name], Place::MxRecords)?;
        let host = victim.forged_exchange(attack)?;
        if owner != host && owner.strip_prefix("_25._tcp.") != Some(host.as_str()) {
            return None;
        }
        let address = if attack == Attack::MxTwoLabels { ISSUING_ADDRESS } else { ADDRESS };
        match record_type {
            RecordType::A if owner == host => Some(Forgery::Records(vec![RData::A(A(address))])),
            // Some resolvers take "no such name" for all types.
            RecordType::A | RecordType::AAAA | RecordType::TLSA | RecordType::CNAME => {
                Some(Forgery::NoData)
            }
            _ => None,
        }
    }

    fn forge_text(&self, zones: &Zones, owner: &str, victim: &Victim) -> Option<Forgery> {
        if owner.strip_prefix("_mta-sts.") != Some(victim.name) {
            return None;
        }
        let (attack, moment) = self.on(&[victim.name], Place::StsRecord)?;
        let record = || text(&format!("v=STSv1; id=forged{moment};"));
        match attack {
            Attack::StsRecordDenied => Some(Forgery::Denial),
            Attack::StsRecordDropped => Some(Forgery::Silence),
            Attack::StsRecordSecond => {
                let true_answer =
                    zones.answer(&name(owner)?, RecordType::TXT, Signatures::Unwanted);
                let Answer::Reply(reply) = true_answer else { return None };
                let records = reply.answers.into_iter().map(|record| record.data);
                let mut data: Vec<_> =
                    records.filter(|data| data.record_type() == RecordType::TXT).collect();
                data.push(record());
                Some(Forgery::Records(data))
            }
            // A new id makes senders fetch. In a signed zone it would make them stop.
            Attack::StsIdForged => Some(Forgery::Records(vec![record()])),
            Attack::PolicyRedirected
            | Attack::PolicyCutMaxAge
            | Attack::PolicyCutMx
            | Attack::PolicyNone
            | Attack::PolicyReplayed => {
                let is_signed = zones.security_at(&name(owner)?) == Security::Secure;
                (!is_signed).then(|| Forgery::Records(vec![record()]))
            }
            _ => None,
        }
    }

    fn tampering(
        &self,
        owner: &str,
        record_type: RecordType,
        domains: &[&'static str],
    ) -> Tampering {
        // The lab has one IPv6 address for all hosts, where nobody can be singled out: a host that
        // is attacked has none.
        let is_mail_host =
            !self.users_of(owner).is_empty() && self.on(domains, Place::Session).is_some();
        let is_policy_host =
            owner.starts_with("mta-sts.") && self.on(domains, Place::PolicyHost).is_some();
        let is_hidden = record_type == RecordType::AAAA && (is_mail_host || is_policy_host);
        let is_expired = self
            .on(domains, Place::Signatures)
            .is_some_and(|(attack, _)| attack == Attack::RrsigExpired);
        let below = domains.iter().filter_map(|domain| name(domain)).collect();
        Tampering {
            withheld: is_hidden.then_some(RecordType::AAAA),
            flaw: is_expired.then_some((below, Flaw::Expired)),
        }
    }
}

impl Victim {
    /// The name in the forged MX record that is not the attacker's own.
    fn forged_exchange(&self, attack: Attack) -> Option<String> {
        match (attack, &self.wildcard) {
            (Attack::MxNameForged, Some(parent)) => Some(format!("forged.{parent}")),
            (Attack::MxNameForged, None) => self.exchanges.first().map(|(_, host)| host.clone()),
            (Attack::MxTwoLabels, Some(parent)) => Some(format!("a.forged.{parent}")),
            (Attack::MxTwoLabels, None) => Some(format!("a.forged.{}", self.name)),
            _ => None,
        }
    }
}

/// Records without signatures.
fn forged(zones: &Zones, owner: &Name, data: Vec<RData>) -> Reply {
    let record = |data| Record::from_rdata(owner.clone(), TTL, data);
    let answers = data.into_iter().map(record).collect();
    Reply { security: unsigned_at(zones, owner), answers, ..Reply::empty(ResponseCode::NoError) }
}

/// "No such name" or "no such data", and no proof of it.
fn denial(zones: &Zones, owner: &Name, code: ResponseCode) -> Reply {
    let soa = SOA::new(owner.clone(), owner.clone(), 1, 3600, 600, 86_400, TTL);
    let apex = zones.apex_of(owner).unwrap_or_else(|| owner.clone());
    let authorities = vec![Record::from_rdata(apex, TTL, RData::SOA(soa))];
    let security = unsigned_at(zones, owner);
    Reply { security, authorities, ..Reply::empty(code) }
}

/// What a validator makes of records at this name that nobody has signed.
fn unsigned_at(zones: &Zones, owner: &Name) -> Security {
    match zones.security_at(owner) {
        Security::Secure | Security::Bogus => Security::Bogus,
        Security::Insecure => Security::Insecure,
    }
}

fn text(text: &str) -> RData {
    RData::TXT(TXT::from_bytes(vec![text.as_bytes()]))
}

fn name(text: &str) -> Option<Name> {
    Name::from_ascii(format!("{text}.")).ok()
}

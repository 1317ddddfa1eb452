//! What can change of a domain, as far as it is known.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use dane::{MatchingType, Selector, TlsaRecord, Usage};
use mta_sts::{PolicyId, Record, Selection, select_record};
use sealpost_evidence::{
    BodyEnd, Certificate, ConnectionFault, ConnectionFaultKind, Evidence, FetchOutcome,
    HostAddresses, Lookup, MailHost, MailHosts, MxSource, PolicyFetch, PolicyHost, SmtpSession,
    TextRecord, TlsSession,
};
use serde::{Deserialize, Serialize};

use super::{Change, Key, Server, Shown};
use crate::{Verdict, judge};

/// At most so many names of a certificate are kept.
const MOST_NAMES: usize = 100;
/// The longest text that a change gives, in characters.
const LONGEST: usize = 2_000;
/// The most addresses of the policy host of which a body, or a certificate, is carried on.
const MOST_CARRIED: usize = 64;
/// Addresses that a host has no more, which are remembered.
const MOST_FORMER: usize = 64;
/// A host with so many former addresses answers with others each time.
const ROTATING: usize = 8;

/// What can change of a domain, each part as far as it is known. It is kept from look to look, as
/// JSON; what this version cannot read is made anew of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    verdict: Option<Verdict>,
    /// The texts at `_mta-sts.` that are meant for MTA-STS.
    sts: Option<BTreeSet<String>>,
    tls_rpt: Option<BTreeSet<String>>,
    policy: Policies,
    /// Its certificates.
    policy_host: Shows,
    policy_host_name: Option<String>,
    /// Each MX host with its preference.
    mx: Option<BTreeMap<String, u16>>,
    /// What is known of each.
    hosts: BTreeMap<String, Host>,
}

/// What each address of the policy host serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Policies {
    /// No address, no policy.
    addresses: Addresses,
    /// Its body, or that it serves none. An address that did not answer is not here.
    bodies: BTreeMap<IpAddr, Option<String>>,
    /// Those that answered the last look, with whatever.
    answered: BTreeSet<IpAddr>,
}

/// The addresses of a host. Those of a family that is not known may be the same as before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Addresses {
    ipv4: Option<BTreeSet<IpAddr>>,
    ipv6: Option<BTreeSet<IpAddr>>,
}

/// The certificate that each address has shown.
type Shows = BTreeMap<IpAddr, Shown>;

/// An MX host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Host {
    addresses: Addresses,
    /// Those that it had, the last one at the end.
    former: Vec<IpAddr>,
    /// Those that have ever answered.
    answered: BTreeSet<IpAddr>,
    shows: Shows,
    tlsa: Option<BTreeSet<String>>,
}

impl Facts {
    /// What evidence tells, and nothing else.
    pub fn of(evidence: &Evidence) -> Self {
        let mail = evidence.mail_hosts.as_ref();
        let hosts = mail.into_iter().flat_map(|mail| &mail.hosts);
        let policy_host = evidence.policy_host.as_ref();
        Self {
            verdict: verdict(evidence),
            sts: evidence.sts_records.as_ref().and_then(|texts| records(texts, "v=sts")),
            tls_rpt: evidence.tls_rpt_records.as_ref().and_then(|texts| records(texts, "v=tlsrpt")),
            policy: policy_host.map(Policies::of).unwrap_or_default(),
            policy_host: shows(policy_host.into_iter().flat_map(|host| &host.fetches), |fetch| {
                (fetch.address, fetch.tls.as_ref())
            }),
            policy_host_name: policy_host.map(|host| host.name.to_string()),
            mx: mail.and_then(|mail| exchangers(evidence, mail)),
            hosts: hosts.map(|host| (host.name.clone(), Host::of(host))).collect(),
        }
    }

    /// These, and what they do not tell as it was before.
    #[must_use]
    pub fn carried_from(mut self, before: &Self) -> Self {
        if before.verdict.is_some() && (self.verdict.is_none() || self.is_in_doubt(before)) {
            self.verdict = before.verdict;
        }
        carry(&mut self.sts, &before.sts);
        carry(&mut self.tls_rpt, &before.tls_rpt);
        self.policy.carry(&before.policy);
        carry_shows(&mut self.policy_host, &before.policy_host, &self.policy.addresses);
        carry(&mut self.policy_host_name, &before.policy_host_name);
        carry(&mut self.mx, &before.mx);
        for (name, host) in &before.hosts {
            let is_listed = self.mx.as_ref().is_none_or(|mx| mx.contains_key(name));
            if is_listed {
                self.hosts.entry(name.clone()).or_default().carry(host);
            }
        }
        self
    }

    /// Whether the verdict may be as it was, for all that those say who answered: somebody who had
    /// answered before, and is silent now, would make the difference.
    fn is_in_doubt(&self, before: &Self) -> bool {
        let is_silent = |(name, host): (&String, &Host)| {
            before.hosts.get(name).is_some_and(|earlier| host.misses(earlier))
        };
        match (before.verdict, self.verdict) {
            (_, None | Some(Verdict::Absent | Verdict::NoMail)) => false,
            // What somebody else says cannot make it better, but worse.
            (Some(Verdict::Failing), Some(Verdict::Enforced))
                if self.hosts.iter().any(is_silent) =>
            {
                true
            }
            // Is it the record that is wrong, or the policy?
            (_, Some(Verdict::Broken)) => {
                self.id().is_some() && self.policy.missed(&before.policy).next().is_some()
            }
            _ => {
                let told: BTreeSet<&String> = self.policy.bodies.values().flatten().collect();
                self.policy.missed(&before.policy).any(|body| !told.contains(body))
            }
        }
    }

    /// What has changed from these to those that a later look tells. What it does not tell counts as
    /// it was.
    pub fn changes_to(&self, later: &Self) -> Vec<Change> {
        let now = later.clone().carried_from(self);
        let mut changes = Vec::new();
        if let (Some(before), Some(after)) = (self.verdict, now.verdict)
            && before != after
        {
            changes.push(Change::VerdictChanged { before, after });
        }
        if let Some((before, after)) = differ(self.sts.as_ref(), now.sts.as_ref()) {
            changes.push(Change::StsRecordChanged { before, after });
        }
        self.add_policy(later, &now, &mut changes);
        if let Some((before, after)) = differ(self.tls_rpt.as_ref(), now.tls_rpt.as_ref()) {
            changes.push(Change::TlsRptRecordChanged { before, after });
        }
        self.add_exchangers(&now, &mut changes);
        for (name, before) in &self.hosts {
            if let Some(after) = now.hosts.get(name) {
                before.add(name, after, &mut changes);
            }
        }
        changes
    }

    fn add_policy(&self, later: &Self, now: &Self, changes: &mut Vec<Change>) {
        let (before, after) = (self.policy.served(), now.policy.served());
        if let Some((before, after)) = differ(before.as_ref(), after.as_ref()) {
            // Only who has seen the record beside the new body can tell that its id is the old one.
            let ids = (self.id(), later.id());
            changes.push(match ids {
                (Some(old), Some(new)) if old == new && !after.is_empty() => {
                    Change::IdUnchanged { id: new.to_string(), before, after }
                }
                _ => Change::PolicyChanged { before, after },
            });
        }
        if let Some(name) = &now.policy_host_name {
            let (before, after) = (&self.policy_host, &now.policy_host);
            add_certificates(Server::PolicyHost, name, before, after, changes);
        }
    }

    fn add_exchangers(&self, now: &Self, changes: &mut Vec<Change>) {
        let (Some(before), Some(after)) = (&self.mx, &now.mx) else { return };
        for (host, &preference) in after {
            let host = host.clone();
            match before.get(&host) {
                None => changes.push(Change::MxAdded { host, preference }),
                Some(&old) if old != preference => {
                    let (before, after) = (old, preference);
                    changes.push(Change::MxPreferenceChanged { host, before, after });
                }
                Some(_) => {}
            }
        }
        for (host, &preference) in before.iter().filter(|(host, _)| !after.contains_key(*host)) {
            changes.push(Change::MxRemoved { host: host.clone(), preference });
        }
    }

    /// The id that the STS record announces, if there is one that counts.
    fn id(&self) -> Option<PolicyId> {
        let texts: Vec<&str> = self.sts.iter().flatten().map(String::as_str).collect();
        match select_record(texts.iter().map(|text| text.as_bytes())) {
            Selection::One(index) => {
                let record = Record::parse(texts.get(index)?.as_bytes()).ok()?;
                Some(record.id)
            }
            Selection::None { .. } | Selection::Several(_) => None,
        }
    }
}

impl Policies {
    fn of(host: &PolicyHost) -> Self {
        let told = host.fetches.iter().filter_map(|fetch| Some((fetch.address, body(fetch)?)));
        let heard = host.fetches.iter().filter(|fetch| !fetch.fault().is_some_and(is_silence));
        Self {
            addresses: Addresses::of(&host.addresses),
            bodies: told.collect(),
            answered: heard.map(|fetch| fetch.address).collect(),
        }
    }

    /// What those served before who may still be there, and are silent now.
    fn missed<'a>(&self, before: &'a Self) -> impl Iterator<Item = &'a String> {
        let bodies = before.bodies.iter().filter(|(address, _)| {
            self.addresses.may_hold(address) && !self.answered.contains(*address)
        });
        bodies.filter_map(|(_, body)| body.as_ref())
    }

    fn carry(&mut self, before: &Self) {
        // There is nowhere to ask, which says enough.
        if self.addresses.none_exist() {
            return;
        }
        self.addresses.carry(&before.addresses);
        // Those that have answered speak for those that are gone; as long as none has, those that
        // are gone may have moved.
        let any_answered = !self.bodies.is_empty();
        for (address, body) in &before.bodies {
            let stays = !any_answered || self.addresses.may_hold(address);
            if stays && self.bodies.len() < MOST_CARRIED {
                self.bodies.entry(*address).or_insert_with(|| body.clone());
            }
        }
    }

    /// Every body that is served; `None` if that is not known.
    fn served(&self) -> Option<BTreeSet<String>> {
        let is_known = self.addresses.none_exist() || !self.bodies.is_empty();
        is_known.then(|| self.bodies.values().flatten().cloned().collect())
    }
}

impl Addresses {
    fn of(found: &HostAddresses) -> Self {
        let ipv4 = set(&found.ipv4, |&ip| IpAddr::V4(ip));
        let ipv6 = set(&found.ipv6, |&ip| IpAddr::V6(ip));
        Self { ipv4, ipv6 }
    }

    fn carry(&mut self, before: &Self) {
        carry(&mut self.ipv4, &before.ipv4);
        carry(&mut self.ipv6, &before.ipv6);
    }

    fn iter(&self) -> impl Iterator<Item = IpAddr> {
        self.ipv4.iter().chain(&self.ipv6).flatten().copied()
    }

    /// Whether there is none for sure.
    fn none_exist(&self) -> bool {
        [&self.ipv4, &self.ipv6].into_iter().all(|all| all.as_ref().is_some_and(BTreeSet::is_empty))
    }

    /// Whether this one is among them, or may be.
    fn may_hold(&self, address: &IpAddr) -> bool {
        let family = if address.is_ipv4() { &self.ipv4 } else { &self.ipv6 };
        family.as_ref().is_none_or(|all| all.contains(address))
    }
}

impl Host {
    fn of(host: &MailHost) -> Self {
        let addresses = host.addresses.as_ref().map(Addresses::of).unwrap_or_default();
        let tlsa = host.tlsa.as_ref().and_then(|lookups| {
            let mut records = BTreeSet::new();
            for lookup in lookups {
                records.extend(set(&lookup.records, |record| {
                    clip(&format!("{}: {record}", lookup.base))
                })?);
            }
            Some(records)
        });
        let shows = shows(&host.sessions, |session| (session.address, session.tls.as_ref()));
        let heard = host.sessions.iter().filter(|session| !is_silent(session));
        let answered = heard.map(|session| session.address).collect();
        Self { addresses, former: Vec::new(), answered, shows, tlsa }
    }

    fn carry(&mut self, before: &Self) {
        self.addresses.carry(&before.addresses);
        carry(&mut self.tlsa, &before.tlsa);
        let here: BTreeSet<IpAddr> = self.addresses.iter().collect();
        self.former.clone_from(&before.former);
        self.former.extend(before.addresses.iter());
        self.former.retain(|address| !here.contains(address));
        let gone = self.former.len().saturating_sub(MOST_FORMER);
        self.former.drain(..gone);
        let answered = before.answered.iter().filter(|address| here.contains(*address));
        self.answered.extend(answered);
        carry_shows(&mut self.shows, &before.shows, &self.addresses);
    }

    /// Whether somebody who answered before may still be there, and is silent now.
    fn misses(&self, before: &Self) -> bool {
        let mut missed = before.answered.difference(&self.answered);
        missed.any(|address| self.addresses.may_hold(address))
    }

    fn add(&self, name: &str, now: &Self, changes: &mut Vec<Change>) {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let (old, new) = (&self.addresses, &now.addresses);
        for (before, after) in [(&old.ipv4, &new.ipv4), (&old.ipv6, &new.ipv6)] {
            let (Some(before), Some(after)) = (before, after) else { continue };
            added.extend(after.difference(before).copied());
            removed.extend(before.difference(after).copied());
        }
        let is_rotation = self.former.len() >= ROTATING
            && !added.is_empty()
            && added.iter().all(|address| self.former.contains(address));
        let host = name.to_owned();
        let is_other = !added.is_empty() || !removed.is_empty();
        if is_other && !is_rotation {
            changes.push(Change::MxAddressesChanged { host: host.clone(), added, removed });
        }
        if let Some((before, after)) = differ(self.tlsa.as_ref(), now.tlsa.as_ref()) {
            changes.push(Change::TlsaChanged { host, before, after });
        }
        add_certificates(Server::Mx, name, &self.shows, &now.shows, changes);
    }
}

impl Shown {
    fn of(certificate: &Certificate) -> Self {
        let der = certificate.der.as_slice();
        let key =
            TlsaRecord::of_certificate(Usage::DaneEe, Selector::Spki, MatchingType::Sha256, der);
        let key = key.map(|record| record.to_string());
        let digest = key.as_deref().and_then(|text| text.rsplit(' ').next());
        let mut names = certificate.dns_names.clone();
        names.sort();
        names.truncate(MOST_NAMES);
        Self {
            sha256: certificate.sha256.clone(),
            key: digest.unwrap_or_default().to_owned(),
            names,
            issuer: clip(&certificate.issuer),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        }
    }

    fn key_after(&self, before: &Self) -> Key {
        if !self.key.is_empty() && self.key == before.key { Key::Same } else { Key::Other }
    }
}

/// The verdict by answers alone. To a sender a host that is silent is as good as one that refuses
/// him; here it may be as it was, and counts as if it had not been tried.
fn verdict(evidence: &Evidence) -> Option<Verdict> {
    let mut answered = evidence.clone();
    if let Some(host) = &mut answered.policy_host {
        host.fetches.retain(|fetch| !fetch.fault().is_some_and(is_silence));
    }
    for host in answered.mail_hosts.iter_mut().flat_map(|mail| &mut mail.hosts) {
        for session in host.sessions.iter_mut().filter(|session| is_silent(session)) {
            if let Some(fault) = &mut session.fault {
                fault.kind = ConnectionFaultKind::NoRoute;
            }
        }
    }
    judge(&answered).verdict.filter(|verdict| *verdict != Verdict::Unknown)
}

/// Whether a session came to nothing that could be told of it.
fn is_silent(session: &SmtpSession) -> bool {
    session.tls.is_none() && session.fault.as_ref().is_some_and(is_silence)
}

fn is_silence(fault: &ConnectionFault) -> bool {
    let kinds = [ConnectionFaultKind::TimedOut, ConnectionFaultKind::Unreachable];
    fault.is_ours() || kinds.contains(&fault.kind)
}

/// A change for each pair of certificates, with all addresses that went from the one to the other.
fn add_certificates(
    server: Server,
    host: &str,
    before: &Shows,
    after: &Shows,
    changes: &mut Vec<Change>,
) {
    let mut pairs: Vec<(&Shown, &Shown, Vec<IpAddr>)> = Vec::new();
    for (address, new) in after {
        let Some(old) = before.get(address).filter(|old| old.sha256 != new.sha256) else {
            continue;
        };
        let same = |(one, other, _): &&mut (&Shown, &Shown, Vec<IpAddr>)| {
            one.sha256 == old.sha256 && other.sha256 == new.sha256
        };
        match pairs.iter_mut().find(same) {
            Some((_, _, addresses)) => addresses.push(*address),
            None => pairs.push((old, new, vec![*address])),
        }
    }
    for (before, after, addresses) in pairs {
        let (host, key) = (host.to_owned(), after.key_after(before));
        let is_renewal = before.names == after.names && after.not_after > before.not_after;
        let (before, after) = (before.clone(), after.clone());
        changes.push(match is_renewal {
            true => Change::CertificateRenewed { server, host, addresses, before, after, key },
            false => Change::CertificateChanged { server, host, addresses, before, after, key },
        });
    }
}

/// The texts that begin like this, whatever their case; `None` if they are not known.
fn records(lookup: &Lookup<Vec<TextRecord>>, prefix: &str) -> Option<BTreeSet<String>> {
    let texts = match lookup {
        Lookup::Unknown(_) => return None,
        Lookup::Absent(_) => return Some(BTreeSet::new()),
        Lookup::Found(found) => found.value.iter().map(TextRecord::text),
    };
    let is_meant = |text: &String| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    Some(texts.map(|text| text.to_text().into_owned()).filter(is_meant).collect())
}

/// The MX hosts; `None` if they are not known.
fn exchangers(evidence: &Evidence, mail: &MailHosts) -> Option<BTreeMap<String, u16>> {
    let mut hosts = BTreeMap::new();
    match mail.source {
        MxSource::Unknown => return None,
        MxSource::Null | MxSource::NoSuchDomain => {}
        MxSource::Implicit => {
            hosts.insert(evidence.domain.to_string(), 0);
        }
        MxSource::Records => {
            for record in mail.records.value()? {
                let lowest = hosts.entry(record.exchange.clone()).or_insert(record.preference);
                *lowest = record.preference.min(*lowest);
            }
        }
    }
    Some(hosts)
}

/// What an address serves: a body, or none for sure; `None` if it has not said.
fn body(fetch: &PolicyFetch) -> Option<Option<String>> {
    let FetchOutcome::Replied(reply) = &fetch.outcome else { return None };
    match (reply.status, reply.body_end) {
        (200, BodyEnd::Complete | BodyEnd::ClosedCleanly) => {
            Some(Some(reply.body.to_text().into_owned()))
        }
        // Too busy, or out of order: what it will serve is not known.
        (200 | 408 | 429 | 500.., _) => None,
        _ => Some(None),
    }
}

/// The certificate that each has shown, of those that have.
fn shows<'a, T: 'a>(
    all: impl IntoIterator<Item = &'a T>,
    of: impl Fn(&'a T) -> (IpAddr, Option<&'a TlsSession>),
) -> Shows {
    let shown = all.into_iter().filter_map(|one| {
        let (address, session) = of(one);
        Some((address, Shown::of(session?.leaf()?)))
    });
    shown.collect()
}

/// Of addresses that may still be there, what they have not shown again.
fn carry_shows(shows: &mut Shows, before: &Shows, here: &Addresses) {
    for (address, shown) in before.iter().filter(|(address, _)| here.may_hold(address)) {
        if shows.len() < MOST_CARRIED {
            shows.entry(*address).or_insert_with(|| shown.clone());
        }
    }
}

/// What was found; `None` if it is not known.
fn set<T, U: Ord>(lookup: &Lookup<Vec<T>>, of: impl Fn(&T) -> U) -> Option<BTreeSet<U>> {
    match lookup {
        Lookup::Unknown(_) => None,
        Lookup::Absent(_) => Some(BTreeSet::new()),
        Lookup::Found(found) => Some(found.value.iter().map(of).collect()),
    }
}

fn carry<T: Clone>(now: &mut Option<T>, before: &Option<T>) {
    if now.is_none() {
        now.clone_from(before);
    }
}

/// Both, cut, if both are known and differ.
fn differ(
    before: Option<&BTreeSet<String>>,
    after: Option<&BTreeSet<String>>,
) -> Option<(Vec<String>, Vec<String>)> {
    let (before, after) = (before?, after?);
    let cut = |texts: &BTreeSet<String>| texts.iter().map(|text| clip(text)).collect();
    (before != after).then(|| (cut(before), cut(after)))
}

fn clip(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

//! One failure group with all that is known, and what is read out of it once.

use std::net::IpAddr;

use jiff::Timestamp;
use mail_domain::DomainName;
use mta_sts::{MaxAge, Mode, MxPattern, Policy};
use sealpost_evidence::traffic::{Day, FailureGroup};
use sealpost_evidence::{Dnssec, Evidence, HostAddresses, MailHost, Observer, Reach, SmtpSession};
use tls_rpt::{PolicyType, ResultType};

use super::known::{Known, KnownHosts, plain};
use super::reason::{Reason, read_reason};
use super::result::read_result;
use crate::Quoted;
use crate::judge::commands::Commands;

/// At most so many strings of a reported policy are read.
const MOST_STRINGS: usize = 256;
/// At most so many bytes of them together.
const MOST_OCTETS: usize = 65_536;

/// One failure group with all that is known.
pub(super) struct Case<'a> {
    pub(super) group: &'a FailureGroup,
    pub(super) known: &'a Known<'a>,
    pub(super) result: ResultType,
    pub(super) policy_type: PolicyType,
    /// The MX host that was reported, if it is a name.
    pub(super) mx: Option<DomainName>,
    pub(super) hosts: Option<KnownHosts>,
    pub(super) earlier_hosts: Option<KnownHosts>,
    pub(super) reported: Reported,
    /// The MTA-STS policy of now.
    pub(super) policy: Option<Policy>,
    pub(super) reasons: Vec<&'static Reason>,
    observer: Observer,
}

/// What could be read of the reported policy.
#[derive(Default)]
pub(super) struct Reported {
    pub(super) patterns: Vec<MxPattern>,
    pub(super) mode: Option<Mode>,
    pub(super) max_age: Option<MaxAge>,
}

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    OursEarlier,
    Stranger,
    Unknown,
}

/// What a command shows of an MX host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Dialogue,
    Certificate,
}

impl<'a> Case<'a> {
    pub(super) fn new(group: &'a FailureGroup, known: &'a Known<'a>) -> Self {
        let mx = group.mx_host.as_deref().and_then(read_name);
        let hosts = known.mail_hosts.cloned();
        // What is seen says more of now than what was noted.
        let policy = known.policies.last().map(|published| published.policy.clone());
        Self {
            group,
            known,
            result: read_result(&group.result_type),
            policy_type: PolicyType::from(group.policy_type.as_str()),
            mx,
            hosts: hosts.or_else(|| known.evidence.and_then(KnownHosts::of)),
            earlier_hosts: known.earlier.and_then(KnownHosts::of),
            reported: Reported::of(known),
            policy: known.evidence.and_then(served).or(policy),
            reasons: group.reason.as_deref().map(read_reason).unwrap_or_default(),
            observer: known.evidence.map_or_else(plain_observer, |e| e.observer.clone()),
        }
    }

    /// Does somebody vouch for these reports?
    pub(super) fn is_vouched_for(&self) -> bool {
        !self.group.reporter.signer.is_empty()
    }

    /// The day on which this kind of failure began, as far as it is known.
    pub(super) fn since(&self) -> Day {
        let history = self.known.history.map(|history| history.first_day);
        history.map_or(self.group.first_day, |day| day.min(self.group.first_day))
    }

    /// The day of the live look.
    pub(super) fn looked_on(&self) -> Option<Day> {
        self.known.evidence.map(|evidence| day_of(evidence.observed))
    }

    pub(super) fn domain(&self) -> Option<&DomainName> {
        self.group.domain.as_ref().or_else(|| self.known.evidence.map(|evidence| &evidence.domain))
    }

    /// The MX host for a sentence: its name if it is one, else what was written.
    pub(super) fn host_text(&self) -> String {
        match (&self.mx, &self.group.mx_host) {
            (Some(name), _) => name.to_string(),
            (None, Some(text)) => Quoted(text).to_string(),
            (None, None) => "the MX host".to_owned(),
        }
    }

    /// The host with its address where that was reported.
    pub(super) fn place_text(&self) -> String {
        match self.group.receiving_ip {
            Some(address) => format!("{} [{address}]", self.host_text()),
            None => self.host_text(),
        }
    }

    pub(super) fn owner_of(&self, address: IpAddr) -> Owner {
        match &self.hosts {
            Some(hosts) if hosts.at(address).is_some() => Owner::Ours,
            _ if self.past_hosts().any(|hosts| hosts.at(address).is_some()) => Owner::OursEarlier,
            Some(hosts) if hosts.addresses_are_whole && self.is_looked_at_since() => {
                Owner::Stranger
            }
            _ => Owner::Unknown,
        }
    }

    /// The MX hosts as they were before now.
    pub(super) fn past_hosts(&self) -> impl Iterator<Item = &KnownHosts> {
        self.earlier_hosts.iter().chain(self.known.past_hosts)
    }

    /// Were the MX hosts looked at after the sessions of one of these reports? If not, a host or an
    /// address that was not seen may be a new one of ours. A report that comes later tells of further
    /// sessions, and takes nothing back.
    pub(super) fn is_looked_at_since(&self) -> bool {
        let is_since = |evidence: &Evidence| match self.known.first_end {
            Some(end) => evidence.observed.as_second() > end,
            None => day_of(evidence.observed) > self.group.last_day,
        };
        self.known.mail_hosts.is_some() || self.known.evidence.is_some_and(is_since)
    }

    /// The MX hosts of the live look that the group may be about: the one that was reported, else
    /// the one at the reported address, else all.
    pub(super) fn looked_hosts(&self) -> Vec<&'a MailHost> {
        mail_hosts_of(self.known.evidence, self.mx.as_ref(), self.group.receiving_ip)
    }

    /// The sessions of the live look that the group may be about.
    pub(super) fn sessions(&self) -> Vec<(&'a MailHost, &'a SmtpSession)> {
        sessions_at(&self.looked_hosts(), self.group.receiving_ip)
    }

    /// The same of the earlier look.
    pub(super) fn earlier_sessions(&self) -> Vec<(&'a MailHost, &'a SmtpSession)> {
        let hosts = mail_hosts_of(self.known.earlier, self.mx.as_ref(), self.group.receiving_ip);
        sessions_at(&hosts, self.group.receiving_ip)
    }

    pub(super) fn commands(&self) -> Commands<'_> {
        Commands::new(&self.observer)
    }

    /// A command about the MX host, at an address where one is known. Nothing of a report gets into
    /// it but validated names and addresses.
    pub(super) fn mx_command(&self, about: About) -> Option<String> {
        let seen = self.sessions().first().map(|(_, session)| session.address);
        let reported = self.group.receiving_ip;
        let reported = reported.filter(|address| self.owner_of(*address) != Owner::Stranger);
        let first = || self.hosts.as_ref()?.hosts.first().map(|host| host.name.clone());
        let host = self.mx.clone().or_else(first);
        match (host, reported.or(seen)) {
            (Some(host), Some(address)) => Some(match about {
                About::Dialogue => self.commands().smtp(&host, address),
                About::Certificate => self.commands().smtp_certificate(&host, address),
            }),
            (Some(host), None) => Some(format!(
                "openssl s_client -starttls smtp -connect {host}:25 -servername {host} -brief \
                 </dev/null"
            )),
            (None, _) => self.dig("MX", ""),
        }
    }

    /// Asks the DNS about the domain, or a name below it.
    pub(super) fn dig(&self, record_type: &str, prefix: &str) -> Option<String> {
        let domain = self.domain()?;
        Some(self.commands().dig(record_type, format!("{prefix}{domain}")))
    }
}

impl Reported {
    fn of(known: &Known<'_>) -> Self {
        let Some(reported) = known.reported else { return Self::default() };
        let mut text = String::new();
        for string in reported.strings.iter().take(MOST_STRINGS) {
            if text.len().saturating_add(string.len()) > MOST_OCTETS {
                break;
            }
            // One string may hold the whole policy, and lines may keep their ends.
            text.push_str(string.trim_end());
            text.push_str("\r\n");
        }
        let reading = Policy::read(text.as_bytes());
        let mut patterns: Vec<MxPattern> =
            reading.mx.iter().map(|(pattern, _)| pattern.clone()).collect();
        if patterns.is_empty() {
            let texts = reported.mx_hosts.iter().take(MOST_STRINGS);
            patterns = texts.filter_map(|text| read_pattern(text)).collect();
        }
        Self {
            patterns,
            mode: reading.mode.map(|(mode, _)| mode),
            max_age: reading.max_age.map(|(max_age, _)| max_age),
        }
    }

    /// The policy, if it was reported whole.
    pub(super) fn is_whole(&self) -> bool {
        self.mode.is_some() && self.max_age.is_some()
    }

    /// Does it demand the same as this one?
    pub(super) fn is(&self, policy: &Policy) -> bool {
        let same_set = |one: &[MxPattern], other: &[MxPattern]| {
            one.iter().all(|pattern| other.contains(pattern))
                && other.iter().all(|pattern| one.contains(pattern))
        };
        self.mode.is_none_or(|mode| mode == policy.mode())
            && self.max_age.is_none_or(|max_age| max_age == policy.max_age())
            && same_set(&self.patterns, policy.mx())
    }

    /// The policy on one line, of parsed parts only.
    pub(super) fn to_line(&self) -> String {
        describe(self.mode, &self.patterns, self.max_age)
    }
}

/// A policy on one line.
pub(super) fn to_line(policy: &Policy) -> String {
    describe(Some(policy.mode()), policy.mx(), Some(policy.max_age()))
}

fn describe(mode: Option<Mode>, patterns: &[MxPattern], max_age: Option<MaxAge>) -> String {
    /// At most so many patterns are written out.
    const SHOWN: usize = 5;
    let mut parts = Vec::new();
    parts.extend(mode.map(|mode| format!("mode {mode}")));
    let shown: Vec<String> = patterns.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match patterns.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    if !shown.is_empty() {
        parts.push(format!("mx {}{more}", shown.join(" ")));
    }
    parts.extend(max_age.map(|max_age| format!("max_age {max_age}")));
    parts.join(", ")
}

/// A host name as reporters write it: with a dot at its end, in upper case.
fn read_name(text: &str) -> Option<DomainName> {
    DomainName::parse(text.trim()).ok()
}

/// A pattern as reporters write it, also with its key before it.
fn read_pattern(text: &str) -> Option<MxPattern> {
    let text = text.trim();
    let text = text.strip_prefix("mx:").map_or(text, str::trim_start);
    MxPattern::parse(text).ok()
}

/// The policy that is served to us, if a sender can use it.
fn served(evidence: &Evidence) -> Option<Policy> {
    evidence.policy_host.as_ref()?.fetches.iter().find_map(crate::usable_policy)
}

fn mail_hosts_of<'a>(
    evidence: Option<&'a Evidence>,
    name: Option<&DomainName>,
    address: Option<IpAddr>,
) -> Vec<&'a MailHost> {
    let Some(mail) = evidence.and_then(|evidence| evidence.mail_hosts.as_ref()) else {
        return Vec::new();
    };
    let is_named = |host: &&MailHost, name: &DomainName| {
        let aliases = host.addresses.iter().flat_map(HostAddresses::aliases);
        host.domain.as_ref() == Some(name)
            || aliases.filter_map(|alias| read_name(alias)).any(|alias| alias == *name)
    };
    let is_at = |host: &&MailHost, address: IpAddr| {
        host.addresses.as_ref().is_some_and(|addresses| addresses.all().contains(&plain(address)))
    };
    let all = mail.hosts.iter();
    if let Some(name) = name {
        let named: Vec<_> = all.clone().filter(|host| is_named(host, name)).collect();
        if !named.is_empty() {
            return named;
        }
    }
    if let Some(address) = address {
        let there: Vec<_> = all.clone().filter(|host| is_at(host, address)).collect();
        if !there.is_empty() {
            return there;
        }
    }
    if name.is_some() { Vec::new() } else { all.collect() }
}

fn sessions_at<'a>(
    hosts: &[&'a MailHost],
    address: Option<IpAddr>,
) -> Vec<(&'a MailHost, &'a SmtpSession)> {
    let all = || hosts.iter().flat_map(|host| host.sessions.iter().map(|session| (*host, session)));
    let there: Vec<_> = match address {
        Some(address) => all().filter(|(_, session)| session.address == plain(address)).collect(),
        None => Vec::new(),
    };
    if there.is_empty() { all().collect() } else { there }
}

/// The day of a time.
pub(super) fn day_of(time: Timestamp) -> Day {
    Day::of(time.as_second())
}

/// What stands in commands where no look was taken.
fn plain_observer() -> Observer {
    Observer {
        software: String::new(),
        ehlo_name: String::new(),
        resolvers: Vec::new(),
        https_port: 443,
        smtp_port: 25,
        trust_roots: String::new(),
        dnssec: Dnssec::Nobody,
        ipv4: Reach::Routed,
        ipv6: Reach::Routed,
    }
}

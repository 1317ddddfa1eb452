//! Reports that others may read: nothing in them tells whose mail they are about.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use mail_domain::DomainName;
use sealpost_rules::diagnosis::{ReasonMatch, read_reason};
use sealpost_store::reports::{ReportedFailure, ReportedPolicy, StoredReport};

/// Replaces names and addresses by numbers, the same one wherever it stands.
#[derive(Debug, Default)]
pub(super) struct Mask {
    names: HashMap<String, usize>,
    addresses: HashMap<IpAddr, u32>,
    reports: usize,
}

impl Mask {
    pub(super) fn report(&mut self, report: &mut StoredReport) {
        self.reports += 1;
        let summary = &mut report.summary;
        summary.report_id = format!("report-{}", self.reports);
        summary.domain = summary.domain.take().and_then(|domain| self.domain(&domain));
        report.contact = None;
        for policy in &mut report.policies {
            self.policy(policy);
        }
        // A place in a report is made of its keys and numbers; a key may be anything.
        for repair in &mut report.repairs {
            repair.place.clear();
        }
    }

    fn policy(&mut self, policy: &mut ReportedPolicy) {
        policy.policy_domain = policy.policy_domain.take().map(|name| self.name(&name));
        for host in &mut policy.mx_hosts {
            *host = self.pattern(host);
        }
        policy.strings = policy.strings.iter().filter_map(|line| self.line(line)).collect();
        for failure in &mut policy.failures {
            self.failure(failure);
        }
    }

    fn failure(&mut self, failure: &mut ReportedFailure) {
        failure.sending_ip = failure.sending_ip.map(|address| self.address(address));
        failure.receiving_ip = failure.receiving_ip.map(|address| self.address(address));
        failure.mx_host = failure.mx_host.take().map(|name| self.name(&name));
        failure.helo = None;
        failure.additional = None;
        // One that a known program writes names nobody.
        failure.reason = failure.reason.take().filter(|reason| {
            !reason.contains('+')
                && read_reason(reason).iter().any(|known| known.matching == ReasonMatch::Is)
        });
    }

    /// A line of a policy, if it is one that is known and can be masked.
    fn line(&mut self, line: &str) -> Option<String> {
        let (key, value) = line.split_once(':')?;
        match key.trim() {
            "mx" => Some(format!("mx: {}", self.pattern(value.trim()))),
            key @ ("version" | "mode" | "max_age") => {
                let value = value.trim();
                let is_plain = value.bytes().all(|octet| octet.is_ascii_alphanumeric());
                is_plain.then(|| format!("{key}: {value}"))
            }
            _ => None,
        }
    }

    /// A name, or a wildcard above one.
    fn pattern(&mut self, text: &str) -> String {
        let text = text.trim_start_matches("mx:").trim();
        match text.strip_prefix("*.") {
            Some(name) => format!("*.{}", self.name(name)),
            None => self.name(text),
        }
    }

    fn name(&mut self, text: &str) -> String {
        let next = self.names.len() + 1;
        let key = text.trim_end_matches('.').to_ascii_lowercase();
        let number = *self.names.entry(key).or_insert(next);
        format!("name-{number}.example")
    }

    fn domain(&mut self, domain: &DomainName) -> Option<DomainName> {
        DomainName::parse(&self.name(domain.as_str())).ok()
    }

    /// From the block of addresses for documentation (RFC 3849), whatever it was.
    fn address(&mut self, address: IpAddr) -> IpAddr {
        let next = u32::try_from(self.addresses.len() + 1).unwrap_or(u32::MAX);
        let number = *self.addresses.entry(address.to_canonical()).or_insert(next);
        let [high, low] = [(number >> 16) as u16, number as u16];
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, high, low).into()
    }
}

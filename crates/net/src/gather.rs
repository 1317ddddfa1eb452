//! All that can be seen of one domain.

mod caa;
mod courtesy;
pub(crate) mod destinations;
mod reverse;
mod route;
mod sender;
mod shared;
mod tlsa;
pub(crate) use courtesy::Courtesy;
use courtesy::Service;
pub use route::{MailRoute, NextHop, RouteHost};
pub use sender::{AddressFault, PolicyFault, PolicyFetchError};
pub(crate) use shared::SharedHosts;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mail_domain::DomainName;
use sealpost_evidence::{
    AbsenceKind, Dialogues, Evidence, FORMAT, HostAddresses, Lookup, LookupFault, LookupFaultKind,
    MailHost, MailHosts, MxRecord, MxSource, PolicyFetch, PolicyHost, ReportDestination,
    SmtpSession, Surroundings, TextRecord,
};
use sealpost_runtime::Stopwatch;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::deadline::Deadline;
use crate::dns::MOST_MX;
use crate::https::{Get, Purpose};
use crate::network::{Means, Network, Survey};
use crate::scope::{Part, Scope};
use crate::smtp::Dialogue;

/// Where a policy lies on its host.
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//# "well-known" [RFC5785] path of ".well-known/mta-sts.txt" served by
const POLICY_PATH: &str = "/.well-known/mta-sts.txt";

impl Network {
    /// Looks at a domain: all parts of the scope at once.
    ///
    /// Always returns, at the latest a little after [`Deadlines::domain`](crate::Deadlines::domain);
    /// whatever went wrong stands in the evidence. Needs a tokio runtime with I/O and time.
    ///
    /// What lies round the parts is looked at with them: CAA records with policy host and MX hosts,
    /// the destinations of reports with the TLS-RPT record, SPF and DMARC when no part is left out.
    ///
    /// The policy host is asked even where there is no STS record, so that a policy which nobody
    /// finds can be seen too.
    pub async fn gather(&self, domain: &DomainName, scope: Scope) -> Evidence {
        let stopwatch = Stopwatch::start();
        let observed = self.means.clock.now();
        let deadline = Deadline::after(self.means.deadlines.domain);
        let dialogues = match scope.contains(Part::Mx) {
            true => Dialogues::Wanted,
            false => Dialogues::Unwanted,
        };
        let look = HostLook { dialogues, survey: self.means.survey };
        let is_whole = Part::ALL.into_iter().all(|part| scope.contains(part));
        let (sts_records, policy_host, (tls_rpt_records, report_destinations), mail_hosts, context) = tokio::join!(
            self.texts(scope.contains(Part::Sts).then(|| format!("_mta-sts.{domain}")), deadline),
            self.policy_host(scope.contains(Part::Sts).then_some(domain), deadline),
            self.reporting(scope.contains(Part::TlsRpt).then_some(domain), deadline),
            self.mail_hosts(scope.contains(Part::MxRecords).then_some(domain), look, deadline),
            self.surroundings(is_whole.then_some(domain), deadline),
        );
        Evidence {
            format: FORMAT,
            domain: domain.clone(),
            observed,
            took_ms: stopwatch.elapsed_ms(),
            observer: self.observer(),
            sts_records,
            policy_host,
            mail_hosts,
            tls_rpt_records,
            report_destinations,
            surroundings: context,
        }
    }

    /// Looks at the MX hosts of a domain alone: one SMTP dialogue with each address, without the
    /// further connections that ask for outdated TLS. It is for who looks at the same ones again.
    ///
    /// Always returns, as [`Self::gather`] does.
    pub async fn try_mail_hosts(&self, domain: &DomainName) -> MailHosts {
        let deadline = Deadline::after(self.means.deadlines.domain);
        let look = HostLook { dialogues: Dialogues::Wanted, survey: Survey::Unwanted };
        self.mail_hosts_of(domain, look, deadline).await
    }

    async fn texts(
        &self,
        owner: Option<String>,
        deadline: Deadline,
    ) -> Option<Lookup<Vec<TextRecord>>> {
        Some(self.means.dns.texts(&owner?, deadline).await)
    }

    async fn reporting(
        &self,
        domain: Option<&DomainName>,
        deadline: Deadline,
    ) -> (Option<Lookup<Vec<TextRecord>>>, Vec<ReportDestination>) {
        let owner = domain.map(|domain| format!("_smtp._tls.{domain}"));
        let records = self.texts(owner, deadline).await;
        let destinations = self.report_destinations(records.as_ref(), deadline).await;
        (records, destinations)
    }

    async fn surroundings(
        &self,
        domain: Option<&DomainName>,
        deadline: Deadline,
    ) -> Option<Surroundings> {
        let domain = domain?;
        let dmarc = format!("_dmarc.{domain}");
        let (texts, dmarc) = tokio::join!(
            self.means.dns.texts(domain.as_str(), deadline),
            self.means.dns.texts(&dmarc, deadline),
        );
        Some(Surroundings { texts, dmarc })
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.4
    //# When sending mail to a mailbox at a subdomain, compliant senders MUST
    //# NOT attempt to fetch a policy from the parent zone.
    async fn policy_host(
        &self,
        domain: Option<&DomainName>,
        deadline: Deadline,
    ) -> Option<PolicyHost> {
        let name = domain?.child("mta-sts").ok()?;
        let port = self.means.https_port;
        let ((addresses, fetches), caa) = tokio::join!(
            self.fetch(&name, port, POLICY_PATH.to_owned(), Purpose::Policy, deadline),
            self.caa(&name, deadline),
        );
        Some(PolicyHost { name, addresses, caa: Some(caa), fetches })
    }

    /// Looks up a host and fetches one path from each of its addresses.
    async fn fetch(
        &self,
        host: &DomainName,
        port: u16,
        path: String,
        purpose: Purpose,
        deadline: Deadline,
    ) -> (HostAddresses, Vec<PolicyFetch>) {
        let addresses = self.means.dns.addresses(host.as_str(), deadline).await;
        let (means, host, path) = (self.means.clone(), host.clone(), Arc::<str>::from(path));
        let place = (host.as_str().to_owned(), Service::Https, port);
        let fetches = self
            .each(&addresses, place, deadline, move |target, _| {
                fetch_from(means.clone(), host.clone(), path.clone(), purpose, target, deadline)
            })
            .await;
        (addresses, fetches)
    }

    async fn mail_hosts(
        &self,
        domain: Option<&DomainName>,
        look: HostLook,
        deadline: Deadline,
    ) -> Option<MailHosts> {
        Some(self.mail_hosts_of(domain?, look, deadline).await)
    }

    async fn mail_hosts_of(
        &self,
        domain: &DomainName,
        look: HostLook,
        deadline: Deadline,
    ) -> MailHosts {
        let records = self.means.dns.mail_exchangers(domain.as_str(), MOST_MX, deadline).await;
        let source = source(&records);
        let listed = match source {
            MxSource::Records => hosts(records.value().into_iter().flatten()),
            MxSource::Implicit => vec![(domain.as_str().to_owned(), 0)],
            MxSource::Null | MxSource::NoSuchDomain | MxSource::Unknown => Vec::new(),
        };
        let tasks =
            listed.into_iter().take(self.means.limits.mail_hosts).map(|(name, preference)| {
                let network = self.clone();
                async move { network.mail_host(name, preference, look, deadline).await }
            });
        let hosts = all(tasks).await;
        MailHosts { records, source, dialogues: look.dialogues, hosts }
    }

    async fn mail_host(
        &self,
        name: String,
        preference: u16,
        look: HostLook,
        deadline: Deadline,
    ) -> MailHost {
        // The name must be one as it stands: a conversion would ask for another host.
        let parsed = DomainName::parse(&name).ok().filter(|domain| domain.as_str() == name);
        match (parsed, &self.means.shared_hosts) {
            (None, _) => MailHost { preference, ..nothing_of(name, None) },
            (Some(domain), None) => {
                MailHost { preference, ..self.look_at_mail_host(domain, look, deadline).await }
            }
            (Some(domain), Some(shared)) => {
                let network = self.clone();
                let key = (domain.clone(), look.dialogues);
                let seen = shared.of(key, deadline, move |domain, deadline| async move {
                    network.look_at_mail_host(domain, look, deadline).await
                });
                let seen = seen.await.unwrap_or_else(|| nothing_of(name, Some(domain)));
                MailHost { preference, ..seen }
            }
        }
    }

    async fn look_at_mail_host(
        &self,
        domain: DomainName,
        look: HostLook,
        deadline: Deadline,
    ) -> MailHost {
        let name = domain.as_str().to_owned();
        let addresses = self.means.dns.addresses(&name, deadline).await;
        let (means, host) = (self.means.clone(), domain.clone());
        let talk = async {
            if look.dialogues == Dialogues::Unwanted {
                return Vec::new();
            }
            self.each(
                &addresses,
                (name.clone(), Service::Smtp, self.means.smtp_port),
                deadline,
                move |target, turn| {
                    // Out of courtesy, one address of each family: a host is mostly one server.
                    let survey = match turn {
                        Turn::FirstOfFamily => look.survey,
                        Turn::Later => Survey::Unwanted,
                    };
                    talk_with(means.clone(), host.clone(), survey, target, deadline)
                },
            )
            .await
        };
        let (sessions, tlsa, caa) = tokio::join!(
            talk,
            self.tlsa(domain.as_str(), tlsa::SMTP, &addresses, deadline),
            self.caa(&domain, deadline),
        );
        MailHost {
            name,
            domain: Some(domain),
            preference: 0,
            addresses: Some(addresses),
            tlsa: tlsa.under_domains(),
            caa: Some(caa),
            sessions,
        }
    }

    /// Does the same with each address of a host, some at a time; the results in the order of the
    /// addresses, IPv4 first.
    async fn each<F: Future<Output: Send> + Send + 'static>(
        &self,
        addresses: &HostAddresses,
        (host, service, port): (String, Service, u16),
        deadline: Deadline,
        action: impl Fn(SocketAddr, Turn) -> F,
    ) -> Vec<F::Output>
    where
        F::Output: 'static,
    {
        let turns = Arc::new(Semaphore::new(self.means.limits.parallel));
        let chosen = chosen(addresses, self.means.limits.addresses);
        let host = Arc::<str>::from(addresses.aliases().last().unwrap_or(&host).as_str());
        let first_ipv4 = chosen.iter().find(|address| address.is_ipv4());
        let first_ipv6 = chosen.iter().find(|address| address.is_ipv6());
        let tasks = chosen.iter().map(|address| {
            let is_first = [first_ipv4, first_ipv6].contains(&Some(address));
            let turn = if is_first { Turn::FirstOfFamily } else { Turn::Later };
            let action = action(SocketAddr::new(*address, port), turn);
            let (turns, means, address) = (turns.clone(), self.means.clone(), *address);
            let host = Arc::clone(&host);
            async move {
                // The semaphore is never closed; without a turn, too many would go at once at worst.
                let _turn = turns.acquire().await;
                // Where the deadline comes first, the action finds that there is no time left.
                let _courtesy = deadline.bound(means.courtesy.turn(&host, address, service)).await;
                action.await
            }
        });
        all(tasks).await
    }
}

/// A host of which nothing is known: it has no domain name, or there was no time left for it.
fn nothing_of(name: String, domain: Option<DomainName>) -> MailHost {
    let addresses = domain.is_some().then(|| HostAddresses {
        ipv4: Lookup::Unknown(no_time_left()),
        ipv6: Lookup::Unknown(no_time_left()),
    });
    MailHost { name, domain, preference: 0, addresses, tlsa: None, caa: None, sessions: vec![] }
}

fn no_time_left() -> LookupFault {
    let text = "not known yet when the time for this domain was over".to_owned();
    LookupFault { kind: LookupFaultKind::TimedOut, text }
}

/// How MX hosts are looked at.
#[derive(Clone, Copy, Debug)]
struct HostLook {
    dialogues: Dialogues,
    survey: Survey,
}

/// Which address of a host it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    FirstOfFamily,
    Later,
}

async fn fetch_from(
    means: Arc<Means>,
    host: DomainName,
    path: Arc<str>,
    purpose: Purpose,
    target: SocketAddr,
    deadline: Deadline,
) -> PolicyFetch {
    let get = Get {
        host: &host,
        path: &path,
        purpose,
        guard: &means.guard,
        tls: &means.tls,
        deadlines: &means.deadlines,
    };
    get.from(target, deadline).await
}

async fn talk_with(
    means: Arc<Means>,
    host: DomainName,
    survey: Survey,
    target: SocketAddr,
    deadline: Deadline,
) -> SmtpSession {
    let dialogue = Dialogue {
        host: &host,
        ehlo_name: &means.ehlo_name,
        guard: &means.guard,
        tls: &means.tls,
        deadlines: &means.deadlines,
    };
    let mut session = dialogue.with(target, deadline).await;
    if survey == Survey::Wanted {
        session.outdated_tls = dialogue.survey(target, &session, deadline).await;
    }
    session
}

/// Runs everything at once; the results in the order given. Dropping it stops what still runs.
async fn all<F: Future<Output: Send + 'static> + Send + 'static>(
    tasks: impl Iterator<Item = F>,
) -> Vec<F::Output> {
    let mut running = JoinSet::new();
    for (index, task) in tasks.enumerate() {
        running.spawn(async move { (index, task.await) });
    }
    let mut results = running.join_all().await;
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// How the mail hosts follow from the MX look-up.
//= https://www.rfc-editor.org/rfc/rfc5321#section-5.1
//# If an empty list of MXs is returned,
//# the address is treated as if it was associated with an implicit MX
//# RR, with a preference of 0, pointing to that host.
pub(crate) fn source(records: &Lookup<Vec<MxRecord>>) -> MxSource {
    match records {
        Lookup::Unknown(_) => MxSource::Unknown,
        Lookup::Absent(absence) => match absence.kind {
            AbsenceKind::NoSuchName => MxSource::NoSuchDomain,
            AbsenceKind::NoSuchData => MxSource::Implicit,
        },
        // RFC 7505 §3: the root alone. Beside others it means nothing, and they count.
        Lookup::Found(found) => match found.value.as_slice() {
            [only] if only.exchange.is_empty() => MxSource::Null,
            _ => MxSource::Records,
        },
    }
}

/// The hosts of MX records by preference, each once, with the lowest of its preferences.
pub(crate) fn hosts<'a>(records: impl Iterator<Item = &'a MxRecord>) -> Vec<(String, u16)> {
    let mut sorted: Vec<&MxRecord> = records.filter(|mx| !mx.exchange.is_empty()).collect();
    sorted.sort_by_key(|mx| (mx.preference, &mx.exchange));
    let mut hosts: Vec<(String, u16)> = Vec::new();
    for mx in sorted {
        if !hosts.iter().any(|(name, _)| *name == mx.exchange) {
            hosts.push((mx.exchange.clone(), mx.preference));
        }
    }
    hosts
}

/// At most so many of the addresses, IPv4 first; when they are too many, the families share.
pub(crate) fn chosen(addresses: &HostAddresses, most: usize) -> Vec<IpAddr> {
    let (ipv4, ipv6): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.all().into_iter().partition(IpAddr::is_ipv4);
    let half = most.div_ceil(2);
    let from_ipv4 = ipv4.len().min(half.max(most.saturating_sub(ipv6.len())));
    let from_ipv6 = most.saturating_sub(from_ipv4);
    ipv4.into_iter().take(from_ipv4).chain(ipv6.into_iter().take(from_ipv6)).collect()
}

#[cfg(test)]
pub(crate) mod tests;

//! How long records may be kept, asked of the servers of their zones: a resolver tells only what is
//! left of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::{LookupFault, LookupFaultKind};
use sealpost_net::{Authority, PublishedKind};

use super::Driver;
use super::seen::{IdSeen, Seen};
use crate::PublishedDomain;

/// Where so many questions in a row came to nothing, name servers are out of reach: a firewall lets
/// nobody but the resolver ask them.
const ENOUGH: u32 = 8;
/// Then one of so many is asked all the same, to notice when that ends.
const ONE_OF: u32 = 64;

/// Whether name servers can be reached from here.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Questions in a row that came to nothing, or were not asked.
    in_vain: AtomicU32,
}

impl Reach {
    /// Is it worth asking?
    fn is_worth_it(&self) -> bool {
        let in_vain = self.in_vain.load(Ordering::Relaxed);
        let is_worth_it = in_vain < ENOUGH || in_vain.is_multiple_of(ONE_OF);
        if !is_worth_it {
            self.in_vain.fetch_add(1, Ordering::Relaxed);
        }
        is_worth_it
    }

    /// Takes down what came of it.
    fn learn(&self, told: &Result<Duration, LookupFault>) {
        match told {
            Ok(_) => self.in_vain.store(0, Ordering::Relaxed),
            Err(_) => {
                self.in_vain.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Driver {
    /// The servers of the zone of a domain, where its configuration leads to them.
    pub(super) async fn servers_of(&self, published: &PublishedDomain) -> Vec<Authority> {
        match self.writer(published) {
            Some(writer) => writer.authorities(published.domain.as_str()).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Has the servers of the zones say for how long the MX records may be kept, and the STS record.
    pub(super) async fn ask_zones(
        &self,
        domain: &DomainName,
        seen: &mut Seen,
        with_record: bool,
        servers: &[Authority],
    ) {
        if let IdSeen::Id(_, ttl) = &mut seen.id
            && with_record
        {
            let owner = format!("_mta-sts.{domain}");
            ttl.learn(self.published_ttl(&[], &owner, PublishedKind::Text).await);
        }
        if let Some((_, ttl)) = &mut seen.mail_hosts {
            let kind = PublishedKind::MailExchanger;
            ttl.learn(self.published_ttl(servers, domain.as_str(), kind).await);
        }
    }

    async fn published_ttl(
        &self,
        servers: &[Authority],
        owner: &str,
        kind: PublishedKind,
    ) -> Result<Duration, LookupFault> {
        if !servers.is_empty()
            && let Ok(told) = self.network.published_ttl(servers, owner, kind).await
        {
            return Ok(told);
        }
        // Those that take our updates may know nothing of a domain that has only delegated names.
        if !self.reach.is_worth_it() {
            let text = "name servers are out of reach from here".to_owned();
            return Err(LookupFault { kind: LookupFaultKind::Unreachable, text });
        }
        let told = self.network.published_ttl(&[], owner, kind).await;
        self.reach.learn(&told);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_reach_no_name_server_does_not_try_for_ever() {
        let reach = Reach::default();
        let fault = || LookupFault { kind: LookupFaultKind::TimedOut, text: String::new() };
        let mut asked = 0;
        for _ in 0..1_000 {
            if reach.is_worth_it() {
                asked += 1;
                reach.learn(&Err(fault()));
            }
        }
        assert!((ENOUGH + 10..ENOUGH + 20).contains(&asked), "{asked}");
        reach.learn(&Ok(Duration::ZERO));
        assert!(reach.is_worth_it(), "it answers again");
    }
}

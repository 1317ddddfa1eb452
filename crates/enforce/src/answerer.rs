//! From a question to the reply.

use mail_domain::DomainName;
use mta_sts::{Mode, Policy};
use sealpost_net::Network;
use sealpost_wire::{
    postfix::{Answer, Enforced, HostLookup, Key, Profile, Reason, Reply, SmartHost, Table},
    socketmap::Question,
};
use tokio::time::timeout;

use crate::{Enforcer, Settings, Standing};

/// Answers mail servers from the memory of an [`Enforcer`].
#[derive(Clone)]
pub struct Answerer {
    enforcer: Enforcer,
    network: Network,
    settings: Settings,
}

impl Answerer {
    /// Answers from this memory. `network` is asked for MX hosts where the mail server needs them.
    pub fn new(enforcer: Enforcer, network: Network, settings: Settings) -> Self {
        Self { enforcer, network, settings }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The reply to a question, within twice [`Settings::deadline`].
    ///
    /// Where no policy is to be enforced, nothing is found: the mail server goes by its own default,
    /// which is never lowered.
    pub async fn answer(&self, question: &Question, table: Table) -> Reply {
        let Some(domain) = question.key.policy_domain() else { return Reply::NotFound };
        let profile = question.map.profile();
        //= https://www.rfc-editor.org/rfc/rfc8461#section-5
        //# "testing": In this mode, Sending MTAs that also implement the
        //# TLSRPT (TLS Reporting) specification [RFC8460] send a report
        //# indicating policy application failures (as long as TLSRPT is also
        //# implemented by the recipient domain); in any case, messages may
        //# be delivered as though there were no MTA-STS validation failure.
        let policy = match self.enforcer.standing(domain).await {
            Standing::Policy(policy) if policy.policy().mode() == Mode::Enforce => policy,
            Standing::Policy(_) | Standing::NoPolicy(_) | Standing::Unknown => {
                return Reply::NotFound;
            }
        };
        let policy = policy.policy();
        let hosts = match Enforced::new(domain, policy, &[]) {
            Some(enforced) if enforced.needs_mx_hosts(profile, table) => {
                self.mx_hosts(&question.key, domain).await
            }
            _ => Ok(Vec::new()),
        };
        reply(domain, policy, hosts.as_deref(), profile, table)
    }

    /// The hosts to which mail for the next hop goes.
    async fn mx_hosts(&self, key: &Key, domain: &DomainName) -> Result<Vec<DomainName>, Reason> {
        if let Key::SmartHost(SmartHost { hosts: HostLookup::Address, .. }) = key {
            return Ok(vec![domain.clone()]);
        }
        match timeout(self.settings.deadline, self.network.mx_hosts(domain)).await {
            Ok(Ok(hosts)) => Ok(hosts),
            Ok(Err(_)) => Err(Reason::new(&format!("the MX hosts of {domain} are not known"))),
            Err(_) => Err(Reason::new(&format!("the MX hosts of {domain} are not known in time"))),
        }
    }
}

/// The reply for a policy and the MX hosts of the moment; or why they are not known, which matters
/// only where they are needed.
pub(crate) fn reply(
    domain: &DomainName,
    policy: &Policy,
    hosts: Result<&[DomainName], &Reason>,
    profile: Profile,
    table: Table,
) -> Reply {
    let Some(enforced) = Enforced::new(domain, policy, hosts.unwrap_or_default()) else {
        return Reply::NotFound;
    };
    match hosts {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-5
        //# (In all cases, MTAs SHOULD treat such failures as
        //# transient errors and retry delivery later.)
        Err(reason) if enforced.needs_mx_hosts(profile, table) => Reply::Temporary(reason.clone()),
        Ok(_) | Err(_) => Answer::Secure(enforced).reply(profile, table),
    }
}

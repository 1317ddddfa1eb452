//! What is answered about a domain, and why, for people and programs.

mod human;
mod live;
mod seen;
pub use live::Question;
pub use seen::{DaneSeen, HeldSeen, HostSeen, PolicySeen, RecordSeen, ReplySeen};

use mail_domain::DomainName;
use sealpost_wire::{
    postfix::{Key, MapName, Reason, Reply, Table},
    socketmap::write_reply,
};
use serde::Serialize;

use crate::{Answerer, Decided, Mode, answerer::reply};

/// What is known about a domain, what follows from it, and the reply to every map.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The policy domain.
    pub domain: String,
    /// What is done: `secure`, `dane-only`, `dane`, `none` or `wait`.
    pub decision: &'static str,
    /// Why, as a sentence.
    pub because: String,
    /// Whether that is answered or only recorded.
    pub mode: Mode,
    /// The operator's exception, if one holds.
    pub exception: Option<String>,
    /// The STS record.
    pub record: RecordSeen,
    /// What a fetch of the policy brought; `None` if none was made for this.
    pub policy: Option<PolicySeen>,
    /// The policy that is kept, or the failures to fetch one.
    pub held: Option<HeldSeen>,
    /// What DANE says.
    pub dane: DaneSeen,
    /// The hosts that receive mail; `None` if they are not known.
    pub mx_hosts: Option<Vec<HostSeen>>,
    /// The reply to each map, word for word.
    pub replies: Vec<ReplySeen>,
}

impl Answerer {
    /// What is answered about a next hop at this moment, from memory or found out as for a mail
    /// server.
    pub async fn explain(&self, key: &Key, domain: &DomainName) -> Explanation {
        let decided = self.decide(key, domain).await;
        let hosts = self.mx_hosts(key, domain, &decided, self.settings().deadline).await;
        let (record, held) = self.enforcer().seen(domain);
        Explanation {
            mode: self.mode(decided.exception.as_ref()),
            record,
            policy: None,
            held,
            ..Explanation::new(domain, &decided, hosts)
        }
    }
}

impl Explanation {
    /// What follows from what was decided.
    fn new(domain: &DomainName, decided: &Decided, hosts: Result<Vec<DomainName>, Reason>) -> Self {
        Self {
            domain: domain.to_string(),
            decision: decided.decision.as_str(),
            because: decided.because(domain),
            mode: Mode::Enforce,
            exception: decided.exception.as_ref().map(ToString::to_string),
            record: RecordSeen::NotLookedUp,
            policy: None,
            held: None,
            dane: DaneSeen::new(&decided.dane),
            replies: replies(domain, decided, hosts.as_deref()),
            mx_hosts: hosts
                .ok()
                .map(|hosts| hosts.iter().map(|host| HostSeen::new(host, decided)).collect()),
        }
    }
}

fn replies(
    domain: &DomainName,
    decided: &Decided,
    hosts: Result<&[DomainName], &Reason>,
) -> Vec<ReplySeen> {
    let say = |map: MapName| {
        let reply: Reply = reply(domain, decided, hosts, map.profile(), Table::Socketmap);
        let mut octets = Vec::new();
        write_reply(&reply, &mut octets);
        ReplySeen { map: map.as_str(), reply: payload(&octets) }
    };
    MapName::ALL.into_iter().map(say).collect()
}

/// What is in a netstring of our own.
fn payload(netstring: &[u8]) -> String {
    let text = String::from_utf8_lossy(netstring);
    let inner = text.split_once(':').map_or("", |(_, rest)| rest);
    inner.strip_suffix(',').unwrap_or(inner).trim_end().to_owned()
}

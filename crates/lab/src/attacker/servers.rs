//! What he makes of hosts: between them and their clients, and at addresses of his own.

use std::sync::{Arc, PoisonError};

use super::{Attacker, MAIL_HOST, MOST_KEPT, POLICY_HOST};
use crate::{
    Attack, TakenBy,
    attack::Place,
    authority::LazyIdentity,
    domain::policy,
    host::{Certificate, Dialogue, Handshake, Manner, OldTls, Reply, Server},
    tls::{Hosted, Resumption, Tenants},
};

/// What a connection to a host comes to.
pub(crate) enum Way<C> {
    /// To these, who are the owner's or the attacker's.
    To(Arc<Tenants<C>>, TakenBy),
    /// Nowhere.
    Blocked,
}

impl Attacker {
    /// Whom a client meets at the address of MX hosts.
    pub(crate) fn way_to_mail(&self, tenants: &Arc<Tenants<Dialogue>>) -> Way<Dialogue> {
        let host = match &**tenants {
            Tenants::One(host) => host,
            // One address for all hosts: he can block it, and no more.
            Tenants::Many(_) if self.on(&[], Place::Session).is_some() => return Way::Blocked,
            Tenants::Many(_) => return Way::To(Arc::clone(tenants), TakenBy::Owner),
            Tenants::Issued(_) => return Way::To(Arc::clone(tenants), TakenBy::Attacker),
        };
        if host.name == MAIL_HOST {
            return Way::To(Arc::clone(tenants), TakenBy::Attacker);
        }
        let users = self.users_of(&host.name);
        match self.on(users, Place::Session).filter(|_| !users.is_empty()) {
            None => Way::To(Arc::clone(tenants), TakenBy::Owner),
            Some((Attack::MxBackupOutside, _)) => Way::Blocked,
            Some((attack, moment)) => {
                let hosted = self.tapped_mail_host(host, attack, moment);
                Way::To(Arc::new(Tenants::One(hosted)), TakenBy::Attacker)
            }
        }
    }

    /// Whom a client meets at the address of policy hosts.
    pub(crate) fn way_to_policy(
        &self,
        tenants: &Arc<Tenants<Reply>>,
        port: u16,
    ) -> Arc<Tenants<Reply>> {
        let Tenants::One(host) = &**tenants else { return Arc::clone(tenants) };
        match self.on_policy_host(&host.name) {
            None => Arc::clone(tenants),
            Some((attack, moment)) => {
                Arc::new(Tenants::One(self.tapped_policy_host(host, attack, moment, port)))
            }
        }
    }

    /// Is this host one that nobody shall reach at the address of all hosts?
    pub(crate) fn hides_mail_host(&self, name: &str) -> bool {
        let users = self.users_of(name);
        !users.is_empty() && self.on(users, Place::Session).is_some()
    }

    /// The same of policy hosts.
    pub(crate) fn hides_policy_host(&self, name: &str) -> bool {
        self.on_policy_host(name).is_some()
    }

    fn on_policy_host(&self, name: &str) -> Option<(Attack, u64)> {
        let (domain, _) = self.victims.get_key_value(name.strip_prefix("mta-sts.")?)?;
        self.on(&[domain], Place::PolicyHost)
    }

    /// A host for whatever name the client asks for, if it is one below the fleet, with a
    /// certificate that is valid for it; else his own.
    pub(crate) fn issued(&self, server_name: Option<&str>) -> Arc<Hosted<Dialogue>> {
        let name = server_name
            .filter(|name| name.len() < 256 && self.victim_above(name).is_some())
            .unwrap_or(MAIL_HOST);
        let kept = (name.to_owned(), Attack::MxTwoLabels, 0);
        let server = Server::good(Dialogue::Polite);
        let identity = self.identity(name, Certificate::good());
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.mail.len() >= MOST_KEPT {
            ready.mail.clear();
        }
        let make = || Arc::new(Hosted::new(name.to_owned(), server, identity));
        Arc::clone(ready.mail.entry(kept).or_insert_with(make))
    }

    fn tapped_mail_host(
        &self,
        host: &Arc<Hosted<Dialogue>>,
        attack: Attack,
        moment: u64,
    ) -> Arc<Hosted<Dialogue>> {
        let good = Certificate::good();
        let mut server = Server { certificate: good, ..Server::good(Dialogue::Polite) };
        let mut resumption = Resumption::Refused;
        let mut name = host.name.as_str();
        match attack {
            Attack::StartTlsStripped => server.conduct = Dialogue::NoStartTls,
            Attack::StartTlsRefused => {
                server.conduct = Dialogue::StartTlsRefused(
                    "454 4.7.0 TLS not available due to local problem\r\n",
                );
            }
            Attack::HandshakeReset => server.handshake = Handshake::Reset,
            Attack::OldTlsOnly => server.handshake = Handshake::Old(OldTls::OnlyTls10),
            Attack::CertificateSelfSigned => server.certificate = Certificate::SelfSigned,
            Attack::SessionReused => {
                server.certificate = Certificate::SelfSigned;
                resumption = Resumption::Offered;
            }
            Attack::CertificateOtherName => name = MAIL_HOST,
            // And the mis-issued one, which is good but for who has its key.
            _ => {}
        }
        let identity = self.identity(name, server.certificate);
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.mail.len() >= MOST_KEPT {
            ready.mail.clear();
        }
        let make = || {
            let hosted = Hosted::new(host.name.clone(), server, identity);
            Arc::new(hosted.resuming(resumption))
        };
        let kept = (host.name.clone(), attack, moment);
        Arc::clone(ready.mail.entry(kept).or_insert_with(make))
    }

    fn tapped_policy_host(
        &self,
        host: &Arc<Hosted<Reply>>,
        attack: Attack,
        moment: u64,
        port: u16,
    ) -> Arc<Hosted<Reply>> {
        let mut server = host.server.clone();
        let mut identity = Arc::clone(host.identity());
        let body = server.conduct.body.clone().unwrap_or_default();
        let domain = host.name.strip_prefix("mta-sts.").unwrap_or(&host.name);
        match attack {
            Attack::StsIdForged => server.handshake = Handshake::Reset,
            Attack::HttpsBlocked => server.handshake = Handshake::Silence,
            Attack::PolicyRedirected => {
                server.conduct = Reply {
                    status: "301 Moved Permanently",
                    location: Some(format!("https://{POLICY_HOST}:{port}/.well-known/mta-sts.txt")),
                    body: Some(policy("none", &[], "86400")),
                    ..Reply::good()
                };
            }
            Attack::PolicyCutMaxAge => server.conduct = cut_within_max_age(&body),
            Attack::PolicyCutMx => server.conduct = cut_before_last_mx(&body),
            Attack::PolicyNone => {
                server.certificate = Certificate::SelfSigned;
                identity = self.identity(&host.name, server.certificate);
                server.conduct =
                    Reply { body: Some(policy("none", &[], "86400")), ..Reply::good() };
            }
            Attack::PolicyReplayed => {
                server.certificate = Certificate::expired();
                identity = self.identity(&host.name, server.certificate);
                let old = policy("testing", &[&format!("mx-old.{domain}")], "604800");
                server.conduct = Reply { body: Some(old), ..Reply::good() };
            }
            _ => {}
        }
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.web.len() >= MOST_KEPT {
            ready.web.clear();
        }
        let make = || Arc::new(Hosted::new(host.name.clone(), server, identity));
        let kept = (host.name.clone(), attack, moment);
        Arc::clone(ready.web.entry(kept).or_insert_with(make))
    }

    /// A certificate of his, with a key of his, whatever it says.
    pub(crate) fn identity(&self, name: &str, certificate: Certificate) -> Arc<LazyIdentity> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.identities.len() >= MOST_KEPT {
            ready.identities.clear();
        }
        let make = || {
            let authority = Arc::clone(&self.authority);
            Arc::new(LazyIdentity::new(authority, name.to_owned(), certificate))
        };
        let kept = (name.to_owned(), certificate);
        Arc::clone(ready.identities.entry(kept).or_insert_with(make))
    }
}

/// The lines of the policy, those that begin so at the end.
fn ordered(body: &[u8], last: &str) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let is_last = |line: &&str| line.starts_with(last);
    let joined =
        |lines: Vec<&str>| lines.iter().map(|line| format!("{line}\r\n")).collect::<String>();
    let (behind, before) = text.lines().partition(is_last);
    (joined(before), joined(behind))
}

fn cut_within_max_age(body: &[u8]) -> Reply {
    let (before, behind) = ordered(body, "max_age:");
    let digit = behind.bytes().position(|octet| octet.is_ascii_digit()).unwrap_or_default();
    let length = before.len() + digit + 1;
    cut(&(before + &behind), length)
}

fn cut_before_last_mx(body: &[u8]) -> Reply {
    let (before, behind) = ordered(body, "mx:");
    let last = behind.rfind("mx:").unwrap_or_default();
    let length = before.len() + last;
    cut(&(before + &behind), length)
}

fn cut(body: &str, length: usize) -> Reply {
    let body = body.as_bytes().to_vec();
    Reply { body: Some(body), manner: Manner::CutAt(length), ..Reply::good() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_cut_where_it_hurts() {
        let sent = |reply: Reply| match (reply.body, reply.manner) {
            (Some(mut body), Manner::CutAt(length)) => {
                assert!(length < body.len());
                body.truncate(length);
                String::from_utf8(body).unwrap()
            }
            other => panic!("{other:?}"),
        };
        let body = policy("enforce", &["a.test", "b.test"], "864000");
        assert_eq!(
            sent(cut_within_max_age(&body)),
            "version: STSv1\r\nmode: enforce\r\nmx: a.test\r\nmx: b.test\r\nmax_age: 8"
        );
        assert_eq!(
            sent(cut_before_last_mx(&body)),
            "version: STSv1\r\nmode: enforce\r\nmax_age: 864000\r\nmx: a.test\r\n"
        );
    }
}

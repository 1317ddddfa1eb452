//! Whether reports of ours arrive and are believed: our own set-up, as strangers see it.

mod dkim;
mod dns;
mod transport;
pub use transport::PostfixRelease;

use std::{collections::BTreeMap, net::IpAddr};

use mail_domain::DomainName;
use sealpost_dkim::{Selector, SigningKey};
use sealpost_net::Network;
use serde::Serialize;

use crate::{QUEUE_WANTED, queue_length, section::OwnMails};

/// Who reports, and how.
#[derive(Debug)]
pub struct Reporter {
    /// The domain of the contact (`TLS-Report-Submitter`).
    pub submitter: DomainName,
    /// The domain of the author of the mails (`From`).
    pub author: DomainName,
    /// The domain of the return path.
    pub return_path: DomainName,
    /// The keys that sign.
    pub keys: Vec<ReporterKey>,
    /// By whose hands the mails leave.
    pub way: ReporterWay,
    /// The Postfix that takes them, if it is one, and known.
    pub postfix: Option<PostfixRelease>,
    /// Whether the mail server tells of the sessions that brought them.
    pub own_mails: OwnMails,
    /// The name of this machine, as it says in EHLO.
    pub host: DomainName,
    /// The addresses of mail servers, and how they are seen from outside.
    pub addresses: BTreeMap<IpAddr, IpAddr>,
}

/// A key that signs the mails.
#[derive(Debug)]
pub struct ReporterKey {
    /// Its name.
    pub selector: Selector,
    /// The domain that signs.
    pub domain: DomainName,
    /// The secret key.
    pub key: SigningKey,
}

/// By whose hands mails leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReporterWay {
    /// Another mail server's, which may sign too, and whose address is seen.
    MailServer,
    /// Our own.
    Direct,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// What it is: a short name that never changes.
    pub what: &'static str,
    /// How it is.
    pub state: Health,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Good,
    /// It could not be told.
    Unknown,
    /// Some receivers will mind.
    Doubtful,
    /// Receivers must refuse or ignore our reports.
    Bad,
}

impl Examined {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: Health::Good, found: found.into(), remedy: None }
    }

    fn ill(
        what: &'static str,
        state: Health,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { what, state, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn unknown(what: &'static str, found: impl Into<String>) -> Self {
        Self::ill(
            what,
            Health::Unknown,
            found,
            "run this again; if it stays so, look at the resolver",
        )
    }
}

/// Looks at all of it. `now` is in seconds since 1970.
pub async fn examine(reporter: &Reporter, network: &Network, now: i64) -> Vec<Examined> {
    let mut all = vec![queue(queue_length())];
    if reporter.keys.is_empty() {
        all.push(dkim::no_key(reporter));
    }
    for key in &reporter.keys {
        all.push(dkim::examine(key, &reporter.author, network, now).await);
    }
    all.push(dkim::submitter(reporter));
    all.push(transport::examine(reporter));
    all.push(dns::author(&reporter.author, network).await);
    all.push(dns::spf(&reporter.return_path, network).await);
    all.push(dns::dmarc(reporter, network).await);
    all.extend(dns::reverse(reporter, network).await);
    all
}

/// The queue before the socket.
fn queue(length: Option<u32>) -> Examined {
    const WHAT: &str = "queue";
    match length {
        None => Examined::ill(
            WHAT,
            Health::Unknown,
            "the kernel does not say how many datagrams it keeps for a socket",
            format!("see that net.unix.max_dgram_qlen is at least {QUEUE_WANTED}"),
        ),
        Some(length) if length < QUEUE_WANTED => Examined::ill(
            WHAT,
            Health::Doubtful,
            format!(
                "net.unix.max_dgram_qlen is {length}: what mail servers tell in bursts may be lost"
            ),
            format!(
                "sysctl -w net.unix.max_dgram_qlen={QUEUE_WANTED}, and the same in /etc/sysctl.d; \
                 then restart sealpost"
            ),
        ),
        Some(length) => Examined::good(WHAT, format!("the kernel keeps {length} datagrams")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_queue_is_told_with_what_to_do() {
        assert_eq!(queue(Some(512)).state, Health::Good);
        assert_eq!(queue(None).state, Health::Unknown);
        let short = queue(Some(10));
        assert_eq!(short.state, Health::Doubtful);
        assert!(short.remedy.unwrap().starts_with("sysctl -w net.unix.max_dgram_qlen=512"));
    }
}

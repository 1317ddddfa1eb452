//! Whether reports of ours arrive and are believed: our own set-up, as strangers see it.

mod dkim;
mod dns;
mod transport;
pub use transport::PostfixRelease;

use std::{collections::BTreeMap, net::IpAddr};

use mail_domain::{DomainName, DomainNameError};
use sealpost_dkim::{Selector, SigningKey};
use sealpost_net::{MailWay, Network};
use serde::Serialize;
use tls_rpt::MailAddress;

use crate::{
    AuthorError, DkimKey, OwnMails, QUEUE_WANTED, Section, delivery::read_key, queue_length,
};

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

/// Why it cannot be said who reports. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReporterError {
    /// No contact is configured.
    #[error("look at the set-up: it is not known who reports")]
    NoContact,
    /// A key cannot be read.
    #[error(transparent)]
    Author(#[from] AuthorError),
    /// The name of the machine.
    #[error("use {host} as the name of this machine: {reason}")]
    Host {
        /// The name.
        host: String,
        /// Why it is none.
        reason: DomainNameError,
    },
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

impl Reporter {
    /// Who reports by this section, where the machine has this name. Keys are read from their files;
    /// whether there is a Postfix, the caller has to find out.
    ///
    /// # Errors
    ///
    /// [`ReporterError`].
    pub fn of(section: &Section, host: &str) -> Result<Self, ReporterError> {
        let contact = section.contact.as_ref().ok_or(ReporterError::NoContact)?;
        let contact = contact.domain().clone();
        let delivery = section.delivery.clone().unwrap_or_default();
        let domain =
            |named: &Option<MailAddress>| named.as_ref().map(|address| address.domain().clone());
        let author = domain(&delivery.from).unwrap_or_else(|| contact.clone());
        let key = |named: &DkimKey| -> Result<ReporterKey, AuthorError> {
            Ok(ReporterKey {
                selector: named.selector.clone(),
                domain: named.domain.clone().unwrap_or_else(|| author.clone()),
                key: read_key(&named.key)?,
            })
        };
        let keys = delivery.dkim.iter().map(key).collect::<Result<_, _>>()?;
        let host = DomainName::parse(host)
            .map_err(|reason| ReporterError::Host { host: host.to_owned(), reason })?;
        Ok(Self {
            submitter: contact,
            return_path: domain(&delivery.return_path).unwrap_or_else(|| author.clone()),
            author,
            keys,
            way: match delivery.mail {
                MailWay::Direct => ReporterWay::Direct,
                _ => ReporterWay::MailServer,
            },
            postfix: None,
            own_mails: delivery.own_mails,
            host,
            addresses: section.addresses.clone(),
        })
    }
}

impl Health {
    /// The word for it: `good`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }
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

//! How a receiver is told.

mod alertmanager;
mod mail;
mod webhook;

use std::path::PathBuf;

use mail_domain::DomainName;
use sealpost_net::{Answer, Ask, MailWay, Network, ServiceUrl, Submitted};
use sealpost_store::incidents::Incident;
use tls_rpt::MailAddress;
use tokio::time::timeout;

use self::{mail::Author, webhook::Secret};
use crate::{Channel, Receiver, Told};

/// Tells one receiver.
#[derive(Clone)]
pub struct Messenger {
    receiver: Receiver,
    network: Network,
    author: Author,
    way: MailWay,
    secret: Option<Secret>,
}

/// What came of it, for people: one line, which may quote what the other side said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Delivered {
    /// The receiver has it.
    Yes(String),
    /// It has it not, or that is not known.
    Not(String),
}

/// Why a receiver cannot be told at all. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessengerError {
    /// The file with the secret.
    #[error("read the secret for {name}: {reason} ({path})")]
    Secret {
        /// The receiver.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody to write mails.
    #[error(
        "write mails: the name of this machine, {host:?}, gives no address; set `from` in [alert]"
    )]
    Author {
        /// The name.
        host: String,
    },
}

impl Messenger {
    /// Tells this one. `host` is the name of this machine.
    ///
    /// # Errors
    ///
    /// [`MessengerError`] if its secret cannot be read, or mails have no author.
    pub fn new(
        receiver: Receiver,
        way: MailWay,
        from: Option<MailAddress>,
        host: &str,
        network: Network,
    ) -> Result<Self, MessengerError> {
        let author = match from {
            Some(address) => Author(address),
            None => format!("sealpost@{host}")
                .parse()
                .map(Author)
                .map_err(|_| MessengerError::Author { host: host.to_owned() })?,
        };
        let secret = match &receiver.channel {
            Channel::Webhook { secret: Some(path), .. } => {
                let read = Secret::read(path).map_err(|reason| MessengerError::Secret {
                    name: receiver.name.clone(),
                    path: path.clone(),
                    reason,
                });
                Some(read?)
            }
            _ => None,
        };
        Ok(Self { receiver, network, author, way, secret })
    }

    /// The receiver.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Tells it these, the oldest first, in one message. `key` names the message, the same each time
    /// it is tried; `now` is the time in seconds since 1970.
    pub async fn tell(&self, key: &str, told: &[Told], now: i64) -> Delivered {
        let Receiver { name, channel, patience, .. } = &self.receiver;
        match channel {
            Channel::Mail(to) => {
                let mail = mail::compose(&self.author, to, name, key, told);
                let letter = sealpost_net::Letter {
                    sender: Some(&self.author.0),
                    recipient: to,
                    octets: mail.as_bytes(),
                };
                match self.network.submit_mail(&letter, &self.way, *patience).await {
                    Submitted::Accepted(taken) => {
                        // A program may have nothing to say.
                        Delivered::Yes(match taken.answer.as_str() {
                            "" => taken.place,
                            answer => format!("{}: {answer}", taken.place),
                        })
                    }
                    Submitted::Later { fault, .. } | Submitted::Refused(fault) => {
                        Delivered::Not(fault.to_string())
                    }
                }
            }
            Channel::Webhook { url, .. } => {
                let ask = webhook::request(name, key, told, self.secret.as_ref(), now);
                self.post(url, ask).await
            }
            Channel::Alertmanager(base) => match alertmanager::request(told, now) {
                Some(ask) => self.post(&base.below(alertmanager::PATH), ask).await,
                None => Delivered::Yes("there is nothing that it takes".to_owned()),
            },
        }
    }

    /// Whether it has to be told again and again that an incident is open.
    pub fn forgets(&self) -> bool {
        matches!(self.receiver.channel, Channel::Alertmanager(_))
    }

    /// Tells one that [forgets](Self::forgets) what is still open.
    pub async fn remind(&self, open: &[Incident], link: Option<&str>, now: i64) -> Delivered {
        let Channel::Alertmanager(base) = &self.receiver.channel else {
            return Delivered::Yes(String::new());
        };
        let kind = sealpost_store::incidents::NoticeKind::StillOpen;
        let told: Vec<Told> =
            open.iter().map(|incident| Told::of(kind, incident, now, link)).collect();
        match alertmanager::request(&told, now) {
            Some(ask) => self.post(&base.below(alertmanager::PATH), ask).await,
            None => Delivered::Yes(String::new()),
        }
    }

    async fn post(&self, url: &ServiceUrl, ask: Ask) -> Delivered {
        let asked = self.network.ask_service(url, ask, "*/*");
        match timeout(self.receiver.patience, asked).await {
            Err(_) => Delivered::Not(format!("{url}: no answer in time")),
            Ok(Err(error)) => {
                Delivered::Not(crate::condition::line(&format!("{url}: failed to {error}")))
            }
            Ok(Ok(answer)) => judged(url, &answer),
        }
    }
}

fn judged(url: &ServiceUrl, answer: &Answer) -> Delivered {
    /// How much of an answer is shown, in characters.
    const SHOWN: usize = 200;
    let said: String = String::from_utf8_lossy(&answer.body).chars().take(SHOWN).collect();
    let said = crate::condition::line(&said);
    let line = format!("{url}: {} {said}", answer.status).trim_end().to_owned();
    if (200..300).contains(&answer.status) { Delivered::Yes(line) } else { Delivered::Not(line) }
}

/// The domain of the author, for ids of messages.
fn domain_of(author: &Author) -> &DomainName {
    author.0.domain()
}

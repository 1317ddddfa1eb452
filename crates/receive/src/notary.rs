//! Who vouches for a mail.

use sealpost_dkim::{Authenticity, KeyAnswer, Message};
use sealpost_evidence::{Lookup, TextRecord, traffic::Trust};
use sealpost_net::Network;

/// Verifies the signatures of mails, with keys from DNS.
#[derive(Clone)]
pub struct Notary {
    network: Network,
}

/// The key of a signature could not be looked up: it cannot be told yet who sent the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided;

impl Notary {
    /// Keys are looked up in this network.
    pub fn new(network: Network) -> Self {
        Self { network }
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# Reports sent via SMTP MUST contain a valid
    //# DomainKeys Identified Mail (DKIM) [RFC6376] signature by the
    //# reporting domain.
    /// How far a message is believed, at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Undecided`] if a key could not be looked up; ask again later.
    pub async fn vouch(&self, octets: &[u8], now: i64) -> Result<Trust, Undecided> {
        let Ok(message) = Message::read(octets) else {
            return Ok(Trust::Unverified { reason: "header-unreadable".to_owned() });
        };
        let mut verdicts = Vec::new();
        for signature in message.signatures().into_iter().flatten() {
            let answer = self.key(&signature.query_name()).await;
            let verdict = signature.verify(&message, &answer, now);
            verdicts.push((signature, verdict));
        }
        let authenticity = message.authenticity(&verdicts);
        match &authenticity {
            Authenticity::Authentic(authentic) => {
                Ok(Trust::Verified { signer: authentic.signer.to_string() })
            }
            Authenticity::Undecided => Err(Undecided),
            Authenticity::Doubtful(_) => {
                Ok(Trust::Unverified { reason: authenticity.code().to_owned() })
            }
        }
    }

    async fn key(&self, name: &str) -> KeyAnswer {
        match self.network.text_records(name).await {
            Lookup::Found(found) => {
                let text = |record: TextRecord| record.text().as_slice().to_vec();
                KeyAnswer::Found(found.value.into_iter().map(text).collect())
            }
            Lookup::Absent(_) => KeyAnswer::Absent,
            Lookup::Unknown(_) => KeyAnswer::Unknown,
        }
    }
}

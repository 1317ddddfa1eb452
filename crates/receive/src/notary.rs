//! Who vouches for a mail.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealpost_dkim::{Alignment, Authenticity, KeyAnswer, Message, Signature, Verdict};
use sealpost_evidence::{Lookup, TextRecord, traffic::Trust};
use sealpost_net::Network;
use tokio::{task::JoinSet, time::timeout};

/// For how long the answer to a question for a key is remembered, in seconds: less than any key is
/// announced before it is used.
const REMEMBERED: i64 = 300;
/// Answers that are remembered, at most. When there are more, all are forgotten.
const MOST_REMEMBERED: usize = 4096;
/// How long keys may be looked up at a time.
const KEY_TIME: Duration = Duration::from_secs(30);
/// Questions that are asked at a time.
const TOGETHER: usize = 16;

/// Verifies the signatures of mails, with keys from DNS. Clones share what they have learnt.
#[derive(Clone)]
pub struct Notary {
    /// None asks nobody.
    network: Option<Network>,
    remembered: Arc<Mutex<HashMap<String, Remembered>>>,
}

/// An answer, and until when it is taken from memory, in seconds since 1970.
type Remembered = (Arc<KeyAnswer>, i64);

/// The key of a signature could not be looked up: it cannot be told yet who sent the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided;

/// What can be said of a mail with the keys that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// How far it is believed.
    Certain(Trust),
    /// These keys are not known yet. Give them by [`Notary::look_up`].
    Wanting(Vec<String>),
    /// A key could not be looked up.
    Undecided,
}

/// Keys that were looked up, by the names at which they are.
pub type Keys = HashMap<String, Arc<KeyAnswer>>;

impl Notary {
    /// Keys are looked up in this network.
    pub fn new(network: Network) -> Self {
        Self { network: Some(network), remembered: Arc::default() }
    }

    /// Asks nobody. A mail whose signature needs a key is not verified, with `key-not-asked` as the
    /// reason.
    pub fn offline() -> Self {
        Self { network: None, remembered: Arc::default() }
    }

    /// How far a message is believed, at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Undecided`] if a key could not be looked up; ask again later.
    pub async fn vouch(&self, octets: &[u8], now: i64) -> Result<Trust, Undecided> {
        let opinion = match self.opinion(octets, now, now, &Keys::new()) {
            Opinion::Wanting(names) => {
                let keys = self.look_up(names, now).await;
                self.opinion(octets, now, now, &keys)
            }
            opinion => opinion,
        };
        match opinion {
            Opinion::Certain(trust) => Ok(trust),
            Opinion::Wanting(_) | Opinion::Undecided => Err(Undecided),
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# Reports sent via SMTP MUST contain a valid
    //# DomainKeys Identified Mail (DKIM) [RFC6376] signature by the
    //# reporting domain.
    /// The same without waiting: with these keys, and with those that were asked for lately. Only
    /// the keys of signatures that would count are wanted. `received` is when the message came: a
    /// signature need not hold any longer than until then.
    pub fn opinion(&self, octets: &[u8], received: i64, now: i64, keys: &Keys) -> Opinion {
        let Ok(message) = Message::read(octets) else {
            return Opinion::Certain(Trust::Unverified { reason: "header-unreadable".to_owned() });
        };
        // Only a signature has to agree with it.
        let from = LazyCell::new(|| message.from_domain().ok());
        let counts = |signature: &Signature| {
            from.as_ref().is_some_and(|from| Alignment::of(signature.domain(), from).is_some())
        };
        let (mut verdicts, mut wanted) = (Vec::new(), Vec::new());
        for signature in message.signatures().into_iter().flatten() {
            let verdict = if counts(&signature) {
                let name = signature.query_name();
                match self.known(&name, now, keys) {
                    Some(answer) => signature.verify(&message, &answer, received),
                    None => {
                        wanted.push(name);
                        Verdict::Undecided
                    }
                }
            } else {
                Verdict::Undecided
            };
            verdicts.push((signature, verdict));
        }
        let authenticity = message.authenticity(&verdicts);
        match &authenticity {
            Authenticity::Authentic(authentic) => {
                Opinion::Certain(Trust::Verified { signer: authentic.signer.to_string() })
            }
            Authenticity::Undecided if self.network.is_none() => {
                Opinion::Certain(Trust::Unverified { reason: "key-not-asked".to_owned() })
            }
            Authenticity::Undecided if !wanted.is_empty() => Opinion::Wanting(wanted),
            Authenticity::Undecided => Opinion::Undecided,
            Authenticity::Doubtful(_) => {
                Opinion::Certain(Trust::Unverified { reason: authenticity.code().to_owned() })
            }
        }
    }

    /// Looks keys up, each once, some at a time; those that are not there within half a minute are
    /// left out, so that whoever names many slow ones delays others no longer.
    pub async fn look_up(&self, names: impl IntoIterator<Item = String>, now: i64) -> Keys {
        let mut keys = Keys::new();
        if let Some(network) = &self.network {
            let names = names.into_iter().collect();
            let _ = timeout(KEY_TIME, self.ask(network, names, now, &mut keys)).await;
        }
        keys
    }

    async fn ask(&self, network: &Network, names: HashSet<String>, now: i64, keys: &mut Keys) {
        let mut names = names.into_iter();
        let mut asking = JoinSet::new();
        loop {
            while asking.len() < TOGETHER
                && let Some(name) = names.next()
            {
                let network = network.clone();
                asking.spawn(async move {
                    let answer = key(&network, &name).await;
                    (name, answer)
                });
            }
            let Some(answered) = asking.join_next().await else { return };
            // A look-up that panics has no answer; then the mail is undecided.
            if let Ok((name, answer)) = answered {
                let answer = Arc::new(answer);
                self.remember(&name, &answer, now);
                keys.insert(name, answer);
            }
        }
    }

    /// What DNS has at the name of a signature's key; unknown where nobody is asked.
    pub async fn key(&self, signature: &Signature) -> KeyAnswer {
        match &self.network {
            Some(network) => key(network, &signature.query_name()).await,
            None => KeyAnswer::Unknown,
        }
    }

    fn known(&self, name: &str, now: i64, keys: &Keys) -> Option<Arc<KeyAnswer>> {
        if let Some(answer) = keys.get(name) {
            return Some(Arc::clone(answer));
        }
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, until) = remembered.get(name)?;
        (now <= *until).then(|| Arc::clone(answer))
    }

    fn remember(&self, name: &str, answer: &Arc<KeyAnswer>, now: i64) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(name.to_owned(), (Arc::clone(answer), now.saturating_add(REMEMBERED)));
    }
}

async fn key(network: &Network, name: &str) -> KeyAnswer {
    match network.text_records(name).await {
        Lookup::Found(found) => {
            let text = |record: TextRecord| record.text().as_slice().to_vec();
            KeyAnswer::Found(found.value.into_iter().map(text).collect())
        }
        Lookup::Absent(_) => KeyAnswer::Absent,
        Lookup::Unknown(_) => KeyAnswer::Unknown,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use sealpost_dkim::{Selector, SigningKey, sign};

    use super::*;

    /// Made for tests.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIIIZph6Gkl8j+g30IgI52yzWsFNG4L0PfIaEGmZ3ToBH\n\
        -----END PRIVATE KEY-----\n";
    pub(crate) const KEY_NAME: &str = "s1._domainkey.r.example";

    impl Notary {
        /// Asks nobody, and remembers this answer.
        pub(crate) fn remembering(name: &str, answer: KeyAnswer, now: i64) -> Self {
            let notary = Self::offline();
            notary.remember(name, &Arc::new(answer), now);
            notary
        }
    }

    /// What DNS has at the name of the key.
    pub(crate) fn record() -> Vec<u8> {
        SigningKey::from_pem(KEY.as_bytes()).unwrap().record().unwrap().into_bytes()
    }

    /// A mail with a field before it that signs it as r.example at a time.
    pub(crate) fn signed(mail: &str, at: i64) -> String {
        let key = SigningKey::from_pem(KEY.as_bytes()).unwrap();
        let (selector, domain) = (Selector::parse("s1").unwrap(), "r.example".parse().unwrap());
        let field = sign(mail.as_bytes(), &key, &selector, &domain, at).unwrap();
        format!("{field}{mail}")
    }

    /// A mail that lay in quarantine for two weeks was said to have expired, as if it had come then.
    #[test]
    fn a_signature_has_to_hold_when_the_mail_comes() {
        const AT: i64 = 1_795_000_000;
        let mail = signed("From: <a@r.example>\r\n\r\nText\r\n", AT);
        let week = AT + 7 * 86_400;
        let mail = mail.replace(&format!("t={AT};"), &format!("t={AT}; x={week};"));
        let (notary, absent) = (Notary::offline(), Arc::new(KeyAnswer::Absent));
        let keys = Keys::from([(KEY_NAME.to_owned(), absent)]);
        let reason = |received, now| match notary.opinion(mail.as_bytes(), received, now, &keys) {
            Opinion::Certain(Trust::Unverified { reason }) => reason,
            other => panic!("{other:?}"),
        };
        // Nobody has the key any more, which is asked after the time.
        assert_eq!(reason(week - 1, week - 1), "key-gone");
        assert_eq!(reason(week - 1, week + 86_400), "key-gone");
        assert_eq!(reason(week, week), "expired");
    }
}

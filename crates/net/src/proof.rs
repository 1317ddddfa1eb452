//! The proof that a resolver validates.
//!
//! A mail server that uses DANE takes the word of its resolver for what is secure. If the resolver
//! does not validate, `dane` is no better than `may`, and `dane-only` holds back all mail. So nobody
//! should ask for either before the resolver has shown that it vouches for what is signed, and keeps
//! back what is bogus.
//!
//! # Limitations
//!
//! - A forwarder on this machine that passes on the AD bit of a resolver elsewhere cannot be told
//!   from one that validates.
//! - A name that is signed wrongly on purpose can be mended or given up by its owner. That is why
//!   there are several, and why one that has become good proves nothing.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use sealpost_evidence::{LookupFault, LookupFaultKind, Security};

use crate::deadline::Deadline;
use crate::dns::{Checking, Upstreams, are_local};
use crate::network::Network;
use crate::text::printable;

/// The most names that are signed wrongly; what is beyond is not asked.
const MOST_BOGUS: usize = 8;

/// Names that are signed wrongly on purpose, by those who want resolvers to be tried with them.
const BOGUS: [&str; 3] = ["dnssec-failed.org", "fail01.dnssec.works", "rhybar.cz"];

/// What a resolver is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probes {
    secure: Probe,
    bogus: Vec<Probe>,
}

/// One question: a name, and a type of record. As text `dnssec-failed.org`, which asks for `A`, or
/// `./SOA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    name: Name,
    record_type: RecordType,
}

/// Why a text is no [`Probe`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// What stands before the slash is no name.
    #[error("`{0}` is no DNS name")]
    Name(String),
    /// What stands behind the slash is no type of record.
    #[error("`{0}` is no type of DNS record, as in `example.com/MX`")]
    RecordType(String),
}

/// Why a resolver is not proven to validate. DANE must not rely on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolverFault {
    /// It is not on this machine. Whatever it says, anyone on the way can forge its AD bit.
    #[error(
        "trust the DNS resolver {resolver} with DNSSEC: it is not on this machine, and anyone on \
         the way can forge its word (RFC 7672 section 2.1.1)"
    )]
    Elsewhere {
        /// The resolver.
        resolver: SocketAddr,
    },
    /// It does not validate: it does not vouch for what is signed.
    #[error(
        "trust the DNS resolver {resolver} with DNSSEC: it does not validate, for it answers \
         {probe}, which is signed, without the AD bit"
    )]
    NoWordOnSecure {
        /// The resolver.
        resolver: SocketAddr,
        /// The name that is signed.
        probe: Probe,
    },
    /// It does not validate, or not to any effect: it hands out what is bogus.
    #[error(
        "trust the DNS resolver {resolver} with DNSSEC: it hands out {probe}, whose signatures are \
         wrong"
    )]
    HandsOutBogus {
        /// The resolver.
        resolver: SocketAddr,
        /// The name that is signed wrongly.
        probe: Probe,
    },
    /// It is not known: it did not answer about the name that is signed, or had no data.
    #[error("find out whether the DNS resolver {resolver} validates: {probe}: {text}")]
    NoAnswer {
        /// The resolver.
        resolver: SocketAddr,
        /// The name that is signed.
        probe: Probe,
        /// What happened instead; printable.
        text: String,
    },
    /// It is not known: it vouches for what is signed, but of the names that should be signed
    /// wrongly none is there, or none is wrong any more.
    #[error(
        "find out whether the DNS resolver {resolver} validates: no name that is signed wrongly on \
         purpose could be had ({text})"
    )]
    NothingBogus {
        /// The resolver.
        resolver: SocketAddr,
        /// What happened instead, for each name; printable.
        text: String,
    },
}

impl Probes {
    /// A name that is known to be signed, and names that are known to be signed wrongly: eight at
    /// most, of which one that the resolver keeps back is enough.
    pub fn new(secure: Probe, bogus: impl IntoIterator<Item = Probe>) -> Self {
        Self { secure, bogus: bogus.into_iter().take(MOST_BOGUS).collect() }
    }

    /// The same with another name that is known to be signed.
    #[must_use]
    pub fn with_secure(self, secure: Probe) -> Self {
        Self { secure, ..self }
    }

    /// The same with other names that are known to be signed wrongly: eight at most.
    #[must_use]
    pub fn with_bogus(self, bogus: impl IntoIterator<Item = Probe>) -> Self {
        Self::new(self.secure, bogus)
    }
}

impl Default for Probes {
    /// The root, and names on the Internet that are signed wrongly for this purpose.
    fn default() -> Self {
        let bogus = BOGUS.iter().filter_map(|name| name.parse().ok());
        Self::new(Probe { name: Name::root(), record_type: RecordType::SOA }, bogus)
    }
}

/// Finds out whether a resolver on this machine validates.
///
/// It does if it vouches for a name that is signed (AD), and has no answer (SERVFAIL) about one that
/// is signed wrongly, but has one when it is told not to check (CD): so neither a resolver that fails
/// at everything nor a name that has gone is taken for proof.
///
/// All is asked at once, and nothing is kept from one time to the next.
///
/// # Errors
///
/// After `patience` at the latest. [`ResolverFault::could_not_tell`] tells what is known not to
/// validate from what may be another time.
pub async fn prove_resolver(
    resolver: SocketAddr,
    probes: &Probes,
    patience: Duration,
) -> Result<(), ResolverFault> {
    //= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.1
    //# A
    //# security-aware resolver MUST be used for this specification.
    if !are_local(&[resolver]) {
        return Err(ResolverFault::Elsewhere { resolver });
    }
    let asking = Asking {
        upstream: Upstreams::new(vec![resolver], patience),
        deadline: Deadline::after(patience),
    };
    let (secure, bogus) = tokio::join!(
        asking.ask(&probes.secure, Checking::Resolver),
        join_all(probes.bogus.iter().map(|probe| asking.about_bogus(probe)))
    );
    let probe = probes.secure.clone();
    match secure {
        Ok(message) if !has_data(&message, &probe) => {
            let text = "there is no such record".to_owned();
            return Err(ResolverFault::NoAnswer { resolver, probe, text });
        }
        Ok(message) if message.metadata.authentic_data => {}
        Ok(_) => return Err(ResolverFault::NoWordOnSecure { resolver, probe }),
        Err(found) => {
            return Err(ResolverFault::NoAnswer { resolver, probe, text: found.text });
        }
    }
    if bogus.contains(&Bogus::KeptBack) {
        return Ok(());
    }
    let mut texts = Vec::new();
    for (found, probe) in bogus.into_iter().zip(&probes.bogus) {
        match found {
            Bogus::KeptBack => {}
            Bogus::HandedOut => {
                return Err(ResolverFault::HandsOutBogus { resolver, probe: probe.clone() });
            }
            Bogus::Unfit(text) => texts.push(format!("{probe}: {text}")),
        }
    }
    Err(ResolverFault::NothingBogus { resolver, text: printable(&texts.join("; ")) })
}

impl Network {
    /// Finds out whether what this network calls secure is: it must say so of a name that is signed,
    /// and have no answer about one that is signed wrongly.
    ///
    /// # Errors
    ///
    /// [`ValidationFault::could_not_tell`] tells what is known not to validate from what may be
    /// another time.
    pub async fn prove(&self, probes: &Probes) -> Result<(), ValidationFault> {
        let deadline = Deadline::after(self.means.deadlines.domain);
        let dns = &self.means.dns;
        let (secure, bogus) = tokio::join!(
            dns.worth(probes.secure.query(), deadline),
            join_all(
                probes
                    .bogus
                    .iter()
                    .map(|probe| async move { (dns.worth(probe.query(), deadline).await, probe) })
            )
        );
        match secure {
            Ok(Security::Secure) => {}
            Ok(Security::Insecure) => {
                return Err(ValidationFault::NotSecure { probe: probes.secure.clone() });
            }
            // Nobody judges for the moment; another time somebody may.
            Ok(Security::Indeterminate) => {
                let text = format!("nobody can say at present whether {} is secure", probes.secure);
                return Err(ValidationFault::NoAnswer { text });
            }
            Err(found) => return Err(ValidationFault::NoAnswer { text: found.text }),
        }
        let mut texts = Vec::new();
        for (worth, probe) in bogus {
            match worth {
                Err(found) if is_server_failure(found.kind) => return Ok(()),
                Err(found) => texts.push(found.text),
                Ok(_) => texts.push(format!("{probe} has an answer")),
            }
        }
        Err(ValidationFault::NothingBogus { text: printable(&texts.join("; ")) })
    }
}

/// Why what this network calls secure may not be. DANE must not rely on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidationFault {
    /// A name that is signed does not count as secure.
    #[error("validate DNSSEC: {probe}, which is signed, does not count as secure")]
    NotSecure {
        /// The name that is signed.
        probe: Probe,
    },
    /// It is not known: there was no answer about the name that is signed.
    #[error("find out whether DNSSEC is validated: {text}")]
    NoAnswer {
        /// What happened instead; printable.
        text: String,
    },
    /// No name that is signed wrongly was kept back: either they are not wrong any more, or nobody
    /// validates.
    #[error("find out whether DNSSEC is validated: nothing bogus was kept back ({text})")]
    NothingBogus {
        /// What happened instead, for each name; printable.
        text: String,
    },
}

impl ValidationFault {
    /// Is it only that no answer came, or none that would have told?
    pub fn could_not_tell(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::NothingBogus { .. })
    }
}

impl Probe {
    fn query(&self) -> Query {
        Query::query(self.name.clone(), self.record_type)
    }
}

/// How one resolver is asked.
struct Asking {
    upstream: Upstreams,
    deadline: Deadline,
}

/// What a resolver makes of a name that should be signed wrongly.
#[derive(Debug, PartialEq, Eq)]
enum Bogus {
    /// There is an answer, but only for who checks it himself.
    KeptBack,
    /// There is an answer, without a word on its being wrong.
    HandedOut,
    /// The name proves nothing, for this reason.
    Unfit(String),
}

impl Asking {
    async fn ask(&self, probe: &Probe, checking: Checking) -> Result<Message, LookupFault> {
        let asked = self.upstream.ask(&probe.query(), checking, self.deadline).await;
        asked.map(|answer| answer.message)
    }

    async fn about_bogus(&self, probe: &Probe) -> Bogus {
        let (checked, unchecked) =
            tokio::join!(self.ask(probe, Checking::Resolver), self.ask(probe, Checking::Ours));
        match checked {
            Ok(message) if message.metadata.authentic_data => {
                Bogus::Unfit("it is signed well by now".to_owned())
            }
            Ok(message) if !has_data(&message, probe) => {
                Bogus::Unfit("there is no such record".to_owned())
            }
            // From a resolver that hands out signatures, as one that vouches for anything does.
            Ok(message) if !has_signature(&message) => {
                Bogus::Unfit("it is not signed any more".to_owned())
            }
            Ok(_) => Bogus::HandedOut,
            Err(found) if !is_server_failure(found.kind) => Bogus::Unfit(found.text),
            Err(_) => match unchecked {
                Ok(message) if has_data(&message, probe) => Bogus::KeptBack,
                Ok(_) => Bogus::Unfit("there is no such record".to_owned()),
                Err(found) => Bogus::Unfit(format!("{}, even unchecked", found.text)),
            },
        }
    }
}

/// Was the answer SERVFAIL, whatever reason was given for it?
fn is_server_failure(kind: LookupFaultKind) -> bool {
    matches!(kind, LookupFaultKind::ServerFailure | LookupFaultKind::Bogus)
}

fn has_data(message: &Message, probe: &Probe) -> bool {
    message.metadata.response_code == ResponseCode::NoError
        && message.answers.iter().any(|record| record.record_type() == probe.record_type)
}

fn has_signature(message: &Message) -> bool {
    message.answers.iter().any(|record| record.record_type() == RecordType::RRSIG)
}

impl ResolverFault {
    /// Is it only that no answer came, or none that would have told? Then it may be known another
    /// time. Else the resolver is not to be trusted as it is.
    pub fn could_not_tell(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::NothingBogus { .. } => true,
            Self::Elsewhere { .. } | Self::NoWordOnSecure { .. } | Self::HandsOutBogus { .. } => {
                false
            }
        }
    }
}

impl FromStr for Probe {
    type Err = ProbeError;

    fn from_str(text: &str) -> Result<Self, ProbeError> {
        let (name, record_type) = match text.rsplit_once('/') {
            None => (text, RecordType::A),
            Some((name, word)) => {
                let parsed = word.to_ascii_uppercase().parse();
                (name, parsed.map_err(|_| ProbeError::RecordType(printable(word)))?)
            }
        };
        let unfit = || ProbeError::Name(printable(name));
        let mut parsed = Name::from_ascii(name).map_err(|_| unfit())?;
        if name.is_empty() {
            return Err(unfit());
        }
        parsed.set_fqdn(true);
        Ok(Self { name: parsed, record_type })
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.record_type)
    }
}

#[cfg(test)]
mod tests;

//! Validation of our own: from the trust anchors down to the answer (RFC 4035 §5).
//!
//! Signatures are verified by hickory. What denials prove ([`denial`](super::denial)) and whether an
//! answer need not be signed ([`delegation`](super::delegation)) is decided here, and nothing but a
//! proof makes an answer secure or insecure.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::xfer::{DnsHandle, FirstAnswer};
use hickory_net::{DnsError, NetError};
use hickory_proto::dnssec::{Proof, TrustAnchors};
use hickory_proto::op::{DnsRequestOptions, Message, Query, ResponseCode};
use hickory_proto::rr::{LowerName, Name, RecordType, SerialNumber};
use sealpost_evidence::{LookupFault, LookupFaultKind, Security};
use sealpost_runtime::{Clock, Stopwatch};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use super::anchors::TrustAnchor;
use super::delegation::{Delegation, delegation};
use super::denial::{Denials, Verdict};
use super::handle::{Handle, LOOK, Look};
use super::relevant::{is_signed, is_unsigned_alias, redirected_from, relevant, signature};
use crate::deadline::Deadline;
use crate::dns::cache::{Exchange, LONGEST_LIFE};
use crate::dns::message::{Checking, fault};

/// The most verified record sets that are remembered.
const MOST_PROOFS: usize = 10_000;

/// The most unsigned zones that are remembered.
const MOST_UNSIGNED: usize = 10_000;

/// The validator of hickory over our exchange.
pub(super) type Chain = DnssecDnsHandle<Handle>;

/// Says what is secure, from trust anchors.
pub(in crate::dns) struct Validator {
    exchange: Arc<Exchange>,
    clock: Clock,
    anchors: Vec<Anchor>,
    unsigned: Mutex<HashMap<Name, Remembered>>,
}

struct Anchor {
    given: TrustAnchor,
    primed: tokio::sync::Mutex<Option<Primed>>,
}

/// The keys of an anchor's zone as of now, in the hands of the validator of hickory.
struct Primed {
    chain: Chain,
    remembered: Remembered,
}

/// For how long something holds.
#[derive(Clone, Copy)]
struct Remembered {
    age: Stopwatch,
    life: Duration,
}

impl Validator {
    pub(in crate::dns) fn new(
        exchange: Arc<Exchange>,
        anchors: Vec<TrustAnchor>,
        clock: Clock,
    ) -> Self {
        let anchors = anchors
            .into_iter()
            .map(|given| Anchor { given, primed: tokio::sync::Mutex::default() })
            .collect();
        Self { exchange, clock, anchors, unsigned: Mutex::default() }
    }

    /// The zones that there is an anchor for.
    pub(in crate::dns) fn zones(&self) -> impl Iterator<Item = &Name> {
        self.anchors.iter().map(|anchor| &anchor.given.zone)
    }

    /// The answer to one question, one link at most of a CNAME chain, and what it is worth. An
    /// answer that fails validation is a fault.
    pub(in crate::dns) async fn answer(
        &self,
        query: &Query,
        deadline: Deadline,
    ) -> Result<(Message, Security), LookupFault> {
        let Some(anchor) = self.anchor_above(query.name()) else {
            // RFC 7672 §2.1.1: without a trust anchor above it, a name is insecure.
            let message = self.exchange.ask(query, Checking::Ours, deadline).await?;
            return Ok((relevant(Arc::unwrap_or_clone(message), query), Security::Insecure));
        };
        let chain = self.chain(anchor, deadline).await?;
        let look = Arc::new(Look::new(self.now(), deadline));
        let zone = &anchor.given.zone;
        let judging = LOOK.scope(look.clone(), self.judge(query, zone, &chain, &look, deadline));
        match deadline.bound(judging).await {
            Ok(judged) => judged,
            Err(_) => Err(fault(
                LookupFaultKind::TimedOut,
                &format!("the validation of {query} was not done within the deadline"),
            )),
        }
    }

    /// Can the keys of this anchor's zone be had, and does the anchor name one of them?
    pub(in crate::dns) async fn primes(
        &self,
        zone: &Name,
        deadline: Deadline,
    ) -> Result<(), LookupFault> {
        match self.anchors.iter().find(|anchor| anchor.given.zone == *zone) {
            Some(anchor) => self.chain(anchor, deadline).await.map(drop),
            None => Ok(()),
        }
    }

    async fn judge(
        &self,
        query: &Query,
        zone: &Name,
        chain: &Chain,
        look: &Look,
        deadline: Deadline,
    ) -> Result<(Message, Security), LookupFault> {
        let message = self.exchange.ask(query, Checking::Ours, deadline).await?;
        let redirected_from = redirected_from(&message, query.name());
        let message = relevant(Arc::unwrap_or_clone(message), query);
        // What a DNAME record makes is not signed (RFC 6672 §5.3.1).
        if let Some(above) = redirected_from.filter(|_| is_unsigned_alias(&message))
            && is_dname(&above, chain).await
        {
            return Ok((message, Security::Indeterminate));
        }
        let (message, finding) = if is_signed(&message) {
            let message = verified(chain, query).await.map_err(|text| bogus(look, query, &text))?;
            let finding = weigh(&message, query);
            (message, finding)
        } else {
            (message, Finding::Unproven)
        };
        let security = match finding {
            Finding::Secure => Security::Secure,
            Finding::Insecure => Security::Insecure,
            Finding::Indeterminate => Security::Indeterminate,
            Finding::Unproven if self.is_unsigned(query.name(), zone, chain).await => {
                Security::Insecure
            }
            Finding::Unproven => {
                return Err(bogus(look, query, "it is not signed, and no proof allows that"));
            }
            Finding::Bogus => {
                return Err(bogus(look, query, "no signature or denial of it holds"));
            }
        };
        Ok((message, security))
    }

    /// Is it proven that this name lies in an unsigned part of the tree?
    async fn is_unsigned(&self, name: &Name, zone: &Name, chain: &Chain) -> bool {
        if self.is_known_to_be_unsigned(name, zone) {
            return true;
        }
        match delegation(name, zone, chain).await {
            Delegation::Signed => false,
            Delegation::Unsigned { cut, ttl } => {
                let life = Duration::from_secs(ttl.into()).min(LONGEST_LIFE);
                let mut unsigned = self.unsigned.lock().unwrap_or_else(PoisonError::into_inner);
                if unsigned.len() >= MOST_UNSIGNED {
                    unsigned.clear();
                }
                unsigned.insert(cut, Remembered::from_now(life));
                true
            }
        }
    }

    /// Only what lies below the trust anchor's zone counts: that may itself be in an unsigned one.
    fn is_known_to_be_unsigned(&self, name: &Name, zone: &Name) -> bool {
        let unsigned = self.unsigned.lock().unwrap_or_else(PoisonError::into_inner);
        (zone.iter().len() + 1..=name.iter().len()).any(|labels| {
            unsigned.get(&name.trim_to(labels)).is_some_and(|remembered| remembered.is_good())
        })
    }

    /// The nearest trust anchor at or above a name.
    fn anchor_above(&self, name: &Name) -> Option<&Anchor> {
        self.anchors
            .iter()
            .filter(|anchor| anchor.given.zone.zone_of(name))
            .max_by_key(|anchor| anchor.given.zone.num_labels())
    }

    /// The validator that starts from the present keys of this anchor's zone. They are asked for
    /// again when their TTL is over; while one asks, the others wait.
    async fn chain(&self, anchor: &Anchor, deadline: Deadline) -> Result<Chain, LookupFault> {
        let late =
            |_| fault(LookupFaultKind::TimedOut, "the keys of the trust anchor did not come");
        let mut primed = deadline.bound(anchor.primed.lock()).await.map_err(late)?;
        if let Some(primed) = primed.as_ref().filter(|primed| primed.remembered.is_good()) {
            return Ok(primed.chain.clone());
        }
        let zone = &anchor.given.zone;
        let query = Query::query(zone.clone(), RecordType::DNSKEY);
        let answer = self.exchange.ask(&query, Checking::Ours, deadline).await?;
        let keys = anchor.given.keys_in(&answer, SerialNumber::new(self.now()));
        if keys.is_empty() {
            let text = format!("no key of {zone} is one that the trust anchor names");
            return Err(fault(LookupFaultKind::Bogus, &text));
        }
        let ttl = answer.answers.iter().map(|record| record.ttl).min().unwrap_or_default();
        let life = Duration::from_secs(ttl.into()).min(LONGEST_LIFE);
        let mut anchors = TrustAnchors::empty();
        for key in &keys {
            anchors.insert_with_name(key.public_key(), LowerName::from(zone));
        }
        let handle = Handle {
            exchange: self.exchange.clone(),
            anchor: Arc::new((
                LowerName::from(zone),
                relevant(Arc::unwrap_or_clone(answer), &query),
            )),
        };
        let chain = DnssecDnsHandle::with_trust_anchor(handle, Arc::new(anchors))
            .validation_cache_size(MOST_PROOFS)
            .positive_validation_ttl(Duration::ZERO..=LONGEST_LIFE)
            // What failed may have failed for want of an answer: it is tried again.
            .negative_validation_ttl(Duration::ZERO..=Duration::ZERO);
        let remembered = Remembered::from_now(life);
        *primed = Some(Primed { chain: chain.clone(), remembered });
        Ok(chain)
    }

    /// The time as DNSSEC writes it: seconds since 1970, modulo 2³² (RFC 4034 §3.1.5).
    fn now(&self) -> u32 {
        let seconds = self.clock.now().as_second().rem_euclid(1 << 32);
        u32::try_from(seconds).unwrap_or_default()
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.zones()).finish()
    }
}

impl Remembered {
    fn from_now(life: Duration) -> Self {
        Self { age: Stopwatch::start(), life }
    }

    fn is_good(self) -> bool {
        self.age.elapsed() < self.life
    }
}

/// What the signatures and denials of an answer prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Secure,
    /// They hold, and show that nothing can be proven: opt-out, or too many iterations of NSEC3.
    Insecure,
    /// Nothing: perhaps there need not be a proof.
    Unproven,
    Bogus,
    Indeterminate,
}

/// The answer with a proof at each record, or why there is none.
pub(super) async fn verified(chain: &Chain, query: &Query) -> Result<Message, String> {
    let answer = chain.lookup(query.clone(), DnsRequestOptions::default()).first_answer();
    // Its log would hold whole messages of strangers, one for each answer that is not convincing.
    match answer.with_subscriber(Dispatch::none()).await {
        Ok(response) => Ok(response.into_message()),
        // It does not find the denials convincing; that is judged here.
        Err(NetError::Dns(DnsError::Nsec { response, .. })) => Ok(response.into_message()),
        Err(error) => Err(error.to_string()),
    }
}

/// Is it proven that there is a DNAME record at this name?
async fn is_dname(name: &Name, chain: &Chain) -> bool {
    let query = Query::query(name.clone(), RecordType::DNAME);
    verified(chain, &query).await.is_ok_and(|message| {
        message.answers.iter().any(|record| record.record_type() == RecordType::DNAME)
            && weigh(&message, &query) == Finding::Secure
    })
}

/// `message` is the one that was verified: another answer to the same question may say something
/// else.
fn weigh(message: &Message, query: &Query) -> Finding {
    if !message.answers.is_empty() {
        return weigh_records(message, query.name());
    }
    match Denials::of(message) {
        None => Finding::Unproven,
        Some(denials) if message.metadata.response_code == ResponseCode::NXDomain => {
            weigh_denial(denials.no_name(query.name()))
        }
        Some(denials) => weigh_denial(denials.no_data(query.name(), query.query_type())),
    }
}

fn weigh_denial(verdict: Verdict) -> Finding {
    match verdict {
        Verdict::Proven => Finding::Secure,
        Verdict::OptOut | Verdict::TooDear => Finding::Insecure,
        Verdict::Unproven => Finding::Bogus,
    }
}

fn weigh_records(message: &Message, name: &Name) -> Finding {
    let proofs: Vec<Proof> = message
        .answers
        .iter()
        .filter(|record| signature(record).is_none())
        .map(|record| record.proof)
        .collect();
    let is_any = |proof| proofs.contains(&proof);
    if proofs.is_empty() || is_any(Proof::Bogus) {
        Finding::Bogus
    } else if is_any(Proof::Indeterminate) {
        Finding::Indeterminate
    } else if is_any(Proof::Insecure) {
        Finding::Unproven
    } else {
        // The signature that was verified says whether a wildcard stood for the name.
        let signed = message
            .answers
            .iter()
            .filter(|record| record.proof == Proof::Secure)
            .filter_map(signature)
            .map(|signature| signature.input())
            .min_by_key(|input| input.num_labels);
        match signed {
            None => Finding::Bogus,
            Some(input) if input.num_labels >= name.num_labels() => Finding::Secure,
            // Only the zone that has the wildcard knows which names stand beside it.
            Some(input) => Denials::of(message)
                .filter(|denials| *denials.zone == input.signer_name)
                .map_or(Finding::Bogus, |denials| {
                    let encloser = name.trim_to(input.num_labels.into());
                    weigh_denial(denials.expansion(name, &encloser))
                }),
        }
    }
}

/// The fault of an answer that fails validation; or that of an exchange, if one failed on the way.
fn bogus(look: &Look, query: &Query, text: &str) -> LookupFault {
    look.fault().unwrap_or_else(|| {
        let text =
            format!("DNSSEC validation of {} {} failed: {text}", query.name(), query.query_type());
        fault(LookupFaultKind::Bogus, &text)
    })
}

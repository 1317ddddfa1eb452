//! Who says what is secure.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use sealpost_evidence::{Dnssec, LookupFault, LookupFaultKind, Security};
use sealpost_runtime::{Clock, Stopwatch};

use super::anchors::TrustAnchor;
use super::relevant::signature;
use super::validator::Validator;
use crate::DnssecMode;
use crate::deadline::Deadline;
use crate::dns::cache::Exchange;
use crate::dns::chain::Chain;
use crate::dns::message::{Checking, fault};

/// How long the look at the resolvers may take.
const PROBE: Duration = Duration::from_secs(5);

/// For how long its result holds.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// For how long it is not repeated when no answer came, or one that leaves us without DNSSEC: whoever
/// can strip one answer must not switch validation off for long.
const FAILED_FOR: Duration = Duration::from_secs(30);

/// Gives every answer its security.
#[derive(Debug)]
pub(in crate::dns) struct Judge {
    mode: DnssecMode,
    resolvers: Place,
    exchange: Arc<Exchange>,
    validator: Validator,
    probed: tokio::sync::Mutex<Option<Probed>>,
    authority: Mutex<Authority>,
}

/// Where the resolvers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dns) enum Place {
    /// All of them on this machine: nobody on the way can have set the AD bit.
    Loopback,
    Elsewhere,
}

/// Who says what is secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authority {
    Ourselves,
    /// The resolvers on this machine, which are seen to validate: without their AD bit an answer
    /// is insecure.
    ValidatingResolver,
    /// The resolvers on this machine, by the operator's word alone: without their AD bit nothing is
    /// known.
    TrustedResolver,
    Nobody,
}

#[derive(Debug)]
struct Probed {
    authority: Authority,
    age: Stopwatch,
    life: Duration,
}

impl Judge {
    pub(in crate::dns) fn new(
        mode: DnssecMode,
        resolvers: Place,
        exchange: Arc<Exchange>,
        anchors: Vec<TrustAnchor>,
        clock: Clock,
    ) -> Self {
        let authority = match mode {
            DnssecMode::Validate => Authority::Ourselves,
            DnssecMode::TrustedResolver if resolvers == Place::Loopback => {
                Authority::TrustedResolver
            }
            DnssecMode::TrustedResolver | DnssecMode::Auto | DnssecMode::Off => Authority::Nobody,
        };
        let validator = Validator::new(exchange.clone(), anchors, clock);
        let authority = Mutex::new(authority);
        Self { mode, resolvers, exchange, validator, probed: Default::default(), authority }
    }

    /// Who says what is secure, as far as is known by now.
    pub(in crate::dns) fn dnssec(&self) -> Dnssec {
        match *self.authority.lock().unwrap_or_else(PoisonError::into_inner) {
            Authority::Ourselves => Dnssec::Validated,
            Authority::ValidatingResolver | Authority::TrustedResolver => Dnssec::TrustedResolver,
            Authority::Nobody => Dnssec::Nobody,
        }
    }

    /// The answer to one question, and what it is worth. An answer that fails validation is a
    /// fault. If we validate ourselves, the answer has one link at most of a CNAME chain.
    pub(in crate::dns) async fn answer(
        &self,
        query: &Query,
        deadline: Deadline,
    ) -> Result<(Arc<Message>, Security), LookupFault> {
        let authority = self.authority(deadline).await;
        if authority == Authority::Ourselves {
            // Boxed, as is all that is rare: whoever merely asks would else carry its room around,
            // some kilobytes for each question.
            let (message, security) = Box::pin(self.validator.answer(query, deadline)).await?;
            return Ok((Arc::new(message), security));
        }
        let message = match self.exchange.ask(query, Checking::Resolver, deadline).await {
            Ok(message) => message,
            Err(found) if authority == Authority::ValidatingResolver => {
                return Err(Box::pin(self.reason(query, found, deadline)).await);
            }
            Err(found) => return Err(found),
        };
        //= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.1
        //# a security-aware stub resolver MUST NOT place any reliance on
        //# signature validation allegedly performed on its behalf, except
        //# when the security-aware stub resolver obtained the data in
        //# question from a trusted security-aware recursive name server via a
        //# secure channel.
        let security = match (authority, message.metadata.authentic_data) {
            (Authority::ValidatingResolver | Authority::TrustedResolver, true) => Security::Secure,
            (Authority::ValidatingResolver, false) => Security::Insecure,
            _ => Security::Indeterminate,
        };
        Ok((message, security))
    }

    /// What is kept of a chain of aliases and its records is not used again.
    pub(in crate::dns) fn forget(&self, chain: Chain, kind: RecordType) {
        self.exchange.forget(chain, kind);
    }

    /// Why a validating resolver fails: if it hands out what it was told not to check, then
    /// because that is bogus. Many give no extended error.
    async fn reason(&self, query: &Query, found: LookupFault, deadline: Deadline) -> LookupFault {
        if found.kind != LookupFaultKind::ServerFailure {
            return found;
        }
        match self.exchange.ask(query, Checking::Ours, deadline).await {
            Ok(_) => {
                let text = format!("{}, and has an answer if it need not validate it", found.text);
                fault(LookupFaultKind::Bogus, &text)
            }
            Err(_) => found,
        }
    }

    /// Who says it: where that depends on the resolvers, they are looked at first.
    async fn authority(&self, deadline: Deadline) -> Authority {
        match self.mode {
            DnssecMode::Validate => return Authority::Ourselves,
            DnssecMode::Off => return Authority::Nobody,
            DnssecMode::Auto | DnssecMode::TrustedResolver => {}
        }
        let deadline = Deadline::after(PROBE).or_before(deadline);
        // While one looks, the others wait.
        let Ok(mut probed) = deadline.bound(self.probed.lock()).await else {
            return self.without_probe();
        };
        if let Some(probed) = probed.as_ref().filter(|probed| probed.age.elapsed() < probed.life) {
            return probed.authority;
        }
        let (authority, life) = match Box::pin(self.probe(deadline)).await {
            Ok(Authority::Nobody) => (Authority::Nobody, FAILED_FOR),
            Ok(authority) => (authority, GOOD_FOR),
            Err(found) => {
                tracing::debug!("can't find out whether the resolvers validate: {}", found.text);
                (self.without_probe(), FAILED_FOR)
            }
        };
        *self.authority.lock().unwrap_or_else(PoisonError::into_inner) = authority;
        *probed = Some(Probed { authority, age: Stopwatch::start(), life });
        authority
    }

    fn without_probe(&self) -> Authority {
        match (self.mode, self.resolvers) {
            (DnssecMode::TrustedResolver, Place::Loopback) => Authority::TrustedResolver,
            _ => Authority::Nobody,
        }
    }

    /// Looks whether the resolvers validate, and else whether they hand out what is needed to
    /// validate: at the zones that there is a trust anchor for, which are signed.
    async fn probe(&self, deadline: Deadline) -> Result<Authority, LookupFault> {
        let mut failed = None;
        for zone in self.validator.zones() {
            if self.resolvers == Place::Loopback {
                match self.vouches_for(zone, deadline).await {
                    Ok(true) => return Ok(Authority::ValidatingResolver),
                    Ok(false) => {}
                    Err(found) => failed = Some(found),
                }
            }
            if self.mode == DnssecMode::Auto {
                match self.hands_out_signatures(zone, deadline).await {
                    Ok(true) => return Ok(Authority::Ourselves),
                    Ok(false) => {}
                    Err(found) => failed = Some(found),
                }
            }
        }
        failed.map_or_else(|| Ok(self.without_probe()), Err)
    }

    /// Does every resolver that answers set the AD bit on what is signed? One that does not validate
    /// would be asked after another has found an answer bogus, and hand that out.
    async fn vouches_for(&self, zone: &Name, deadline: Deadline) -> Result<bool, LookupFault> {
        let query = Query::query(zone.clone(), RecordType::SOA);
        let mut vouched = None;
        let mut failed = None;
        for answer in self.exchange.ask_each(&query, Checking::Resolver, deadline).await {
            match answer {
                Ok(answer) => {
                    let message = &answer.message;
                    vouched = Some(vouched.unwrap_or(true) && message.metadata.authentic_data);
                }
                Err(found) => failed = Some(found),
            }
        }
        match (vouched, failed) {
            (None, Some(found)) => Err(found),
            (vouched, _) => Ok(vouched.unwrap_or(false)),
        }
    }

    /// Does the resolver hand out signatures, and do ours hold?
    async fn hands_out_signatures(
        &self,
        zone: &Name,
        deadline: Deadline,
    ) -> Result<bool, LookupFault> {
        let query = Query::query(zone.clone(), RecordType::DNSKEY);
        let message = self.exchange.ask(&query, Checking::Ours, deadline).await?;
        if !message.answers.iter().any(|record| signature(record).is_some()) {
            return Ok(false);
        }
        self.validator.primes(zone, deadline).await.map(|()| true)
    }
}

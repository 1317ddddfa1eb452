//! Answers that are known already, and questions that are being asked already.
//!
//! Every domain of a zone has the same chain of trust, and every MX host of a provider is listed by
//! many domains: what one look-up has learnt, the next need not ask. Faults are not kept.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use sealpost_evidence::{LookupFault, LookupFaultKind};
use sealpost_runtime::{Age, Clock};
use tokio::sync::watch;

use super::chain::Chain;
use super::exchange::Upstreams;
use super::message::{Answer, Checking, fault};
use crate::deadline::Deadline;
use crate::shelf::Shelf;

/// The most that answers may take, in octets: some ten thousand of the usual ones.
const MOST_OCTETS: usize = 2 * 1024 * 1024;

/// The longest time for which an answer is kept, whatever its TTL: who mends a record wants to see
/// that soon.
pub(super) const LONGEST_LIFE: Duration = Duration::from_secs(300);

/// The most records of an answer that is kept. The look-ups take no more than 64 of one kind.
const MOST_RECORDS: usize = 128;

/// The largest answer that is kept, in octets. Most have a few hundred; sets of keys are larger.
const LARGEST_ANSWER: usize = 4096;

/// How often a question is taken over from one who gave up asking it.
const MOST_TURNS: usize = 16;

/// The upstreams behind a cache: of identical questions, one is asked at a time.
#[derive(Debug)]
pub(super) struct Exchange {
    upstreams: Upstreams,
    clock: Clock,
    shelf: Mutex<Shelf<Key, Slot>>,
    hashes: RandomState,
}

/// A question. It is hashed once, for all looks at what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    hash: u64,
    name: LowerName,
    kind: RecordType,
    checking: Checking,
}

type Outcome = Result<Arc<Message>, LookupFault>;

/// By which those who wait are told. Seldom does anybody, so it is made when somebody comes.
type Waiting = watch::Sender<Option<Outcome>>;

#[derive(Debug)]
enum Slot {
    /// Somebody is asking, and others may wait. If the sender goes and has sent nothing, they ask.
    Asked(Option<Waiting>),
    Known(Known),
}

/// An answer as it stands on the wire, which is a tenth of what it takes when it is read.
#[derive(Debug)]
struct Known {
    octets: Box<[u8]>,
    age: Age,
    life: Duration,
}

/// What is to be done about a question.
enum Turn {
    Answered(Arc<Message>),
    Wait(watch::Receiver<Option<Outcome>>),
    Ask,
}

impl Exchange {
    pub(super) fn new(upstreams: Upstreams, clock: Clock) -> Self {
        let shelf = Mutex::new(Shelf::new(MOST_OCTETS));
        Self { upstreams, clock, shelf, hashes: RandomState::new() }
    }

    /// The answer to one question: NOERROR or NXDOMAIN. Its TTLs are what is left of them.
    pub(super) async fn ask(
        &self,
        query: &Query,
        checking: Checking,
        deadline: Deadline,
    ) -> Outcome {
        let key = self.key(query.name(), query.query_type(), checking);
        for _ in 0..MOST_TURNS {
            match self.turn(&key) {
                Turn::Answered(message) => return Ok(message),
                Turn::Ask => {
                    let asking = Asking { exchange: self, key: &key, has_ended: false };
                    let outcome = self.upstreams.ask(query, checking, deadline).await;
                    return asking.settle(outcome, deadline);
                }
                Turn::Wait(mut receiver) => {
                    match deadline.bound(receiver.wait_for(Option::is_some)).await {
                        Err(_) => break,
                        Ok(Ok(outcome)) => {
                            if let Some(outcome) = outcome.as_ref() {
                                return outcome.clone();
                            }
                        }
                        // Whoever asked gave up: perhaps it is our turn.
                        Ok(Err(_)) => {}
                    }
                }
            }
        }
        let text =
            format!("no answer within the deadline for {} {}", query.name(), query.query_type());
        Err(fault(LookupFaultKind::TimedOut, &text))
    }

    /// What is known of the records at a name, and of the aliases on the way to them, is asked for anew.
    /// A question that is under way is not repeated.
    pub(super) fn forget(&self, mut chain: Chain, kind: RecordType) {
        let mut shelf = self.shelf();
        loop {
            let links = chain.aliases.len();
            for checking in [Checking::Resolver, Checking::Ours] {
                let key = self.key(&chain.name, kind, checking);
                let Some(Slot::Known(known)) = shelf.get(&key) else { continue };
                let message = known.now();
                shelf.remove(&key);
                if let Some(message) = message
                    && chain.walk(&message.answers, kind).is_err()
                {
                    return;
                }
            }
            if chain.aliases.len() == links {
                return;
            }
        }
    }

    /// What each upstream says by itself, now.
    pub(super) async fn ask_each(
        &self,
        query: &Query,
        checking: Checking,
        deadline: Deadline,
    ) -> Vec<Result<Box<Answer>, LookupFault>> {
        self.upstreams.ask_each(query, checking, deadline).await
    }

    fn turn(&self, key: &Key) -> Turn {
        let mut shelf = self.shelf();
        match shelf.get(key) {
            Some(Slot::Known(known)) => {
                if let Some(message) = known.now() {
                    return Turn::Answered(Arc::new(message));
                }
            }
            Some(Slot::Asked(waiting)) => {
                let sender = waiting.get_or_insert_with(|| watch::channel(None).0);
                return Turn::Wait(sender.subscribe());
            }
            None => {}
        }
        shelf.insert(key.clone(), Slot::Asked(None), key.name.len());
        Turn::Ask
    }

    fn key(&self, name: &Name, kind: RecordType, checking: Checking) -> Key {
        let name = LowerName::from(name);
        Key { hash: self.hashes.hash_one((&name, kind, checking)), name, kind, checking }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<Key, Slot>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody asks. When this goes before there is an outcome, those who wait ask for themselves.
struct Asking<'a> {
    exchange: &'a Exchange,
    key: &'a Key,
    has_ended: bool,
}

impl Asking<'_> {
    /// Keeps an answer, and tells it to those who wait.
    fn settle(mut self, outcome: Result<Box<Answer>, LookupFault>, deadline: Deadline) -> Outcome {
        let mut known = None;
        let outcome = outcome.map(|answer| {
            let Answer { mut message, octets } = *answer;
            tidy(&mut message);
            known = Known::new(&message, octets, &self.exchange.clock);
            Arc::new(message)
        });
        let waiting = self.end(known);
        // Where we had no time left, others may have some: then they ask for themselves.
        if let Some(waiting) = waiting
            && (outcome.is_ok() || !deadline.has_passed())
        {
            // Nobody may be waiting any more.
            let _ = waiting.send(Some(outcome.clone()));
        }
        outcome
    }

    /// Keeps what is known now, if anything is; by what this returns, those who wait are told.
    fn end(&mut self, known: Option<Known>) -> Option<Waiting> {
        self.has_ended = true;
        let mut shelf = self.exchange.shelf();
        let asked = match shelf.get(self.key) {
            Some(Slot::Asked(waiting)) => Some(waiting.take()),
            Some(Slot::Known(_)) | None => None,
        };
        if let Some(known) = known {
            let heap = self.key.name.len() + known.octets.len();
            shelf.insert(self.key.clone(), Slot::Known(known), heap);
        } else if asked.is_some() {
            shelf.remove(self.key);
        }
        asked.flatten()
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end(None);
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Known {
    /// What is kept of an answer that came in these octets, if it may be kept.
    fn new(message: &Message, octets: Box<[u8]>, clock: &Clock) -> Option<Self> {
        let life = life(message)?;
        (octets.len() <= LARGEST_ANSWER).then(|| Self { octets, age: clock.age(), life })
    }

    /// The message with what is left of its TTLs, if something is.
    fn now(&self) -> Option<Message> {
        let age = self.age.elapsed();
        if age >= self.life {
            return None;
        }
        let mut message = Message::from_vec(&self.octets).ok()?;
        tidy(&mut message);
        let seconds = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        for record in message.answers.iter_mut().chain(&mut message.authorities) {
            record.ttl = record.ttl.saturating_sub(seconds);
        }
        Some(message)
    }
}

/// Leaves out what nobody reads, of which there may be much, and gives the SOA record of a denial the TTL
/// of the denial (RFC 2308 §5), which then runs down with the others.
fn tidy(message: &mut Message) {
    message.additionals.clear();
    for record in &mut message.authorities {
        if let RData::SOA(start) = &record.data {
            record.ttl = record.ttl.min(start.minimum);
        }
    }
}

/// For how long an answer may be kept; `None` for not at all, as for a denial without SOA (RFC 2308
/// §5), and for one of so many records that it takes long to read again.
fn life(message: &Message) -> Option<Duration> {
    let ttl = |record: &Record| match &record.data {
        RData::SOA(start) => record.ttl.min(start.minimum),
        _ => record.ttl,
    };
    let has_ttl = !message.answers.is_empty()
        || message.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    let least = message.answers.iter().chain(&message.authorities).map(ttl).min()?;
    let life = Duration::from_secs(least.into()).min(LONGEST_LIFE);
    let is_short = message.answers.len() + message.authorities.len() <= MOST_RECORDS;
    (has_ttl && !life.is_zero() && is_short).then_some(life)
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Edns, MessageType, Query};
    use hickory_proto::rr::rdata::{A, MX, SOA, TXT};
    use hickory_proto::rr::{Name, RData};

    use super::*;

    fn record(ttl: u32) -> Record {
        Record::from_rdata(Name::root(), ttl, RData::A(A::new(127, 0, 0, 1)))
    }

    fn start(ttl: u32, minimum: u32) -> Record {
        let soa = SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, minimum);
        Record::from_rdata(Name::root(), ttl, RData::SOA(soa))
    }

    fn message(answers: Vec<Record>, authorities: Vec<Record>) -> Message {
        let mut message = Message::query();
        message.add_query(Query::query(Name::root(), RecordType::A));
        message.add_answers(answers);
        message.add_authorities(authorities);
        message
    }

    fn known(message: &Message) -> Option<Known> {
        let octets = message.to_vec().unwrap().into_boxed_slice();
        Known::new(message, octets, &Clock::system())
    }

    #[test]
    fn an_answer_is_kept_for_as_long_as_it_says_and_not_too_long() {
        for (answers, authorities, seconds) in [
            (vec![record(60), record(30)], vec![], Some(30)),
            (vec![record(60)], vec![record(10)], Some(10)),
            (vec![record(1_000_000)], vec![], Some(300)),
            (vec![record(0)], vec![], None),
            (vec![], vec![start(60, 20)], Some(20)), // RFC 2308 §5
            (vec![], vec![start(10, 20)], Some(10)),
            (vec![], vec![record(60)], None), // a denial without SOA
            (vec![], vec![], None),
        ] {
            let message = message(answers, authorities);
            assert_eq!(life(&message), seconds.map(Duration::from_secs), "{message:?}");
        }
    }

    #[test]
    fn an_answer_that_is_too_large_is_not_kept() {
        let is_kept = |answers, authorities| known(&message(answers, authorities)).is_some();
        assert!(is_kept(vec![record(60); MOST_RECORDS], vec![]));
        assert!(!is_kept(vec![record(60); MOST_RECORDS + 1], vec![]));
        assert!(!is_kept(vec![record(60)], vec![record(60); MOST_RECORDS]));
        let text = |octets: usize| {
            let strings = vec!["a".repeat(200); octets / 200];
            Record::from_rdata(Name::root(), 60, RData::TXT(TXT::new(strings)))
        };
        assert!(is_kept(vec![text(4000)], vec![]));
        assert!(!is_kept(vec![text(5000)], vec![]));
    }

    #[test]
    fn what_is_kept_grows_older_and_ends() {
        let kept = known(&message(vec![record(60)], vec![])).unwrap();
        assert!((59..=60).contains(&kept.now().unwrap().answers[0].ttl));
        assert!(Known { life: Duration::ZERO, ..kept }.now().is_none());
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let name = |text| Name::from_ascii(text).unwrap();
        let mx = |host| RData::MX(MX::new(10, name(host)));
        let mut answer = message(
            ["mx.A.test.", "MX.a.test."]
                .map(|host| Record::from_rdata(name("A.test."), 60, mx(host)))
                .into(),
            vec![start(60, 60)],
        );
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.authentic_data = true;
        let mut edns = Edns::new();
        edns.set_dnssec_ok(true);
        answer.set_edns(edns);
        let read = known(&answer).unwrap().now().unwrap();
        // Names are equal whatever their case; what is shown to people has it.
        assert_eq!(format!("{read:?}"), format!("{answer:?}"));
    }
}

//! Our exchange and our clock, as the validator of hickory asks for them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use hickory_net::NetError;
use hickory_net::runtime::{RuntimeProvider, Time, TokioHandle, TokioRuntimeProvider, TokioTime};
use hickory_net::xfer::DnsHandle;
use hickory_proto::op::{DnsRequest, DnsResponse, Message, Query};
use hickory_proto::rr::{LowerName, RecordType};
use sealpost_evidence::{LookupFault, LookupFaultKind};

use super::relevant::relevant;
use crate::deadline::Deadline;
use crate::dns::cache::Exchange;
use crate::dns::message::{Checking, fault};

/// The most questions that one look-up may need for its validation.
const MOST_QUESTIONS: usize = 128;

tokio::task_local! {
    /// The look-up that is being validated. The validator gives its handle no context, and asks the
    /// clock through a function without arguments.
    pub(super) static LOOK: Arc<Look>;
}

/// One look-up that is being validated.
#[derive(Debug)]
pub(super) struct Look {
    /// The time by which signatures are judged, in seconds since 1970, modulo 2³².
    now: u32,
    deadline: Deadline,
    questions: AtomicUsize,
    fault: Mutex<Option<LookupFault>>,
}

impl Look {
    pub(super) fn new(now: u32, deadline: Deadline) -> Self {
        Self { now, deadline, questions: AtomicUsize::new(0), fault: Mutex::new(None) }
    }

    /// The first fault of an exchange: where there is one, a failed validation proves nothing.
    pub(super) fn fault(&self) -> Option<LookupFault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, found: &LookupFault) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert_with(|| found.clone());
    }
}

/// Asks the exchange what the validator wants to know. The keys of the trust anchor are known
/// already.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) exchange: Arc<Exchange>,
    /// The apex of the trust anchor's zone, and the answer that holds its keys.
    pub(super) anchor: Arc<(LowerName, Message)>,
}

impl Handle {
    async fn ask(self, request: DnsRequest) -> Result<DnsResponse, NetError> {
        let (Ok(look), Some(query)) = (LOOK.try_with(Arc::clone), request.queries.first()) else {
            return Err(NetError::Message("a question outside of a look-up"));
        };
        match self.answer(&look, query).await {
            Ok(message) => Ok(DnsResponse::from_message(relevant(message, query))?),
            Err(found) => {
                look.note(&found);
                Err(NetError::from(found.text))
            }
        }
    }

    async fn answer(&self, look: &Look, query: &Query) -> Result<Message, LookupFault> {
        let (zone, keys) = &*self.anchor;
        if query.query_type() == RecordType::DNSKEY && LowerName::from(query.name()) == *zone {
            return Ok(keys.clone());
        }
        if look.questions.fetch_add(1, Ordering::Relaxed) >= MOST_QUESTIONS {
            let text = format!("its validation needs more than {MOST_QUESTIONS} questions");
            return Err(fault(LookupFaultKind::TooLarge, &text));
        }
        self.exchange.ask(query, Checking::Ours, look.deadline).await.map(Arc::unwrap_or_clone)
    }
}

impl DnsHandle for Handle {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = Runtime;

    fn send(&self, request: DnsRequest) -> Self::Response {
        Box::pin(stream::once(self.clone().ask(request)))
    }
}

/// Where the validator runs: it opens no socket.
#[derive(Clone)]
pub(super) struct Runtime(TokioHandle);

impl RuntimeProvider for Runtime {
    type Handle = TokioHandle;
    type Timer = LookTime;
    type Udp = <TokioRuntimeProvider as RuntimeProvider>::Udp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.clone()
    }

    fn connect_tcp(
        &self,
        _server: SocketAddr,
        _from: Option<SocketAddr>,
        _patience: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn bind_udp(
        &self,
        _local: SocketAddr,
        _server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }
}

/// The time of the look-up; outside of one there is none, and no signature holds.
pub(super) struct LookTime;

#[async_trait::async_trait]
impl Time for LookTime {
    async fn delay_for(duration: Duration) {
        TokioTime::delay_for(duration).await;
    }

    async fn timeout<F: 'static + Future + Send>(
        duration: Duration,
        future: F,
    ) -> io::Result<F::Output> {
        TokioTime::timeout(duration, future).await
    }

    fn current_time() -> u64 {
        LOOK.try_with(|look| look.now).unwrap_or_default().into()
    }
}

//! Sessions that come by other ways than the socket.

use std::sync::Arc;

use tls_rpt::SessionReading;
use tokio::sync::{mpsc, oneshot};

use crate::posted::Posted;

/// Deliveries that may wait for the thread that counts.
const MOST_WAITING: usize = 64;

/// Hands sessions to the thread that counts those of the socket, into the same counters. Clones
/// share it.
#[derive(Clone, Debug)]
pub struct Intake {
    deliveries: mpsc::Sender<Delivery>,
    pub(crate) posted: Arc<Posted>,
}

/// Where the thread that counts takes them.
pub(crate) struct Deliveries(mpsc::Receiver<Delivery>);

/// Sessions, and who waits for them to be counted.
pub(crate) struct Delivery {
    sessions: Vec<TimedSession>,
    counted: oneshot::Sender<usize>,
}

/// A session and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedSession {
    /// The session, as it was read.
    pub reading: SessionReading,
    /// When it was, in seconds since 1970; its day is counted under.
    pub at: i64,
}

/// Nothing is counted any more. The text fits after "failed to ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("count sessions: the thread that counts has ended")]
pub struct IntakeClosed;

impl Intake {
    pub(crate) fn new(posted: Arc<Posted>) -> (Self, Deliveries) {
        let (deliveries, receiver) = mpsc::channel(MOST_WAITING);
        (Self { deliveries, posted }, Deliveries(receiver))
    }

    /// Waits until the sessions are counted, and says how many were: fewer only if the memory is full
    /// and the store cannot be written. They are written down with the others, a little later.
    ///
    /// # Errors
    ///
    /// [`IntakeClosed`] if none was counted because there is nobody who counts.
    pub async fn count(&self, sessions: Vec<TimedSession>) -> Result<usize, IntakeClosed> {
        let (counted, answer) = oneshot::channel();
        let delivery = Delivery { sessions, counted };
        self.deliveries.send(delivery).await.map_err(|_| IntakeClosed)?;
        answer.await.map_err(|_| IntakeClosed)
    }
}

impl Deliveries {
    /// The next one. Nothing is lost if the waiting is given up.
    pub(crate) async fn next(&mut self) -> Delivery {
        match self.0.recv().await {
            Some(delivery) => delivery,
            // Nobody is left who could send one.
            None => std::future::pending().await,
        }
    }

    /// The next one, if one waits.
    pub(crate) fn waiting(&mut self) -> Option<Delivery> {
        self.0.try_recv().ok()
    }

    /// Lets no further ones in, and gives those that wait, one by one.
    pub(crate) fn rest(&mut self) -> Option<Delivery> {
        self.0.close();
        self.waiting()
    }
}

impl Delivery {
    /// Has the sessions counted, and tells how many were.
    pub(crate) fn answer(self, count: impl FnOnce(Vec<TimedSession>) -> usize) {
        // An error means that nobody waits for it any more.
        let _ = self.counted.send(count(self.sessions));
    }
}

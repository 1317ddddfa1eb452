//! What an entry has now and then.

use std::time::Duration;

use crate::{
    cache::{backoff::Backoff, event::Token},
    policy_id::PolicyId,
};

/// A flight, and failures. They lie outside the entry: a sender holds very many, and with most
/// nothing is under way and nothing has failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Passing(Option<Box<Parts>>);

#[derive(Debug, Clone, Default)]
struct Parts {
    /// At most one look-up or fetch at a time.
    flight: Option<Flight>,
    backoff: Option<Backoff>,
}

#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) token: Token,
    pub(super) kind: FlightKind,
    pub(super) deadline: Duration,
}

#[derive(Debug, Clone)]
pub(super) enum FlightKind {
    Record,
    Policy(PolicyId),
}

impl Passing {
    pub(super) fn new(backoff: Option<Backoff>) -> Self {
        Self(backoff.map(|backoff| Box::new(Parts { flight: None, backoff: Some(backoff) })))
    }

    pub(super) fn flight(&self) -> Option<&Flight> {
        self.0.as_ref()?.flight.as_ref()
    }

    pub(super) fn backoff(&self) -> Option<&Backoff> {
        self.0.as_ref()?.backoff.as_ref()
    }

    pub(super) fn begin(&mut self, flight: Flight) {
        self.0.get_or_insert_default().flight = Some(flight);
    }

    /// Ends the flight if it is such a one.
    pub(super) fn end_if(&mut self, is_such: impl FnOnce(&Flight) -> bool) -> Option<Flight> {
        let ended = self.0.as_mut()?.flight.take_if(|flight| is_such(flight));
        self.tidy();
        ended
    }

    pub(super) fn set_backoff(&mut self, backoff: Backoff) {
        self.0.get_or_insert_default().backoff = Some(backoff);
    }

    pub(super) fn take_backoff(&mut self) -> Option<Backoff> {
        let taken = self.0.as_mut()?.backoff.take();
        self.tidy();
        taken
    }

    fn tidy(&mut self) {
        self.0.take_if(|parts| parts.flight.is_none() && parts.backoff.is_none());
    }
}

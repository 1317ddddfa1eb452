//! One connection: the machine says what to do, and this does it, in time.

use std::{pin::Pin, time::Duration};

use sealpost_wire::smtp::server::{
    BeginAnswer, Delivery, End, Ended, Envelope, Event, Message, Recipient, RecipientAnswer,
    Session,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    select,
    time::{Sleep, sleep, timeout},
};

use super::{
    MailService, SmtpHandler,
    counts::{Counters, add},
};
use crate::{Connection, Peer, Stopping, Stream, budget::Share, linger::linger, tls::Inside};

/// Octets that are read at a time.
const BUFFER: usize = 8 * 1024;
/// How long a command may be behind its connection when the server stops.
const MOMENT: Duration = Duration::from_millis(100);
/// How long a client may go on with commands that bring no message when the server stops.
const LAST_CALL: Duration = Duration::from_secs(1);

pub(super) struct Conversation<'a, S> {
    handler: &'a SmtpHandler<S>,
    session: Session,
    /// Gone after a handshake that failed.
    stream: Option<Stream>,
    peer: Peer,
    stopping: Stopping,
    buffer: Vec<u8>,
    /// Memory of the message.
    share: Share,
    clocks: Clocks,
    /// Over when the session has lasted long enough.
    session_time: Pin<Box<Sleep>>,
    /// Runs since the session noticed that the server stops.
    last_call: Option<Pin<Box<Sleep>>>,
    /// Messages that were answered since the server began to stop.
    answered_late: usize,
}

/// How long what the client does now may take.
struct Clocks {
    /// The progress that it belongs to, and whether a message is coming in.
    step: (u64, bool),
    whole: Pin<Box<Sleep>>,
    window: Pin<Box<Sleep>>,
    /// What came in the window.
    octets: usize,
}

/// What ended the waiting for octets.
enum Woken {
    Octets(usize),
    Closed,
    Late(End),
    WindowOver,
    Stopping,
}

impl<'a, S: MailService> Conversation<'a, S> {
    pub(super) fn new(
        handler: &'a SmtpHandler<S>,
        session: Session,
        connection: Connection,
    ) -> Self {
        let Connection { stream, peer, stopping } = connection;
        let limits = &handler.limits;
        let clocks = Clocks {
            step: (session.progress(), false),
            whole: Box::pin(sleep(limits.command_time)),
            window: Box::pin(sleep(limits.window_time)),
            octets: 0,
        };
        Self {
            handler,
            session,
            stream: Some(stream),
            peer,
            stopping,
            buffer: vec![0; BUFFER],
            share: handler.budget.share(),
            clocks,
            session_time: Box::pin(sleep(limits.session_time)),
            last_call: None,
            answered_late: 0,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.session.next() {
                Event::Wait => self.wait().await,
                Event::Send(octets) => self.send(&octets).await,
                Event::Recipient(recipient) => self.recipient(&recipient).await,
                Event::Begin(envelope) => self.begin(&envelope).await,
                Event::Message(message) => self.message(message).await,
                Event::StartTls => self.start_tls().await,
                // Events of a later version of the machine.
                _ => break,
            }
        }
        let ended = self.session.ended();
        self.count_end(ended);
        tracing::debug!(peer = %self.peer, ?ended, "a mail session has ended");
        match (&mut self.stream, ended) {
            // Those who have nothing more to say, and those of whom there are too many already.
            (Some(stream), Some(Ended::Quit | Ended::Told(End::Crowded))) => {
                let _ = timeout(self.handler.limits.write_time, stream.shutdown()).await;
            }
            (Some(stream), _) => linger(stream).await,
            (None, _) => {}
        }
    }

    fn count_end(&self, ended: Option<Ended>) {
        let counters = self.counters();
        if self.session.injected_octets() > 0 {
            add(&counters.injected, 1);
            tracing::warn!(peer = %self.peer, "octets came between STARTTLS and the handshake");
        }
        let refusals = self.session.refusals();
        add(&counters.too_large, refusals.too_large);
        add(&counters.malformed, refusals.malformed);
        match ended {
            Some(Ended::Told(End::TimedOut | End::TooSlow)) => add(&counters.too_slow, 1),
            Some(
                Ended::TooManyErrors
                | Ended::TooManyCommands
                | Ended::Flood
                | Ended::BareLineFeed
                | Ended::Foreign,
            ) => add(&counters.misbehaved, 1),
            _ => {}
        }
    }

    async fn send(&mut self, octets: &[u8]) {
        let Some(stream) = &mut self.stream else { return self.session.closed() };
        let write = async {
            stream.write_all(octets).await?;
            stream.flush().await
        };
        if !matches!(timeout(self.handler.limits.write_time, write).await, Ok(Ok(()))) {
            self.session.closed();
        }
    }

    /// Waits until something arrives, or something is over.
    async fn wait(&mut self) {
        let held = self.session.held_octets();
        if self.share.hold(held).is_err() {
            self.session.give_up_message();
            let _ = self.share.hold(0);
            add(&self.counters().without_room, 1);
        }
        self.wind_clocks();
        match self.woken().await {
            Woken::Octets(count) => {
                self.clocks.octets = self.clocks.octets.saturating_add(count);
                self.session.received(self.buffer.get(..count).unwrap_or_default());
            }
            Woken::Closed => self.session.closed(),
            Woken::Late(end) => self.session.end(end),
            Woken::WindowOver => {
                if self.clocks.octets < self.handler.limits.window_octets {
                    self.session.end(End::TooSlow);
                }
                self.clocks.octets = 0;
                self.clocks.window = Box::pin(sleep(self.handler.limits.window_time));
            }
            Woken::Stopping => self.session.end(End::Stopping),
        }
    }

    /// A step begins: a command or a message. Octets that do not complete it wind no clock.
    fn wind_clocks(&mut self) {
        let step = (self.session.progress(), self.session.is_in_message());
        if step == self.clocks.step {
            return;
        }
        let limits = &self.handler.limits;
        let (_, is_in_message) = step;
        let whole = if is_in_message {
            self.clocks.octets = 0;
            self.clocks.window = Box::pin(sleep(limits.window_time));
            limits.message_time
        } else if self.handler.counters.read().open > limits.crowd {
            limits.hurried_time
        } else {
            limits.command_time
        };
        self.clocks.whole = Box::pin(sleep(whole));
        self.clocks.step = step;
    }

    async fn woken(&mut self) -> Woken {
        let Some(stream) = &mut self.stream else { return Woken::Closed };
        let (_, is_in_message) = self.clocks.step;
        let is_stopping = self.stopping.is_requested();
        if is_stopping && !is_in_message && self.answered_late > 0 {
            return Woken::Stopping;
        }
        let late = if is_in_message { End::TooSlow } else { End::TimedOut };
        let asked_to_stop = async {
            if is_stopping {
                let last_call = self.last_call.get_or_insert_with(|| Box::pin(sleep(LAST_CALL)));
                select! {
                    () = last_call => {}
                    () = sleep(MOMENT) => {}
                }
            } else {
                self.stopping.requested().await;
            }
        };
        select! {
            // A client that sends without end may not keep its clocks from being looked at.
            biased;
            () = &mut self.clocks.whole => Woken::Late(late),
            () = &mut self.clocks.window, if is_in_message => Woken::WindowOver,
            () = &mut self.session_time, if !is_in_message => Woken::Late(End::TooLong),
            // The first time it only means to look again, for a moment.
            () = asked_to_stop, if !is_in_message => {
                if is_stopping { Woken::Stopping } else { Woken::Octets(0) }
            }
            read = stream.read(&mut self.buffer) => match read {
                Ok(0) | Err(_) => Woken::Closed,
                Ok(count) => Woken::Octets(count),
            },
        }
    }

    async fn recipient(&mut self, recipient: &Recipient) {
        let answer = self.handler.service().recipient(recipient, self.peer);
        let answer = timeout(self.handler.limits.answer_time, answer).await;
        let answer = answer.unwrap_or(RecipientAnswer::Later);
        add(
            match answer {
                RecipientAnswer::Accepted => &self.counters().recipients_accepted,
                _ => &self.counters().recipients_refused,
            },
            1,
        );
        self.session.answer_recipient(answer);
    }

    async fn begin(&mut self, envelope: &Envelope) {
        // What was declared may be less than what comes; then the message is given up on the way.
        let declared = envelope.declared_octets.unwrap_or_default();
        let declared = usize::try_from(declared).unwrap_or(usize::MAX).max(BUFFER);
        if !self.handler.budget.has_room_for(declared) {
            add(&self.counters().without_room, 1);
            return self.session.answer_begin(BeginAnswer::Busy);
        }
        let answer = self.handler.service().begin(envelope, self.peer);
        let answer = timeout(self.handler.limits.answer_time, answer).await;
        self.session.answer_begin(answer.unwrap_or(BeginAnswer::Later));
    }

    async fn message(&mut self, message: Message) {
        let octets = message.octets.len();
        // The last octets came without a look at the budget, and they are here already.
        let _ = self.share.hold(message.octets.capacity());
        let stored = self.handler.service().deliver(message, self.peer);
        let stored = timeout(self.handler.limits.store_time, stored).await;
        let delivery = stored.unwrap_or(Delivery::Later);
        let _ = self.share.hold(0);
        let counters = self.counters();
        add(&counters.octets, octets);
        add(
            match delivery {
                Delivery::Stored(_) => &counters.stored,
                Delivery::Later | Delivery::Full => &counters.deferred,
                Delivery::Unacceptable | Delivery::NotWanted => &counters.refused,
            },
            1,
        );
        self.answered_late += usize::from(self.stopping.is_requested());
        self.session.answer_message(&delivery);
    }

    async fn start_tls(&mut self) {
        let (Some(identity), Some(stream)) = (&self.handler.identity, self.stream.take()) else {
            return self.session.closed();
        };
        let limit = self.handler.limits.handshake_time;
        match identity.accept(stream, Inside::Mail, limit).await {
            Ok(stream) => {
                self.stream = Some(stream);
                add(&self.counters().over_tls, 1);
                self.session.tls_established();
            }
            Err(error) => {
                tracing::debug!(peer = %self.peer, %error, "the handshake after STARTTLS failed");
                self.session.closed();
            }
        }
    }

    fn counters(&self) -> &'a Counters {
        self.handler.counters.counters()
    }
}

//! A look at an SMTP server: does it offer STARTTLS, and what does it say over TLS?

mod summary;

use super::transcript::{Channel, Direction, Transcript, TranscriptLine};
use super::{Ehlo, EhloName, Limits, Reply, ReplyError, ReplyReader, readable};

pub use summary::{Fault, Stage, Summary};

/// The client side of greeting, EHLO, STARTTLS, EHLO again and QUIT. It never sends mail, never
/// falls back to HELO and never goes on in the open where TLS was wanted.
///
/// The caller loops over [`next`](Self::next) and does what it says:
///
/// ```
/// use sealpost_wire::smtp::{Action, EhloName, Fault, Probe};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut probe = Probe::new(EhloName::parse("probe.example")?);
/// assert_eq!(probe.next(), Action::Wait);
///
/// probe.received(b"220 mx.example\r\n");
/// assert_eq!(probe.next(), Action::Send(b"EHLO probe.example\r\n".to_vec()));
///
/// probe.received(b"250-mx.example\r\n250 SIZE\r\n");
/// assert_eq!(probe.next(), Action::Send(b"QUIT\r\n".to_vec()));
/// assert_eq!(probe.summary().fault, Some(Fault::StartTlsNotOffered));
///
/// probe.closed();
/// assert_eq!(probe.next(), Action::Done);
/// # Ok(())
/// # }
/// ```
///
/// The caller also keeps the time: RFC 5321 section 4.5.3.2 gives five minutes for the greeting.
/// When it gives up, [`stage`](Self::stage) tells at what.
#[derive(Debug, Clone)]
pub struct Probe {
    ehlo_name: EhloName,
    reader: ReplyReader,
    channel: Channel,
    state: State,
    connection: Connection,
    injected: Vec<u8>,
    summary: Summary,
    transcript: Transcript,
}

/// What the caller shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Wait until octets arrive ([`Probe::received`]), TLS stands ([`Probe::tls_established`]) or
    /// the connection ends ([`Probe::closed`]).
    Wait,
    /// Send these octets; through TLS once it stands.
    Send(Vec<u8>),
    /// Begin the TLS handshake on the connection, with nothing read before. Given once.
    StartTls,
    /// Close the connection; nothing is left to do.
    Done,
}

impl Probe {
    /// How many octets that were injected before TLS are kept.
    pub const MAX_INJECTED: usize = 512;

    /// How many lines the transcript can have.
    pub const MAX_TRANSCRIPT_LINES: usize = Transcript::MAX_LINES;

    /// A look that begins as soon as the connection stands.
    pub fn new(ehlo_name: EhloName) -> Self {
        Self {
            ehlo_name,
            reader: ReplyReader::new(Limits::default()),
            channel: Channel::Plain,
            state: State::AwaitReply,
            connection: Connection::Open(Vec::new()),
            injected: Vec::new(),
            summary: Summary::default(),
            transcript: Transcript::default(),
        }
    }

    /// Takes in octets that arrived: from the network, or from TLS once it stands.
    ///
    /// How they are cut makes no difference, as long as [`next`](Self::next) is asked until it says
    /// [`Action::Wait`] before the next octets come in.
    pub fn received(&mut self, octets: &[u8]) {
        if self.stage() == Stage::TlsHandshake {
            self.inject(octets);
        } else if let Connection::Open(unread) = &mut self.connection {
            // No stage needs more than its own reply, so what exceeds this would never be read.
            let waiting = unread.len().saturating_add(self.reader.surplus().len());
            let room = MAX_UNREAD.saturating_sub(waiting);
            unread.extend_from_slice(octets.get(..room).unwrap_or(octets));
        }
    }

    /// TLS stands. Without effect before [`Action::StartTls`] was given.
    ///
    /// Nothing that was said before has any influence on what follows; the summary keeps it, in
    /// fields of its own.
    pub fn tls_established(&mut self) {
        if self.state != State::AwaitTls {
            return;
        }
        self.channel = Channel::Tls;
        //= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
        //# The client SHOULD send an EHLO command as the
        //# first command after a successful TLS negotiation.
        self.send(Stage::EhloOverTls);
    }

    /// The server closed the connection, or it broke.
    pub fn closed(&mut self) {
        if let Connection::Open(unread) = &mut self.connection {
            self.connection = Connection::Closed(std::mem::take(unread));
        }
    }

    /// What to do now. Ask until it says [`Action::Wait`] or [`Action::Done`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the next action depends on what came in between, so a probe is no iterator"
    )]
    pub fn next(&mut self) -> Action {
        // Each turn but the last moves to another state, and there are few.
        loop {
            match self.state {
                State::Send if self.connection.is_closed() => self.end_by_close(),
                State::Send => return Action::Send(self.command()),
                State::StartTls if self.connection.is_closed() => self.end_by_close(),
                State::StartTls => {
                    self.state = State::AwaitTls;
                    return Action::StartTls;
                }
                State::AwaitTls if self.connection.is_closed() => self.end_by_close(),
                State::AwaitTls => return Action::Wait,
                State::AwaitReply => match self.reader.push(&self.connection.take_unread()) {
                    Ok(Some(reply)) => self.answer(reply),
                    Ok(None) if self.connection.is_closed() => self.end_by_close(),
                    Ok(None) => return Action::Wait,
                    Err(_) if self.stage() == Stage::Quit => self.finish(),
                    Err(error) => {
                        match &error {
                            ReplyError::NotAReply { line } => self.hear(line),
                            other => self.hear(&format!("({other})")),
                        }
                        self.fail(Fault::Garbage { stage: self.stage(), error });
                    }
                },
                State::Done => return Action::Done,
            }
        }
    }

    /// What is being waited for, or what was last.
    pub fn stage(&self) -> Stage {
        self.summary.stage
    }

    /// What is known so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What was said so far.
    pub fn transcript(&self) -> &[TranscriptLine] {
        self.transcript.lines()
    }

    /// The reply to the command of this stage, or the greeting.
    fn answer(&mut self, reply: Reply) {
        self.hear_reply(&reply);
        match self.stage() {
            Stage::Greeting => {
                self.summary.greeting = Some(reply.clone());
                if reply.is_positive() {
                    self.send(Stage::Ehlo);
                } else {
                    self.quit(Some(Fault::GreetingRefused { reply }));
                }
            }
            Stage::Ehlo => {
                self.summary.ehlo = Some(reply.clone());
                match Ehlo::read(&reply) {
                    Some(ehlo) if ehlo.offers_starttls() => self.send(Stage::StartTls),
                    Some(_) => self.quit(Some(Fault::StartTlsNotOffered)),
                    None => self.quit(Some(Fault::EhloRefused { stage: Stage::Ehlo, reply })),
                }
            }
            Stage::StartTls => {
                self.summary.starttls = Some(reply.clone());
                if reply.is_positive() {
                    self.prepare_tls();
                } else {
                    self.quit(Some(Fault::StartTlsRefused { reply }));
                }
            }
            Stage::EhloOverTls => {
                self.summary.ehlo_over_tls = Some(reply.clone());
                let refusal = (!reply.is_positive())
                    .then_some(Fault::EhloRefused { stage: Stage::EhloOverTls, reply });
                self.quit(refusal);
            }
            Stage::Quit | Stage::TlsHandshake | Stage::Finished => self.finish(),
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc3207#section-4
    //# After receiving a 220 response to a STARTTLS command, the client MUST
    //# start the TLS negotiation before giving any other SMTP commands.
    fn prepare_tls(&mut self) {
        self.summary.stage = Stage::TlsHandshake;
        self.state = State::StartTls;
        //= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
        //# The client
        //# MUST discard any knowledge obtained from the server, such as the list
        //# of SMTP service extensions, which was not obtained from the TLS
        //# negotiation itself.
        let before_tls = std::mem::replace(&mut self.reader, ReplyReader::new(Limits::default()));
        // A server is silent now until the client's first TLS message. Octets that are there
        // already were put in by someone on the way, to be taken for an answer over TLS
        // (CVE-2011-0411 and its kin).
        self.inject(before_tls.surplus());
    }

    fn inject(&mut self, octets: &[u8]) {
        let room = Self::MAX_INJECTED.saturating_sub(self.injected.len());
        self.injected.extend_from_slice(octets.get(..room).unwrap_or(octets));
        if !self.injected.is_empty() {
            self.summary.injected = Some(readable(&self.injected));
        }
    }

    fn send(&mut self, stage: Stage) {
        self.summary.stage = stage;
        self.state = State::Send;
    }

    fn quit(&mut self, fault: Option<Fault>) {
        self.summary.fault = self.summary.fault.take().or(fault);
        self.send(Stage::Quit);
    }

    fn command(&mut self) -> Vec<u8> {
        let command = match self.stage() {
            Stage::Ehlo | Stage::EhloOverTls => format!("EHLO {}", self.ehlo_name),
            Stage::StartTls => "STARTTLS".to_owned(),
            Stage::Greeting | Stage::TlsHandshake | Stage::Quit | Stage::Finished => {
                "QUIT".to_owned()
            }
        };
        self.transcript.add(Direction::Sent, self.channel, &command);
        self.state = State::AwaitReply;
        (command + "\r\n").into_bytes()
    }

    fn end_by_close(&mut self) {
        if let Some(reply) = self.reader.incomplete().cloned() {
            for line in &reply.lines {
                self.hear(&format!("{}-{line}", reply.code));
            }
        }
        if !self.reader.surplus().is_empty() {
            let rest = readable(self.reader.surplus());
            self.hear(&rest);
        }
        match self.stage() {
            // Whoever closes here means the same as a reply to QUIT.
            Stage::Quit | Stage::Finished => self.finish(),
            stage => self.fail(Fault::ConnectionClosed { stage }),
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.summary.fault = self.summary.fault.take().or(Some(fault));
        self.state = State::Done;
    }

    fn finish(&mut self) {
        self.summary.stage = Stage::Finished;
        self.state = State::Done;
    }

    fn hear_reply(&mut self, reply: &Reply) {
        let last = reply.lines.len().saturating_sub(1);
        for (index, line) in reply.lines.iter().enumerate() {
            let separator = if index == last { ' ' } else { '-' };
            self.hear(&format!("{}{separator}{line}", reply.code));
        }
    }

    fn hear(&mut self, text: &str) {
        self.transcript.add(Direction::Received, self.channel, text);
    }
}

/// Room for the replies to greeting, EHLO and STARTTLS and what may be injected after them.
const MAX_UNREAD: usize = 4 * 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The command of this stage is to be sent.
    Send,
    AwaitReply,
    /// The caller is to be told to begin TLS.
    StartTls,
    AwaitTls,
    Done,
}

/// The connection with what arrived and was not read.
#[derive(Debug, Clone)]
enum Connection {
    Open(Vec<u8>),
    Closed(Vec<u8>),
}

impl Connection {
    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    fn take_unread(&mut self) -> Vec<u8> {
        match self {
            Self::Open(unread) | Self::Closed(unread) => std::mem::take(unread),
        }
    }
}

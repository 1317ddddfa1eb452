//! The machine.

use std::fmt;

use super::{Cause, Fate, Outgoing};
use crate::smtp::server::Protocol;
use crate::smtp::transcript::{Channel, Direction, Transcript, TranscriptLine};
use crate::smtp::{Action, Ehlo, EhloName, Limits, Reply, ReplyError, ReplyReader};

/// Sends one message over one connection.
///
/// The caller loops over [`next`](Self::next) and does what it says, like that of a
/// [`Probe`](crate::smtp::Probe), and keeps the time: [`stage`](Self::stage) tells what is waited
/// for, and RFC 5321 section 4.5.3.2 how long that may take.
#[derive(Debug, Clone)]
pub struct Dispatch {
    terms: Terms,
    outgoing: Outgoing,
    reader: ReplyReader,
    unread: Vec<u8>,
    is_closed: bool,
    channel: Channel,
    stage: DispatchStage,
    state: State,
    ehlo: Option<Ehlo>,
    has_injected: bool,
    /// The recipient that RCPT, or an answer of LMTP, is about.
    at: usize,
    fates: Vec<Option<Fate>>,
    transcript: Transcript,
}

/// How a message is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Our name.
    pub ehlo_name: EhloName,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether TLS is used.
    pub tls: TlsUse,
}

/// Whether TLS is used. It is never required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsUse {
    /// When the server offers it.
    WhenOffered,
    /// Not at all: after a handshake that failed.
    Never,
}

/// A stage of the conversation: what the client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DispatchStage {
    /// The greeting.
    Greeting,
    /// The answer to EHLO, or LHLO.
    Ehlo,
    /// The answer to HELO.
    Helo,
    /// The answer to STARTTLS.
    StartTls,
    /// The TLS handshake.
    TlsHandshake,
    /// The answer to EHLO over TLS.
    EhloOverTls,
    /// The answer to MAIL.
    Mail,
    /// The answer to RCPT.
    Recipient,
    /// The go-ahead after DATA.
    Data,
    /// The answer to the message.
    Message,
    /// The answer to QUIT. All is known; the caller need not wait long.
    Quit,
    /// Nothing.
    Finished,
}

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

/// Room for what a server says without being asked.
const MAX_UNREAD: usize = 2 * 65_536;

impl Dispatch {
    /// A conversation that begins as soon as the connection stands.
    pub fn new(terms: Terms, outgoing: Outgoing) -> Self {
        let fates = vec![None; outgoing.recipients().len()];
        Self {
            terms,
            outgoing,
            reader: ReplyReader::new(Limits::default()),
            unread: Vec::new(),
            is_closed: false,
            channel: Channel::Plain,
            stage: DispatchStage::Greeting,
            state: State::AwaitReply,
            ehlo: None,
            has_injected: false,
            at: 0,
            fates,
            transcript: Transcript::default(),
        }
    }

    /// Takes in octets that arrived: from the network, or from TLS once it stands.
    pub fn received(&mut self, octets: &[u8]) {
        if self.stage == DispatchStage::TlsHandshake {
            self.has_injected |= !octets.is_empty();
        } else if !self.is_closed {
            let room = MAX_UNREAD.saturating_sub(self.unread.len());
            self.unread.extend_from_slice(octets.get(..room).unwrap_or(octets));
        }
    }

    /// TLS stands. Without effect before [`Action::StartTls`] was given.
    pub fn tls_established(&mut self) {
        if self.state == State::AwaitTls {
            self.channel = Channel::Tls;
            self.send(DispatchStage::EhloOverTls);
        }
    }

    /// The server closed the connection, or it broke.
    pub fn closed(&mut self) {
        self.is_closed = true;
    }

    /// The caller gives up waiting. What has no fate by now failed for the time being.
    pub fn give_up(&mut self) {
        let stage = self.stage;
        self.fail(|| Fate::Temporary(Cause::NoAnswer { stage }));
        self.end();
    }

    /// What to do now. Ask until it says [`Action::Wait`] or [`Action::Done`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the next action depends on what came in between, so a dispatch is no iterator"
    )]
    pub fn next(&mut self) -> Action {
        loop {
            match self.state {
                State::Done => return Action::Done,
                State::AwaitReply => match self.reader.push(&std::mem::take(&mut self.unread)) {
                    Ok(Some(reply)) => self.answer(reply),
                    Ok(None) if self.is_closed => self.end_by_close(),
                    Ok(None) => return Action::Wait,
                    Err(error) => self.end_by_garbage(&error),
                },
                _ if self.is_closed => self.end_by_close(),
                State::Send => return Action::Send(self.command()),
                State::StartTls => {
                    self.state = State::AwaitTls;
                    return Action::StartTls;
                }
                State::AwaitTls => return Action::Wait,
            }
        }
    }

    /// What is being waited for, or what was last.
    pub fn stage(&self) -> DispatchStage {
        self.stage
    }

    /// What became of the message for each recipient, in the order of [`Outgoing::recipients`];
    /// `None` as long as it is not known. All are known at [`Action::Done`].
    pub fn fates(&self) -> &[Option<Fate>] {
        &self.fates
    }

    /// Whether TLS stands.
    pub fn is_over_tls(&self) -> bool {
        self.channel == Channel::Tls
    }

    /// Whether somebody slipped octets in between the go-ahead for TLS and the handshake. They were
    /// dropped.
    pub fn has_injected(&self) -> bool {
        self.has_injected
    }

    /// What was said so far, without the message.
    pub fn transcript(&self) -> &[TranscriptLine] {
        self.transcript.lines()
    }

    /// The reply to the command of this stage, or the greeting.
    fn answer(&mut self, reply: Reply) {
        self.hear(&reply);
        match self.stage {
            DispatchStage::Greeting if reply.is_positive() => self.send(DispatchStage::Ehlo),
            DispatchStage::Ehlo | DispatchStage::EhloOverTls => self.introduced(&reply),
            DispatchStage::Helo if reply.is_positive() => self.send_mail(),
            DispatchStage::StartTls if reply.is_positive() => self.prepare_tls(),
            // TLS is tried and not required.
            DispatchStage::StartTls => self.send_mail(),
            DispatchStage::Mail if reply.is_positive() => self.send(DispatchStage::Recipient),
            DispatchStage::Recipient => self.recipient_answered(reply),
            DispatchStage::Data if reply.code == 354 => self.send(DispatchStage::Message),
            DispatchStage::Message => self.message_answered(reply),
            DispatchStage::Quit | DispatchStage::Finished => self.end(),
            _ => self.refuse(&reply),
        }
    }

    fn introduced(&mut self, reply: &Reply) {
        self.ehlo = Ehlo::read(reply);
        let is_first = self.stage == DispatchStage::Ehlo;
        match &self.ehlo {
            Some(ehlo)
                if is_first && self.terms.tls == TlsUse::WhenOffered && ehlo.offers_starttls() =>
            {
                self.send(DispatchStage::StartTls);
            }
            Some(_) => self.send_mail(),
            //= https://www.rfc-editor.org/rfc/rfc5321#section-3.2
            //# For a particular connection
            //# attempt, if the server returns a "command not recognized" response to
            //# EHLO, the client SHOULD be able to fall back and send HELO.
            None if is_first && self.terms.protocol == Protocol::Smtp && reply.is_permanent() => {
                self.send(DispatchStage::Helo);
            }
            None => self.refuse(reply),
        }
    }

    fn prepare_tls(&mut self) {
        self.stage = DispatchStage::TlsHandshake;
        self.state = State::StartTls;
        //= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
        //# The client
        //# MUST discard any knowledge obtained from the server, such as the list
        //# of SMTP service extensions, which was not obtained from the TLS
        //# negotiation itself.
        self.ehlo = None;
        let before_tls = std::mem::replace(&mut self.reader, ReplyReader::new(Limits::default()));
        self.has_injected |= !before_tls.surplus().is_empty() || !self.unread.is_empty();
        self.unread.clear();
    }

    fn send_mail(&mut self) {
        let size = self.outgoing.octets().len() as u64;
        if let Some(limit) = self.ehlo.as_ref().and_then(Ehlo::size_limit)
            && size > limit
        {
            return self.quit(|| Fate::Permanent(Cause::TooLarge { size, limit }));
        }
        if self.outgoing.is_eight_bit() && !self.offers("8BITMIME") {
            return self.quit(|| Fate::Permanent(Cause::EightBit));
        }
        self.send(DispatchStage::Mail);
    }

    fn recipient_answered(&mut self, reply: Reply) {
        if !reply.is_positive() {
            let fate = refusal(self.stage, reply);
            self.settle(self.at, fate);
        }
        self.at = self.at.saturating_add(1);
        if self.at < self.fates.len() {
            self.send(DispatchStage::Recipient);
        } else if self.fates.iter().any(Option::is_none) {
            self.send(DispatchStage::Data);
        } else {
            self.send(DispatchStage::Quit);
        }
    }

    fn message_answered(&mut self, reply: Reply) {
        let fate =
            if reply.is_positive() { Fate::Delivered(reply) } else { refusal(self.stage, reply) };
        match self.terms.protocol {
            Protocol::Smtp => self.fail(|| fate.clone()),
            // RFC 2033 section 4.2: one answer for each recipient that was accepted, in their order.
            Protocol::Lmtp => {
                if let Some(at) = self.fates.iter().position(Option::is_none) {
                    self.settle(at, fate);
                }
            }
        }
        if self.fates.iter().all(Option::is_some) {
            self.send(DispatchStage::Quit);
        }
    }

    fn command(&mut self) -> Vec<u8> {
        let command = match self.stage {
            DispatchStage::Ehlo | DispatchStage::EhloOverTls => {
                let verb = match self.terms.protocol {
                    Protocol::Smtp => "EHLO",
                    Protocol::Lmtp => "LHLO",
                };
                format!("{verb} {}", self.terms.ehlo_name)
            }
            DispatchStage::Helo => format!("HELO {}", self.terms.ehlo_name),
            DispatchStage::StartTls => "STARTTLS".to_owned(),
            DispatchStage::Mail => self.mail(),
            DispatchStage::Recipient => match self.outgoing.recipients().get(self.at) {
                Some(recipient) => format!("RCPT TO:<{recipient}>"),
                None => "RSET".to_owned(),
            },
            DispatchStage::Data => "DATA".to_owned(),
            DispatchStage::Message => {
                self.state = State::AwaitReply;
                let octets = self.outgoing.octets().len();
                let note = format!("(the message, {octets} octets)");
                self.transcript.add(Direction::Sent, self.channel, &note);
                return self.outgoing.transparent();
            }
            DispatchStage::Greeting
            | DispatchStage::TlsHandshake
            | DispatchStage::Quit
            | DispatchStage::Finished => "QUIT".to_owned(),
        };
        self.transcript.add(Direction::Sent, self.channel, &command);
        self.state = State::AwaitReply;
        (command + "\r\n").into_bytes()
    }

    /// MAIL, with what the server offers for it.
    fn mail(&self) -> String {
        let mut command = match self.outgoing.sender() {
            Some(sender) => format!("MAIL FROM:<{sender}>"),
            None => "MAIL FROM:<>".to_owned(),
        };
        if self.offers("SIZE") {
            command += &format!(" SIZE={}", self.outgoing.octets().len());
        }
        if self.outgoing.is_eight_bit() {
            command += " BODY=8BITMIME";
        }
        command
    }

    fn offers(&self, keyword: &str) -> bool {
        self.ehlo.as_ref().is_some_and(|ehlo| ehlo.offers(keyword))
    }

    fn send(&mut self, stage: DispatchStage) {
        self.stage = stage;
        self.state = State::Send;
    }

    fn refuse(&mut self, reply: &Reply) {
        let stage = self.stage;
        self.quit(|| refusal(stage, reply.clone()));
    }

    fn quit(&mut self, fate: impl Fn() -> Fate) {
        self.fail(fate);
        self.send(DispatchStage::Quit);
    }

    fn end_by_close(&mut self) {
        let stage = self.stage;
        self.fail(|| Fate::Temporary(Cause::Closed { stage }));
        self.end();
    }

    fn end_by_garbage(&mut self, error: &ReplyError) {
        let stage = self.stage;
        self.fail(|| Fate::Temporary(Cause::Garbage { stage, error: error.clone() }));
        self.end();
    }

    fn end(&mut self) {
        self.stage = DispatchStage::Finished;
        self.state = State::Done;
    }

    /// Gives this fate to every recipient that has none.
    fn fail(&mut self, fate: impl Fn() -> Fate) {
        for open in self.fates.iter_mut().filter(|fate| fate.is_none()) {
            *open = Some(fate());
        }
    }

    fn settle(&mut self, at: usize, fate: Fate) {
        if let Some(open) = self.fates.get_mut(at) {
            *open = Some(fate);
        }
    }

    fn hear(&mut self, reply: &Reply) {
        let last = reply.lines.len().saturating_sub(1);
        for (index, line) in reply.lines.iter().enumerate() {
            let separator = if index == last { ' ' } else { '-' };
            let text = format!("{}{separator}{line}", reply.code);
            self.transcript.add(Direction::Received, self.channel, &text);
        }
    }
}

/// What a reply that is not the hoped-for one means.
fn refusal(stage: DispatchStage, reply: Reply) -> Fate {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.10
    //# Clients SHOULD treat a 552 code in
    //# this case as a temporary, rather than permanent, failure so the logic
    //# below works.
    let is_too_many = stage == DispatchStage::Recipient && reply.code == 552;
    if reply.is_permanent() && !is_too_many {
        Fate::Permanent(Cause::Refused { stage, reply })
    } else {
        Fate::Temporary(Cause::Refused { stage, reply })
    }
}

impl DispatchStage {
    /// Whether the server has not yet heard of a message.
    pub fn is_before_mail(self) -> bool {
        self < Self::Mail
    }
}

/// For people, such as "in answer to RCPT".
impl fmt::Display for DispatchStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "instead of a greeting",
            Self::Ehlo => "in answer to EHLO",
            Self::Helo => "in answer to HELO",
            Self::StartTls => "in answer to STARTTLS",
            Self::TlsHandshake => "during the TLS handshake",
            Self::EhloOverTls => "in answer to EHLO over TLS",
            Self::Mail => "in answer to MAIL",
            Self::Recipient => "in answer to RCPT",
            Self::Data => "in answer to DATA",
            Self::Message => "in answer to the message",
            Self::Quit => "in answer to QUIT",
            Self::Finished => "after the end",
        })
    }
}

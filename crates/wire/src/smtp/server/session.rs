//! The dialogue.

mod input;
mod obey;

use std::sync::Arc;

use self::{input::Input, obey::Read};
use super::{
    BeginAnswer, Delivery, End, Envelope, Message, Protocol, Receipt, Recipient, RecipientAnswer,
    Sender, Settings, Tls,
    data::{DataReader, Progress},
    envelope::Greeted,
    parameters::MailParameters,
    reply::{self, Line},
};
use crate::smtp::Channel;

/// Replies are sent at the latest when there are so many octets of them.
const REPLIES_AT_ONCE: usize = 4 * 1024;

/// The server's side of one connection.
///
/// The caller loops over [`next`](Self::next), does what it says, and hands in what arrives:
///
/// ```
/// use sealpost_wire::smtp::{EhloName, server::*};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = Settings::new(Protocol::Smtp, EhloName::parse("mx.example")?);
/// let mut session = Session::new(settings.into());
/// assert_eq!(session.next(), Event::Send(b"220 mx.example ESMTP sealpost\r\n".to_vec()));
/// assert_eq!(session.next(), Event::Wait);
///
/// session.received(b"HELO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<tls@mx.example>\r\n");
/// let Event::Recipient(recipient) = session.next() else { panic!() };
/// assert_eq!(recipient.to_string(), "tls@mx.example");
/// session.answer_recipient(RecipientAnswer::Accepted);
/// # Ok(())
/// # }
/// ```
///
/// The caller also keeps the time and says when it is over, with [`end`](Self::end).
#[derive(Debug, Clone)]
pub struct Session {
    settings: Arc<Settings>,
    tls: Tls,
    state: State,
    input: Input,
    replies: Vec<u8>,
    greeted: Option<Greeted>,
    transaction: Option<Transaction>,
    messages: usize,
    /// Since the last message was stored.
    errors: usize,
    idle_commands: usize,
    progress: u64,
    injected: usize,
    refusals: Refusals,
    ended: Option<Ended>,
}

/// Messages that were refused by the session itself, without the caller. If they were reports, they
/// are missing: somebody should know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusals {
    /// Larger than [`Limits::message_octets`](super::Limits::message_octets), declared or found.
    pub too_large: usize,
    /// With a bare CR or LF, or a line beyond any reason.
    pub malformed: usize,
}

/// What the caller shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Wait until octets arrive ([`Session::received`]) or the connection ends
    /// ([`Session::closed`]).
    Wait,
    /// Send these octets; through TLS once it stands.
    Send(Vec<u8>),
    /// Say whether this recipient is wanted: [`Session::answer_recipient`].
    Recipient(Recipient),
    /// Say whether a message may come: [`Session::answer_begin`]. The envelope is complete.
    Begin(Envelope),
    /// Store this message, and then say so: [`Session::answer_message`].
    Message(Message),
    /// Begin the TLS handshake, with nothing read before, and then call
    /// [`Session::tls_established`]. If it fails, close the connection.
    StartTls,
    /// Close the connection; nothing is left to do.
    Close,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The client said QUIT.
    Quit,
    /// The client closed the connection, or it broke.
    Closed,
    /// The caller wanted it.
    Told(End),
    /// More than [`Limits::errors`](super::Limits::errors).
    TooManyErrors,
    /// More than [`Limits::idle_commands`](super::Limits::idle_commands).
    TooManyCommands,
    /// As many as [`Limits::messages`](super::Limits::messages).
    TooManyMessages,
    /// A command line without end, or a message without end.
    Flood,
    /// A command line that ends with LF alone: what follows could be meant otherwise than we read
    /// it.
    BareLineFeed,
    /// The client does not speak SMTP, or sends octets of a message that we would take for commands.
    Foreign,
}

#[derive(Debug, Clone)]
enum State {
    Greeting,
    Command,
    /// The question was not asked yet.
    Ask(Box<Event>),
    AwaitRecipient(Recipient),
    AwaitBegin,
    Data(Box<DataReader>),
    AwaitMessage,
    AwaitTls,
    Closing,
}

/// From MAIL to the end of the data.
#[derive(Debug, Clone)]
struct Transaction {
    sender: Sender,
    parameters: MailParameters,
    recipients: Vec<Recipient>,
}

impl Session {
    /// A session that begins as soon as the connection stands.
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            tls: settings.tls,
            settings,
            state: State::Greeting,
            input: Input::default(),
            replies: Vec::new(),
            greeted: None,
            transaction: None,
            messages: 0,
            errors: 0,
            idle_commands: 0,
            progress: 0,
            injected: 0,
            refusals: Refusals::default(),
            ended: None,
        }
    }

    /// Takes in octets that arrived: from the network, or from TLS once it stands.
    ///
    /// Hand in no more before [`next`](Self::next) says [`Event::Wait`]: this is what bounds the
    /// memory.
    pub fn received(&mut self, octets: &[u8]) {
        match self.state {
            State::Closing => {}
            State::AwaitTls => self.inject(octets.len()),
            _ => self.input.push(octets),
        }
    }

    /// The client closed the connection, or it broke. A message that was not complete is dropped; one
    /// that is being stored may still be stored, and its sender will come again.
    pub fn closed(&mut self) {
        self.close(Ended::Closed);
        self.replies = Vec::new();
    }

    /// Ends the session with a 421 as soon as the client reads it, whatever it is in the middle of. A
    /// message that was not acknowledged is not acknowledged any more.
    pub fn end(&mut self, why: End) {
        if self.ended.is_none() {
            if matches!(self.state, State::Greeting) {
                // In place of the greeting, where RFC 2034 wants no enhanced code.
                let text = why.text().split_once(' ').map_or(why.text(), |(_, text)| text);
                self.write(&format!("421 {} {text}\r\n", self.settings.host));
                self.close(Ended::Told(why));
            } else {
                self.hang_up(why.text(), Ended::Told(why));
            }
        }
    }

    /// What to do now. Ask until it says [`Event::Wait`] or [`Event::Close`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the next event depends on what came in between, so a session is no iterator"
    )]
    pub fn next(&mut self) -> Event {
        // Each turn takes in octets, or ends in one of the returns.
        loop {
            if self.replies.len() >= REPLIES_AT_ONCE {
                return Event::Send(std::mem::take(&mut self.replies));
            }
            match &mut self.state {
                State::Greeting => self.greet(),
                State::Command => {
                    if self.read_command() == Read::Nothing {
                        return self.after_replies(Event::Wait);
                    }
                }
                State::Data(reader) => {
                    let progress = reader.push(self.input.unread());
                    match progress {
                        Progress::Ended(used) => {
                            self.input.take(used);
                            self.message_ended();
                        }
                        Progress::More => {
                            self.input.take_all();
                            return self.after_replies(Event::Wait);
                        }
                        Progress::Flooded => {
                            self.refusals.too_large += 1;
                            self.say_to_each(&reply::TOO_LARGE, None);
                            self.hang_up(End::TooLong.text(), Ended::Flood);
                        }
                    }
                }
                State::Ask(event) => match **event {
                    // Recipients are asked about while the replies before gather.
                    Event::Recipient(ref recipient) => {
                        let recipient = recipient.clone();
                        self.state = State::AwaitRecipient(recipient.clone());
                        return Event::Recipient(recipient);
                    }
                    // The answer to DATA goes out with those before it.
                    Event::Begin(_) => return self.ask(),
                    _ if !self.replies.is_empty() => {
                        return Event::Send(std::mem::take(&mut self.replies));
                    }
                    _ => return self.ask(),
                },
                State::Closing => return self.after_replies(Event::Close),
                State::AwaitRecipient(_)
                | State::AwaitBegin
                | State::AwaitMessage
                | State::AwaitTls => return Event::Wait,
            }
        }
    }

    /// Answers [`Event::Recipient`]. Without effect at any other time.
    pub fn answer_recipient(&mut self, answer: RecipientAnswer) {
        let State::AwaitRecipient(recipient) = &self.state else { return };
        let recipient = recipient.clone();
        self.state = State::Command;
        if answer == RecipientAnswer::Accepted
            && let Some(transaction) = &mut self.transaction
        {
            transaction.recipients.push(recipient);
            self.reply(answer.line());
        } else {
            self.refuse(answer.line());
        }
    }

    /// Answers [`Event::Begin`]. Without effect at any other time.
    pub fn answer_begin(&mut self, answer: BeginAnswer) {
        if !matches!(self.state, State::AwaitBegin) {
            return;
        }
        self.state = State::Command;
        match answer {
            BeginAnswer::Proceed => {
                self.reply(answer.line());
                self.state = State::Data(Box::new(DataReader::new(self.settings.limits)));
            }
            BeginAnswer::Busy | BeginAnswer::Later => {
                self.transaction = None;
                self.refuse_data(answer.line());
            }
        }
    }

    /// Answers [`Event::Message`]. Without effect at any other time.
    ///
    /// Say [`Delivery::Stored`] only of what survives a loss of power: the client forgets the
    /// message.
    pub fn answer_message(&mut self, delivery: &Delivery) {
        if !matches!(self.state, State::AwaitMessage) {
            return;
        }
        self.state = State::Command;
        let receipt = match delivery {
            Delivery::Stored(receipt) => {
                self.errors = 0;
                self.idle_commands = 0;
                receipt.as_ref().map(Receipt::as_str)
            }
            _ => None,
        };
        self.say_to_each(&delivery.line(), receipt);
        self.transaction = None;
    }

    /// Gives up the message that is coming in, for want of room: its octets are dropped at once, the
    /// rest is read and dropped, and the client is told to come again (452 4.3.1). Without effect at
    /// any other time.
    pub fn give_up_message(&mut self) {
        if let State::Data(reader) = &mut self.state {
            reader.give_up(BeginAnswer::Busy.line());
        }
    }

    /// TLS stands. Without effect before [`Event::StartTls`] was given.
    pub fn tls_established(&mut self) {
        if !matches!(self.state, State::AwaitTls) {
            return;
        }
        //= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
        //# The server MUST discard any knowledge
        //# obtained from the client, such as the argument to the EHLO command,
        //# which was not obtained from the TLS negotiation itself.
        self.tls = Tls::Active;
        self.greeted = None;
        self.transaction = None;
        self.state = State::Command;
    }

    /// Octets of memory that the message holds that is coming in.
    pub fn held_octets(&self) -> usize {
        match &self.state {
            State::Data(reader) => reader.held(),
            _ => 0,
        }
    }

    /// Whether a message is coming in: from the answer to DATA to the final dot.
    pub fn is_in_message(&self) -> bool {
        matches!(self.state, State::Data(_))
    }

    /// A number that grows with each complete command and each complete message, so that the caller
    /// can tell progress from octets that lead nowhere.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// Octets that were dropped because they came between STARTTLS and the handshake. No honest
    /// client sends any.
    pub fn injected_octets(&self) -> usize {
        self.injected
    }

    /// Messages that were refused without the caller.
    pub fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// How it ended, as soon as it has.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }
}

/// Replies, and the end.
impl Session {
    fn greet(&mut self) {
        let what = match self.settings.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        self.write(&format!("220 {} {what} sealpost\r\n", self.settings.host));
        self.state = State::Command;
    }

    fn envelope(&self) -> Option<Envelope> {
        let (greeted, transaction) = (self.greeted.as_ref()?, self.transaction.as_ref()?);
        let MailParameters { size, body, .. } = transaction.parameters;
        Some(Envelope {
            protocol: self.settings.protocol,
            channel: if self.tls == Tls::Active { Channel::Tls } else { Channel::Plain },
            greeted: greeted.clone(),
            sender: transaction.sender.clone(),
            recipients: transaction.recipients.clone(),
            body,
            declared_octets: size,
        })
    }

    /// Asks what stands in [`State::Ask`].
    fn ask(&mut self) -> Event {
        let State::Ask(event) = std::mem::replace(&mut self.state, State::Closing) else {
            return Event::Wait;
        };
        self.state = match *event {
            Event::Begin(_) => State::AwaitBegin,
            Event::Message(_) => State::AwaitMessage,
            Event::StartTls => State::AwaitTls,
            _ => State::Command,
        };
        *event
    }

    fn after_replies(&mut self, event: Event) -> Event {
        if self.replies.is_empty() { event } else { Event::Send(std::mem::take(&mut self.replies)) }
    }

    fn write(&mut self, text: &str) {
        self.replies.extend_from_slice(text.as_bytes());
    }

    fn reply(&mut self, line: Line) {
        self.reply_with(&line, None);
    }

    fn reply_with(&mut self, line: &Line, receipt: Option<&str>) {
        let Line { code, enhanced, text } = line;
        let space = if enhanced.is_empty() { "" } else { " " };
        let (as_word, receipt) = receipt.map_or(("", ""), |receipt| (" as ", receipt));
        self.write(&format!("{code} {enhanced}{space}{text}{as_word}{receipt}\r\n"));
    }

    /// One reply in SMTP; in LMTP one for each recipient that was accepted (RFC 2033 section 4.2).
    fn say_to_each(&mut self, line: &Line, receipt: Option<&str>) {
        let count = match (self.settings.protocol, &self.transaction) {
            (Protocol::Lmtp, Some(transaction)) => transaction.recipients.len(),
            _ => 1,
        };
        for _ in 0..count {
            self.reply_with(line, receipt);
        }
    }

    fn refuse(&mut self, line: Line) {
        self.reply(line);
        self.count_error();
    }

    /// Refuses DATA. If the message is there already, sent without waiting, it would be taken for
    /// commands, and whoever wrote it could choose them.
    fn refuse_data(&mut self, line: Line) {
        if self.input.is_empty() {
            self.refuse(line);
        } else {
            self.reply(line);
            self.hang_up(reply::TALKS_AHEAD, Ended::Foreign);
        }
    }

    fn count_error(&mut self) {
        self.errors = self.errors.saturating_add(1);
        if self.errors > self.settings.limits.errors {
            self.hang_up(reply::TOO_MANY_ERRORS, Ended::TooManyErrors);
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc5321#section-3.8
    //# After detecting the need to shut down the SMTP service and
    //# returning a 421 response code.
    fn hang_up(&mut self, text: &str, ended: Ended) {
        let (enhanced, text) = text.split_once(' ').unwrap_or(("", text));
        self.write(&format!("421 {enhanced} {} {text}\r\n", self.settings.host));
        self.close(ended);
    }

    fn close(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        self.state = State::Closing;
        self.transaction = None;
        self.input = Input::default();
    }

    fn inject(&mut self, octets: usize) {
        self.injected = self.injected.saturating_add(octets);
    }
}

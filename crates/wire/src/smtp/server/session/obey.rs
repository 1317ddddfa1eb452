//! What becomes of each command.

use super::{Ended, Event, Session, State, Transaction, input::Found};
use crate::smtp::{
    readable,
    server::{
        Message, Protocol, Recipient, Sender, Tls,
        command::Command,
        envelope::{Greeted, Hello},
        parameters::{self, Characters, MailParameters},
        reply,
    },
};

/// A line of so many times the allowed length is not waited for.
const PATIENCE_WITH_LINES: usize = 16;
/// Longest name of a client (RFC 5321 section 4.5.3.1.2).
const LONGEST_NAME: usize = 255;

/// Whether there was a line to read.
#[derive(PartialEq, Eq)]
pub(super) enum Read {
    Nothing,
    Something,
}

impl Session {
    pub(super) fn read_command(&mut self) -> Read {
        let limit = self.settings.limits.command_octets;
        let line = match self.input.line(limit.saturating_mul(PATIENCE_WITH_LINES)) {
            Found::Nothing => return Read::Nothing,
            Found::Line(line) => line,
            //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.4
            //# The custom of accepting lines ending only in <LF>, as a concession to
            //# non-conforming behavior on the part of some UNIX systems, has proven
            //# to cause more interoperability problems than it solves, and SMTP
            //# server systems MUST NOT do this, even in the name of improved
            //# robustness.
            Found::BareLineFeed => {
                self.reply(reply::BARE_LF);
                self.close(Ended::BareLineFeed);
                return Read::Something;
            }
            Found::Endless => {
                self.reply(reply::TOO_LONG);
                self.close(Ended::Flood);
                return Read::Something;
            }
        };
        self.progress = self.progress.saturating_add(1);
        self.idle_commands = self.idle_commands.saturating_add(1);
        if self.idle_commands > self.settings.limits.idle_commands {
            self.hang_up(reply::TOO_MANY_COMMANDS, Ended::TooManyCommands);
        } else if line.len().saturating_add(2) > limit {
            self.refuse(reply::TOO_LONG);
        } else {
            match Command::parse(&line) {
                Ok(command) => self.obey(command),
                Err(refusal) => self.refuse(refusal),
            }
        }
        Read::Something
    }

    fn obey(&mut self, command: Command<'_>) {
        match command {
            Command::Hello { by, name } => self.hello(by, name),
            Command::Mail { path, parameters } => self.mail(path, parameters),
            Command::Recipient { path, parameters } => self.recipient(path, parameters),
            Command::Data => self.data(),
            Command::Reset => {
                self.transaction = None;
                self.reply(reply::OK);
            }
            Command::Nothing => self.reply(reply::OK),
            Command::Help => self.reply(reply::HELP),
            Command::Verify => self.reply(reply::NOT_VERIFIED),
            Command::Expand => self.refuse(reply::NOT_OFFERED),
            Command::StartTls => self.start_tls(),
            Command::Quit => {
                self.reply(reply::BYE);
                self.close(Ended::Quit);
            }
            Command::Chunk => {
                self.reply(reply::NOT_OFFERED);
                self.close(Ended::Foreign);
            }
            Command::Foreign => {
                self.reply(reply::UNKNOWN);
                self.close(Ended::Foreign);
            }
            Command::Unknown => self.refuse(reply::UNKNOWN),
        }
    }

    fn hello(&mut self, by: Hello, name: &str) {
        // RFC 2033 section 4.1: neither protocol knows the other's, so that a client that was led to
        // the wrong one finds out.
        let is_ours = match self.settings.protocol {
            Protocol::Smtp => matches!(by, Hello::Helo | Hello::Ehlo),
            Protocol::Lmtp => by == Hello::Lhlo,
        };
        if !is_ours {
            return self.refuse(reply::OTHER_PROTOCOL);
        }
        //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.4
        //# If
        //# it is issued after the session begins and the EHLO command is
        //# acceptable to the SMTP server, the SMTP server MUST clear all buffers
        //# and reset the state exactly as if a RSET command had been issued.
        self.transaction = None;
        let name = readable(name.as_bytes()).chars().take(LONGEST_NAME).collect();
        self.greeted = Some(Greeted { by, name });
        let host = self.settings.host.clone();
        //= https://www.rfc-editor.org/rfc/rfc5321#section-3.2
        //# Servers MUST NOT return the extended EHLO-
        //# style response to a HELO command.
        if by == Hello::Helo {
            return self.write(&format!("250 {host}\r\n"));
        }
        let size = self.settings.limits.message_octets;
        let mut text = format!("250-{host}\r\n250-PIPELINING\r\n250-SIZE {size}\r\n");
        //= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
        //# A server MUST NOT return the STARTTLS
        //# extension in response to an EHLO command received after a TLS
        //# handshake has completed.
        if self.tls == Tls::Offered {
            text.push_str("250-STARTTLS\r\n");
        }
        text.push_str("250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
        self.write(&text);
    }

    fn mail(&mut self, path: &str, parameters: &str) {
        if self.greeted.is_none() {
            return self.refuse(reply::HELLO_FIRST);
        }
        //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.4
        //# MAIL (or SEND, SOML, or SAML) MUST NOT be
        //# sent if a mail transaction is already open
        if self.transaction.is_some() {
            return self.refuse(reply::NESTED_MAIL);
        }
        if self.messages >= self.settings.limits.messages {
            return self.hang_up(reply::TOO_MANY_MESSAGES, Ended::TooManyMessages);
        }
        let parameters = match MailParameters::parse(parameters) {
            Ok(parameters) => parameters,
            Err(refusal) => return self.refuse(refusal),
        };
        if parameters.characters == Characters::Ascii && !path.is_ascii() {
            return self.refuse(reply::NEEDS_UTF8);
        }
        let Some(sender) = Sender::parse(path) else { return self.refuse(reply::BAD_SENDER) };
        let limit = u64::try_from(self.settings.limits.message_octets).unwrap_or(u64::MAX);
        if parameters.size.is_some_and(|size| size > limit) {
            self.refusals.too_large += 1;
            return self.refuse(reply::TOO_LARGE);
        }
        self.transaction = Some(Transaction { sender, parameters, recipients: Vec::new() });
        self.reply(reply::SENDER_OK);
    }

    fn recipient(&mut self, path: &str, parameters: &str) {
        let Some(transaction) = &self.transaction else { return self.refuse(reply::MAIL_FIRST) };
        if let Err(refusal) = parameters::no_parameters(parameters) {
            return self.refuse(refusal);
        }
        if transaction.parameters.characters == Characters::Ascii && !path.is_ascii() {
            return self.refuse(reply::NEEDS_UTF8);
        }
        if transaction.recipients.len() >= self.settings.limits.recipients {
            return self.refuse(reply::TOO_MANY_RECIPIENTS);
        }
        match Recipient::parse(path) {
            // RFC 5321 section 4.5.1 wants mail for the postmaster to be taken by whoever takes mail
            // for a domain. This server stands for a few mailboxes, most often behind the server
            // that has the postmaster's: it is the caller who knows.
            Ok(recipient) => self.state = State::Ask(Box::new(Event::Recipient(recipient))),
            Err(_) => self.refuse(reply::BAD_RECIPIENT),
        }
    }

    fn data(&mut self) {
        let Some(transaction) = &self.transaction else {
            return self.refuse_data(reply::MAIL_FIRST);
        };
        //= https://www.rfc-editor.org/rfc/rfc5321#section-3.3
        //# If there was no MAIL, or no RCPT, command, or all such commands were
        //# rejected, the server MAY return a "command out of sequence" (503) or
        //# "no valid recipients" (554) reply in response to the DATA command.
        // RFC 2033 section 4.2 wants the 503 in LMTP.
        if transaction.recipients.is_empty() {
            return self.refuse_data(match self.settings.protocol {
                Protocol::Smtp => reply::NO_RECIPIENTS,
                Protocol::Lmtp => reply::NO_RECIPIENTS_LMTP,
            });
        }
        match self.envelope() {
            Some(envelope) => self.state = State::Ask(Box::new(Event::Begin(envelope))),
            None => self.refuse_data(reply::HELLO_FIRST),
        }
    }

    fn start_tls(&mut self) {
        match self.tls {
            Tls::Absent => self.refuse(reply::NOT_OFFERED),
            Tls::Active => self.refuse(reply::TLS_STANDS),
            Tls::Offered if self.greeted.is_none() => self.refuse(reply::HELLO_FIRST),
            Tls::Offered => {
                self.reply(reply::BEGIN_TLS);
                // A man in the middle could slip in commands here that would seem to come through
                // TLS (CVE-2011-0411).
                let behind = self.input.take_all();
                self.inject(behind);
                self.state = State::Ask(Box::new(Event::StartTls));
            }
        }
    }

    pub(super) fn message_ended(&mut self) {
        self.progress = self.progress.saturating_add(1);
        self.messages = self.messages.saturating_add(1);
        let State::Data(reader) = std::mem::replace(&mut self.state, State::Command) else {
            return;
        };
        match (reader.finish(), self.envelope()) {
            (Ok(octets), Some(envelope)) => {
                let message = Event::Message(Message { envelope, octets });
                self.state = State::Ask(Box::new(message));
            }
            (Err(refusal), _) => {
                match refusal {
                    reply::TOO_LARGE => self.refusals.too_large += 1,
                    reply::BARE_LINE_END | reply::LONG_TEXT_LINE => self.refusals.malformed += 1,
                    // Given up by the caller, who knows.
                    _ => {}
                }
                self.say_to_each(&refusal, None);
                self.transaction = None;
                self.count_error();
            }
            (Ok(_), None) => self.refuse(reply::MAIL_FIRST),
        }
    }
}

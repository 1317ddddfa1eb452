//! Plays dialogues to a session, and answers its questions.

use mail_domain::DomainName;
use sealpost_wire::smtp::{
    EhloName,
    server::{
        BeginAnswer, Delivery, Ended, Event, Limits, Message, Protocol, Receipt, Recipient,
        RecipientAnswer, Session, Settings, Tls,
    },
};

/// A session with a caller who wants mail for `tls@mx.example` and the postmaster.
pub(crate) struct Caller {
    pub(crate) session: Session,
    /// What was sent and not yet compared.
    pub(crate) sent: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) begin: BeginAnswer,
    pub(crate) delivery: Delivery,
    pub(crate) handshakes: usize,
    pub(crate) is_closed: bool,
}

pub(crate) fn settings(protocol: Protocol) -> Settings {
    Settings::new(protocol, EhloName::parse("mx.example").unwrap())
}

pub(crate) fn smtp() -> Settings {
    settings(Protocol::Smtp)
}

pub(crate) fn lmtp() -> Settings {
    settings(Protocol::Lmtp)
}

pub(crate) fn with_limits(limits: Limits) -> Settings {
    Settings { limits, ..smtp() }
}

pub(crate) fn with_tls() -> Settings {
    Settings { tls: Tls::Offered, ..smtp() }
}

impl Caller {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut caller = Self {
            session: Session::new(settings.into()),
            sent: String::new(),
            recipients: Vec::new(),
            messages: Vec::new(),
            begin: BeginAnswer::Proceed,
            delivery: Delivery::Stored(None),
            handshakes: 0,
            is_closed: false,
        };
        caller.turn();
        caller
    }

    /// A session in which a message is about to be asked for.
    pub(crate) fn before_data(settings: Settings) -> Self {
        let hello = if settings.protocol == Protocol::Lmtp { "LHLO c" } else { "EHLO c" };
        let mut caller = Self::new(settings);
        for line in [hello, "MAIL FROM:<a@b.example>", "RCPT TO:<tls@mx.example>"] {
            caller.say(line);
        }
        caller.sent.clear();
        caller
    }

    /// A session that waits for a message.
    pub(crate) fn in_data(settings: Settings) -> Self {
        let mut caller = Self::before_data(settings);
        caller.say("DATA");
        assert_eq!(caller.heard(), "354 send the message, end it with <CRLF>.<CRLF>");
        caller
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.octets(format!("{line}\r\n").as_bytes());
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.session.received(octets);
        self.turn();
    }

    /// What was sent since the last time, without the last line end.
    pub(crate) fn heard(&mut self) -> String {
        let sent = std::mem::take(&mut self.sent);
        sent.strip_suffix("\r\n").unwrap_or(&sent).to_owned()
    }

    /// Says a line and gives the answer.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.heard()
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        self.session.ended()
    }

    /// Does what the session says until it waits.
    pub(crate) fn turn(&mut self) {
        for _ in 0..100_000 {
            match self.session.next() {
                Event::Wait => return,
                Event::Close => {
                    self.is_closed = true;
                    return;
                }
                Event::Send(octets) => {
                    assert!(!octets.is_empty());
                    self.sent.push_str(core::str::from_utf8(&octets).unwrap());
                }
                Event::Recipient(recipient) => {
                    self.recipients.push(recipient.to_string());
                    self.session.answer_recipient(judge(&recipient));
                }
                Event::Begin(envelope) => {
                    assert!(!envelope.recipients.is_empty());
                    self.session.answer_begin(self.begin);
                }
                Event::Message(message) => {
                    self.messages.push(message);
                    self.session.answer_message(&self.delivery);
                }
                Event::StartTls => {
                    self.handshakes += 1;
                    assert_eq!(self.session.next(), Event::Wait);
                    self.session.received(b"RSET\r\n"); // in the open, after the go-ahead
                    self.session.tls_established();
                }
                event => panic!("{event:?}"),
            }
        }
        panic!("the session does not come to an end");
    }
}

fn judge(recipient: &Recipient) -> RecipientAnswer {
    let Recipient::Mailbox(mailbox) = recipient else { return RecipientAnswer::Accepted };
    match (mailbox.local_part(), mailbox.domain().map(DomainName::as_str)) {
        ("tls" | "other" | "ünï", Some("mx.example")) => RecipientAnswer::Accepted,
        ("later", Some("mx.example")) => RecipientAnswer::Later,
        (_, Some("mx.example")) => RecipientAnswer::Unknown,
        _ => RecipientAnswer::NotOurs,
    }
}

pub(crate) fn receipt(text: &str) -> Delivery {
    Delivery::Stored(Some(Receipt::parse(text).unwrap()))
}

/// Plays `C:` lines and compares what is sent with the `S:` lines between them.
#[track_caller]
pub(crate) fn dialogue(settings: Settings, text: &str) -> Caller {
    let mut caller = Caller::new(settings);
    let mut expected = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(line) = line.strip_prefix("S: ") {
            expected.push_str(line);
            expected.push_str("\r\n");
        } else {
            assert_eq!(caller.sent, expected, "before {line:?}");
            caller.sent.clear();
            expected.clear();
            caller.say(line.strip_prefix("C: ").or(line.strip_prefix("C:")).unwrap());
        }
    }
    assert_eq!(caller.sent, expected);
    caller.sent.clear();
    caller
}

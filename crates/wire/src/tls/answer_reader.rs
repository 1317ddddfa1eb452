//! From octets to the answer of a server, however they are cut.

use super::{Alert, AlertDescription, AlertLevel, AnswerError, ClientHello};
use super::{ServerAnswer, ServerHello};

/// Reads what a server says to an offer, up to where it waits for the client.
///
/// The answer does not depend on how the octets were cut. No more than one record and one message
/// are kept at a time. What comes after the answer is not looked at.
///
/// ```
/// use sealpost_wire::tls::{
///     AnswerReader, CipherSuite, ClientHello, ClientHelloError, ProtocolVersion, ServerAnswer,
/// };
///
/// # fn main() -> Result<(), ClientHelloError> {
/// let offer = ClientHello::new(ProtocolVersion::TLS_1_0, &CipherSuite::common(), [7; 32])?;
/// let mut reader = AnswerReader::new(&offer);
/// assert_eq!(reader.push(&[21, 3, 1, 0]), None);
/// let answer = reader.push(&[2, 2, 70]).map(ToString::to_string);
/// assert_eq!(answer.as_deref(), Some("the server refuses: protocol_version (fatal)"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AnswerReader {
    offer: ClientHello,
    /// All octets taken in so far.
    taken: usize,
    /// Complete records so far.
    records: usize,
    /// The record that is arriving, its header included.
    record: Vec<u8>,
    /// The handshake message that is arriving, its header included.
    message: Vec<u8>,
    /// The first half of an alert that came in two records.
    alert: Option<AlertLevel>,
    warning: Option<Alert>,
    hello: Option<ServerHello>,
    answer: Option<ServerAnswer>,
}

/// How the reading came to an end before the answer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server closed the connection, or broke it.
    Closed,
    /// The caller does not want to wait longer.
    TimedOut,
}

impl AnswerReader {
    /// The most octets that are read for one answer.
    pub const MAX_OCTETS: usize = 65_536;
    /// The most records that are read for one answer.
    pub const MAX_RECORDS: usize = 16;
    /// How many octets are kept of what is no TLS.
    pub const MAX_SEEN: usize = 80;

    /// A reader of the answer to this offer.
    pub fn new(offer: &ClientHello) -> Self {
        Self {
            offer: offer.clone(),
            taken: 0,
            records: 0,
            record: Vec::new(),
            message: Vec::new(),
            alert: None,
            warning: None,
            hello: None,
            answer: None,
        }
    }

    /// Takes in octets that arrived, and gives the answer once it is clear.
    pub fn push(&mut self, octets: &[u8]) -> Option<&ServerAnswer> {
        let mut rest = octets;
        while self.answer.is_none() && !rest.is_empty() {
            let (piece, after) = rest.split_at(self.missing().clamp(1, rest.len()));
            rest = after;
            self.taken = self.taken.saturating_add(piece.len());
            self.record.extend_from_slice(piece);
            self.answer = match self.record() {
                Ok(answer) => answer,
                Err(error) => Some(ServerAnswer::Malformed(error)),
            };
        }
        self.answer.as_ref()
    }

    /// No more octets will come; gives the answer, which is what there was of it.
    pub fn finish(&mut self, ending: Ending) -> &ServerAnswer {
        let answer = self.answer.take().unwrap_or_else(|| self.unfinished(ending));
        self.answer.insert(answer)
    }

    /// The answer, if it is clear.
    pub fn answer(&self) -> Option<&ServerAnswer> {
        self.answer.as_ref()
    }

    /// How many octets the part that is arriving still needs.
    fn missing(&self) -> usize {
        let whole = if !self.may_be_record() {
            Self::MAX_SEEN
        } else {
            RECORD_HEADER + self.header().map_or(0, |header| header.length.into())
        };
        whole.saturating_sub(self.record.len())
    }

    /// Whether what is arriving begins like a record of SSL 3.0 or TLS.
    fn may_be_record(&self) -> bool {
        const MAJOR_VERSION: u8 = 3;
        let is_type = |octet: &u8| (content_type::FIRST..=content_type::LAST).contains(octet);
        self.record.first().is_none_or(is_type)
            && self.record.get(1).is_none_or(|octet| *octet == MAJOR_VERSION)
    }

    fn header(&self) -> Option<RecordHeader> {
        match *self.record.as_slice() {
            [content_type, _, _, high, low, ..] => {
                Some(RecordHeader { content_type, length: u16::from_be_bytes([high, low]) })
            }
            _ => None,
        }
    }

    /// Looks at the record that is arriving, and takes it away once it is complete.
    fn record(&mut self) -> Result<Option<ServerAnswer>, AnswerError> {
        if !self.may_be_record() {
            return match self.records {
                0 => Ok(self.plain_text()),
                _ => Err(AnswerError::NotARecord),
            };
        }
        let Some(RecordHeader { content_type, length }) = self.header() else { return Ok(None) };
        if length == 0 {
            // RFC 5246 section 6.2.1 allows this for application data only.
            return Err(AnswerError::EmptyRecord);
        }
        if length > MAX_RECORD {
            return Err(AnswerError::RecordTooLong { length });
        }
        let whole = RECORD_HEADER + usize::from(length);
        let end = self.taken.saturating_sub(self.record.len()).saturating_add(whole);
        if end > Self::MAX_OCTETS || self.records == Self::MAX_RECORDS {
            return self.too_long();
        }
        if self.record.len() < whole {
            return Ok(None);
        }
        self.records = self.records.saturating_add(1);
        let record = std::mem::take(&mut self.record);
        let content = record.get(RECORD_HEADER..).unwrap_or_default();
        match content_type {
            content_type::ALERT => Ok(self.alerts(content)),
            content_type::HANDSHAKE => self.messages(content),
            _ => Err(AnswerError::UnexpectedRecord { content_type }),
        }
    }

    /// A server that has chosen and then sends an endless chain has still chosen.
    fn too_long(&self) -> Result<Option<ServerAnswer>, AnswerError> {
        self.hello.map(ServerAnswer::ServerHello).map(Some).ok_or(AnswerError::TooLong)
    }

    fn alerts(&mut self, content: &[u8]) -> Option<ServerAnswer> {
        for octet in content {
            let Some(level) = self.alert.take() else {
                self.alert = Some(AlertLevel::from_number(*octet));
                continue;
            };
            let alert = Alert { level, description: AlertDescription::from_number(*octet) };
            if alert.is_end() {
                return Some(ServerAnswer::Alert(alert));
            }
            // Such as `unrecognized_name`, after which the handshake may well go on (RFC 6066
            // section 3).
            self.warning = Some(alert);
        }
        None
    }

    fn messages(&mut self, content: &[u8]) -> Result<Option<ServerAnswer>, AnswerError> {
        let mut rest = content;
        while !rest.is_empty() {
            let whole = MESSAGE_HEADER + self.message_length().unwrap_or(0);
            let missing = whole.saturating_sub(self.message.len());
            let (piece, after) = rest.split_at(missing.min(rest.len()));
            rest = after;
            self.message.extend_from_slice(piece);
            let Some(length) = self.message_length() else { continue };
            if length > Self::MAX_OCTETS {
                return self.too_long();
            }
            if self.message.len() < MESSAGE_HEADER + length {
                continue;
            }
            let message = std::mem::take(&mut self.message);
            if let Some(answer) = self.message(&message)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// The length that the header of the arriving message gives, once that is there.
    fn message_length(&self) -> Option<usize> {
        match *self.message.as_slice() {
            [_, high, middle, low, ..] => {
                let length = u32::from_be_bytes([0, high, middle, low]);
                Some(usize::try_from(length).unwrap_or(usize::MAX))
            }
            _ => None,
        }
    }

    fn message(&mut self, message: &[u8]) -> Result<Option<ServerAnswer>, AnswerError> {
        let Some((message_type, _)) = message.split_first() else { return Ok(None) };
        let body = message.get(MESSAGE_HEADER..).unwrap_or_default();
        match (*message_type, self.hello) {
            // To be ignored during a handshake (RFC 5246 section 7.4.1.1).
            (message_type::HELLO_REQUEST, _) => {}
            (message_type::SERVER_HELLO, None) => {
                self.hello = Some(ServerHello::parse(body, &self.offer)?);
            }
            (message_type::SERVER_HELLO_DONE, Some(hello)) => {
                return Ok(Some(ServerAnswer::ServerHello(hello)));
            }
            (
                message_type::CERTIFICATE
                | message_type::CERTIFICATE_STATUS
                | message_type::SERVER_KEY_EXCHANGE
                | message_type::CERTIFICATE_REQUEST,
                Some(_),
            ) => {}
            (message_type, _) => return Err(AnswerError::UnexpectedMessage { message_type }),
        }
        Ok(None)
    }

    /// What is no TLS, once its first line is there or enough of it.
    fn plain_text(&self) -> Option<ServerAnswer> {
        let is_enough = self.record.contains(&b'\n') || self.record.len() >= Self::MAX_SEEN;
        is_enough.then(|| self.not_tls())
    }

    fn not_tls(&self) -> ServerAnswer {
        let line = self.record.split(|octet| *octet == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        ServerAnswer::NotTls { seen: line.escape_ascii().to_string() }
    }

    fn unfinished(&self, ending: Ending) -> ServerAnswer {
        let is_between_records =
            self.record.is_empty() && self.message.is_empty() && self.alert.is_none();
        match (ending, self.warning) {
            _ if self.records == 0 && !self.may_be_record() => self.not_tls(),
            (Ending::TimedOut, _) => ServerAnswer::TimedOut,
            (Ending::Closed, _) if self.taken == 0 => ServerAnswer::Closed,
            // It was meant as the end.
            (Ending::Closed, Some(alert)) if is_between_records && self.hello.is_none() => {
                ServerAnswer::Alert(alert)
            }
            (Ending::Closed, _) => ServerAnswer::Malformed(AnswerError::CutShort),
        }
    }
}

const RECORD_HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;
/// RFC 5246 section 6.2.1.
const MAX_RECORD: u16 = 16_384;

struct RecordHeader {
    content_type: u8,
    length: u16,
}

mod content_type {
    pub(super) const FIRST: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const LAST: u8 = 24;
}

mod message_type {
    pub(super) const HELLO_REQUEST: u8 = 0;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const CERTIFICATE: u8 = 11;
    pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(super) const CERTIFICATE_REQUEST: u8 = 13;
    pub(super) const SERVER_HELLO_DONE: u8 = 14;
    pub(super) const CERTIFICATE_STATUS: u8 = 22;
}

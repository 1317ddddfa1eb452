//! One question as octets, and whether octets are its answer.

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use sealpost_evidence::{LookupFault, LookupFaultKind};

use crate::text::printable;

/// The largest UDP answer that is asked for: fits any path without fragments.
const LARGEST_DATAGRAM: u16 = 1232;

/// Shall the resolver keep back what it finds bogus?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Checking {
    /// It shall: what it does not find secure or insecure becomes SERVFAIL.
    Resolver,
    /// It shall not (the CD bit): whoever asks judges for himself (RFC 6840 §5.9).
    Ours,
}

/// One question, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Question {
    id: u16,
    query: Query,
    octets: Vec<u8>,
}

/// An answer as it was read, and as it stands on the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) message: Message,
    pub(super) octets: Box<[u8]>,
}

/// What octets are to a question.
#[derive(Debug)]
pub(super) enum Reading {
    /// The answer: NOERROR or NXDOMAIN.
    Answer(Box<Answer>),
    /// The answer is too large for a datagram.
    Truncated,
    /// The server has no answer.
    Fault(LookupFault),
    /// They belong to something else; wait on.
    Stray,
}

impl Question {
    /// Asks for recursion, and for what DNSSEC says (RFC 4035 §3.2.1, RFC 6840 §5.7).
    pub(super) fn new(query: Query, checking: Checking) -> Result<Self, LookupFault> {
        let mut message = Message::query();
        let id = message.metadata.id;
        message.metadata.recursion_desired = true;
        message.metadata.authentic_data = true;
        message.metadata.checking_disabled = checking == Checking::Ours;
        message.add_query(query.clone());
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST_DATAGRAM).set_dnssec_ok(true);
        message.set_edns(edns);
        let octets = message
            .to_vec()
            .map_err(|error| fault(LookupFaultKind::Malformed, &error.to_string()))?;
        Ok(Self { id, query, octets })
    }

    /// What tells its answer from those to others.
    pub(super) fn id(&self) -> u16 {
        self.id
    }

    /// The question as it is sent.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// What these octets are to this question.
    pub(super) fn read(&self, octets: &[u8]) -> Reading {
        let Some([id_high, id_low, flags, _]) = octets.first_chunk::<4>() else {
            return Reading::Stray;
        };
        // QR must be set; the identifier is what tells a forger's answer from the server's.
        if u16::from_be_bytes([*id_high, *id_low]) != self.id || flags & 0x80 == 0 {
            return Reading::Stray;
        }
        // A truncated message may end anywhere and need not be readable.
        if flags & 0x02 != 0 {
            return Reading::Truncated;
        }
        let message = match Message::from_vec(octets) {
            Ok(message) => message,
            Err(error) => {
                return Reading::Fault(fault(LookupFaultKind::Malformed, &error.to_string()));
            }
        };
        if message.metadata.message_type != MessageType::Response {
            return Reading::Stray;
        }
        let repeats = message.queries.as_slice() == std::slice::from_ref(&self.query);
        // Who has no answer need not repeat the question.
        let may_be_fault = repeats || message.queries.is_empty();
        match message.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {
                if !repeats {
                    Reading::Stray
                } else if is_referral(&message) {
                    let text = "the server refers to others: it is not a resolver";
                    Reading::Fault(fault(LookupFaultKind::Refused, text))
                } else {
                    Reading::Answer(Box::new(Answer { message, octets: octets.into() }))
                }
            }
            _ if !may_be_fault => Reading::Stray,
            ResponseCode::ServFail => {
                let (kind, text) = extended_error(&message);
                Reading::Fault(fault(kind, &text))
            }
            code => {
                let text = format!("the resolver answered {code:?}: {code}");
                Reading::Fault(fault(LookupFaultKind::Refused, &text))
            }
        }
    }
}

/// Does the message say no more than whom else to ask? (RFC 2308 §2.2)
fn is_referral(message: &Message) -> bool {
    let has = |kind| message.authorities.iter().any(|record| record.record_type() == kind);
    message.metadata.response_code == ResponseCode::NoError
        && message.answers.is_empty()
        && has(RecordType::NS)
        && !has(RecordType::SOA)
}

/// What lies behind SERVFAIL: the extended DNS error, where there is one (RFC 8914).
fn extended_error(message: &Message) -> (LookupFaultKind, String) {
    let option = message.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Unknown(15)));
    let Some(EdnsOption::Unknown(_, octets)) = option else {
        return (LookupFaultKind::ServerFailure, "the resolver answered SERVFAIL".to_owned());
    };
    let Some(([high, low], text)) = octets.split_first_chunk::<2>() else {
        return (LookupFaultKind::ServerFailure, "the resolver answered SERVFAIL".to_owned());
    };
    let code = u16::from_be_bytes([*high, *low]);
    let kind = match code {
        // DNSSEC bogus, signature expired or not yet valid, DNSKEY, RRSIGs, zone key or NSEC
        // missing (RFC 8914 §4.7 to §4.13).
        6..=12 => LookupFaultKind::Bogus,
        _ => LookupFaultKind::ServerFailure,
    };
    let text = String::from_utf8_lossy(text);
    (kind, format!("the resolver answered SERVFAIL, extended error {code} {text}"))
}

/// A fault, its text made fit to be shown.
pub(super) fn fault(kind: LookupFaultKind, text: &str) -> LookupFault {
    LookupFault { kind, text: printable(text) }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::TXT;
    use hickory_proto::rr::{Name, RData, Record};

    use super::*;
    use crate::testing::mutations;

    #[test]
    fn a_fault_is_no_answer_to_another_question() {
        let ask = |owner: &str| {
            let query = Query::query(Name::from_ascii(owner).unwrap(), RecordType::TXT);
            Question::new(query, Checking::Ours).unwrap()
        };
        let (question, other) = (ask("a.test."), ask("b.test."));
        for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::FormErr] {
            let mut answer = Message::from_vec(question.octets()).unwrap().into_response();
            answer.metadata.response_code = code;
            let reading = question.read(&answer.to_vec().unwrap());
            assert!(matches!(reading, Reading::Fault(_)), "{code}");
            answer.queries.clear();
            let reading = question.read(&answer.to_vec().unwrap());
            assert!(matches!(reading, Reading::Fault(_)), "{code}, question not repeated");
            answer.queries = Message::from_vec(other.octets()).unwrap().queries;
            let reading = question.read(&answer.to_vec().unwrap());
            assert!(matches!(reading, Reading::Stray), "{code}, to another question");
        }
    }

    #[test]
    fn no_octets_make_the_reader_panic() {
        let name = Name::from_ascii("_mta-sts.example.com.").unwrap();
        let query = Query::query(name.clone(), RecordType::TXT);
        let question = Question::new(query.clone(), Checking::Ours).unwrap();
        let mut answer = Message::from_vec(question.octets()).unwrap();
        answer.metadata.message_type = MessageType::Response;
        let text = TXT::new(vec!["v=STSv1; id=1;".to_owned()]);
        answer.add_answer(Record::from_rdata(name, 60, RData::TXT(text)));
        let good = answer.to_vec().unwrap();
        assert!(matches!(question.read(&good), Reading::Answer(_)));
        let mut others = 0;
        for octets in mutations(&good) {
            match question.read(&octets) {
                // What is taken for the answer is one to this question.
                Reading::Answer(answer) => {
                    assert_eq!(answer.message.queries, std::slice::from_ref(&query));
                }
                Reading::Truncated | Reading::Fault(_) | Reading::Stray => others += 1,
            }
        }
        assert!(others > 1000, "only {others} were refused");
    }
}

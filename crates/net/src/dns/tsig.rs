//! Signed transactions (TSIG, RFC 8945): the question is signed, and each answer is verified.
//!
//! # Limitations
//!
//! The algorithms are HMAC-SHA256, HMAC-SHA384 and HMAC-SHA512; truncated MACs are refused.

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::TSIG;
use hickory_proto::rr::rdata::tsig::{TsigError, make_tsig_record};
use hickory_proto::rr::{DNSClass, Name};
use hickory_proto::serialize::binary::BinEncodable;
use sealpost_runtime::Clock;

use super::TsigKey;

/// How far the clocks of the two may be apart, in seconds (RFC 8945 §10).
const FUDGE: u16 = 300;
/// How many messages in a row may lack a signature (RFC 8945 §5.3.1).
const MOST_UNSIGNED: usize = 99;
/// Where the header of a message ends.
const HEADER: usize = 12;

/// Why a message is not believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unverified {
    #[error("it is not signed")]
    Unsigned,
    #[error("it is signed with another key, or in another way")]
    OtherKey,
    #[error("its signature is wrong: does the server have the same secret?")]
    WrongMac,
    #[error("it was signed {0} seconds from now: set the clocks")]
    OtherTime(u64),
    #[error("more than {MOST_UNSIGNED} messages are not signed")]
    TooManyUnsigned,
    #[error("its signature does not stand at its end, or has not the class and TTL of one")]
    Misplaced,
}

/// Verifies the answers to a signed question, one after the other.
#[derive(Debug)]
pub(crate) struct Verifier<'a> {
    key: &'a TsigKey,
    clock: &'a Clock,
    /// That of the question, then that of the last signed answer.
    mac: Vec<u8>,
    is_first: bool,
    /// The messages since then.
    unsigned: Vec<u8>,
    count: usize,
}

/// Signs a question, and verifies what comes for it. `None` where it can't be written.
pub(crate) fn sign<'a>(
    question: &mut Message,
    key: &'a TsigKey,
    clock: &'a Clock,
) -> Option<Verifier<'a>> {
    let now = u64::try_from(clock.now().as_second()).ok()?;
    let id = question.metadata.id;
    let signer = key.signer();
    let unsigned =
        TSIG::new(signer.algorithm().clone(), now, FUDGE, Vec::new(), id, None, Vec::new());
    let mut text = question.to_vec().ok()?;
    text.extend(variables(key, &unsigned)?);
    let mac = signer.sign(&text).ok()?;
    let signed = unsigned.set_mac(mac.clone());
    question.set_signature(Box::new(make_tsig_record(signer.signer_name().clone(), signed)));
    Some(Verifier { key, clock, mac, is_first: true, unsigned: Vec::new(), count: 0 })
}

impl Verifier<'_> {
    /// Takes the next answer: its octets, and what they say.
    pub(crate) fn take(&mut self, octets: &[u8], message: &Message) -> Result<(), Unverified> {
        let Some(record) = message.signature() else { return self.take_unsigned(octets) };
        let (tsig, signer) = (&record.data, self.key.signer());
        if record.name != *signer.signer_name() || tsig.algorithm != *signer.algorithm() {
            return Err(Unverified::OtherKey);
        }
        // What is signed has these in any case.
        if record.dns_class != DNSClass::ANY || record.ttl != 0 {
            return Err(Unverified::Misplaced);
        }
        let end = start_of_last(octets).ok_or(Unverified::Misplaced)?;
        let length = u16::try_from(self.mac.len()).map_err(|_| Unverified::WrongMac)?;
        let mut text = length.to_be_bytes().to_vec();
        text.append(&mut self.mac);
        text.append(&mut self.unsigned);
        let (header, rest) = octets
            .get(..end)
            .and_then(|text| text.split_at_checked(HEADER))
            .ok_or(Unverified::Misplaced)?;
        let [_, _, middle @ .., high, low] = header else { return Err(Unverified::Misplaced) };
        let additional = u16::from_be_bytes([*high, *low]).saturating_sub(1);
        text.extend(tsig.oid.to_be_bytes());
        text.extend(middle);
        text.extend(additional.to_be_bytes());
        text.extend(rest);
        match self.is_first {
            true => text.extend(variables(self.key, tsig).ok_or(Unverified::Misplaced)?),
            false => text.extend(timers(tsig)),
        }
        signer.verify(&text, &tsig.mac).map_err(|_| Unverified::WrongMac)?;
        // The time is believed only now.
        let now = u64::try_from(self.clock.now().as_second()).unwrap_or_default();
        let apart = now.abs_diff(tsig.time);
        if apart > u64::from(tsig.fudge.min(FUDGE)) {
            return Err(Unverified::OtherTime(apart));
        }
        self.mac.clone_from(&tsig.mac);
        (self.is_first, self.count) = (false, 0);
        Ok(())
    }

    /// Whether the last answer was signed, as it must be.
    pub(crate) fn finish(&self) -> Result<(), Unverified> {
        if self.is_first || self.count > 0 { Err(Unverified::Unsigned) } else { Ok(()) }
    }

    fn take_unsigned(&mut self, octets: &[u8]) -> Result<(), Unverified> {
        if self.is_first {
            return Err(Unverified::Unsigned);
        }
        self.count += 1;
        if self.count > MOST_UNSIGNED {
            return Err(Unverified::TooManyUnsigned);
        }
        self.unsigned.extend(octets);
        Ok(())
    }
}

/// What is signed beside the first message (RFC 8945 §4.3.3).
fn variables(key: &TsigKey, tsig: &TSIG) -> Option<Vec<u8>> {
    let wire = |name: &Name| name.to_lowercase().to_bytes().ok();
    let mut text = wire(key.signer().signer_name())?;
    // The class ANY, and no TTL.
    text.extend([0, 255, 0, 0, 0, 0]);
    text.extend(wire(&key.signer().algorithm().to_name())?);
    text.extend(timers(tsig));
    text.extend(tsig.error.map_or(0, u16::from).to_be_bytes());
    text.extend(u16::try_from(tsig.other.len()).ok()?.to_be_bytes());
    text.extend(&tsig.other);
    Some(text)
}

/// What is signed beside any other (RFC 8945 §5.3.1).
fn timers(tsig: &TSIG) -> impl Iterator<Item = u8> {
    // 48 bits on the wire.
    tsig.time.to_be_bytes().into_iter().skip(2).chain(tsig.fudge.to_be_bytes())
}

/// The words of a server that does not believe us.
pub(crate) fn complaint(message: &Message) -> Option<&'static str> {
    match message.signature()?.data.error? {
        TsigError::BadKey => Some("it does not know the key"),
        TsigError::BadSig => Some("it has another secret for the key"),
        TsigError::BadTime => Some("its clock differs from ours"),
        TsigError::BadTrunc => Some("the signature is too short for it"),
        _ => Some("it does not take the signature"),
    }
}

/// Where the last record of a message begins, if the message ends with it.
fn start_of_last(octets: &[u8]) -> Option<usize> {
    let count = |at: usize| Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?));
    let (questions, records) =
        (count(4)?, u32::from(count(6)?) + u32::from(count(8)?) + u32::from(count(10)?));
    let mut at = HEADER;
    for _ in 0..questions {
        at = end_of_name(octets, at)?.checked_add(4)?;
    }
    let mut last = None;
    for _ in 0..records {
        last = Some(at);
        let fixed = end_of_name(octets, at)?.checked_add(8)?;
        let length = u16::from_be_bytes(octets.get(fixed..fixed + 2)?.try_into().ok()?);
        at = fixed.checked_add(2 + usize::from(length))?;
    }
    last.filter(|_| at == octets.len())
}

fn end_of_name(octets: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            192.. => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests;

//! CNAME chains.

use hickory_proto::rr::{Name, RData, Record, RecordType};
use sealpost_evidence::{LookupFault, LookupFaultKind};

use super::message::fault;

/// The most CNAME links that are followed.
const MOST_LINKS: usize = 8;

/// A chain of CNAME records, as far as it was followed.
pub(super) struct Chain {
    /// The name that it has come to.
    pub(super) name: Name,
    /// The names on the way, without the first.
    pub(super) aliases: Vec<String>,
    /// The smallest time to live on the way.
    pub(super) ttl: u32,
    /// The first name.
    owner: String,
}

impl Chain {
    pub(super) fn begin(owner: &str) -> Result<Self, LookupFault> {
        let name = Name::from_ascii(format!("{owner}.")).map_err(|error| {
            let text = format!("{owner} is not a DNS name: {error}");
            fault(LookupFaultKind::Malformed, &text)
        })?;
        Ok(Self { owner: plain(&name), name, aliases: Vec::new(), ttl: u32::MAX })
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
    //# senders MUST follow the
    //# CNAME pointers.
    /// Follows the CNAME records of one answer.
    pub(super) fn walk(&mut self, answers: &[Record], kind: RecordType) -> Result<(), LookupFault> {
        loop {
            let mut here = answers.iter().filter(|record| record.name == self.name);
            if here.clone().any(|record| record.record_type() == kind) {
                return Ok(());
            }
            let link = here.find_map(|record| match &record.data {
                RData::CNAME(target) => Some((&target.0, record.ttl)),
                _ => None,
            });
            let Some((target, ttl)) = link else { return Ok(()) };
            let alias = plain(target);
            if alias == self.owner || self.aliases.contains(&alias) {
                let text = format!("the CNAME chain of {} leads back to {alias}", self.owner);
                return Err(fault(LookupFaultKind::Malformed, &text));
            }
            if self.aliases.len() == MOST_LINKS {
                let text = format!("the CNAME chain of {} is longer than {MOST_LINKS}", self.owner);
                return Err(fault(LookupFaultKind::TooLarge, &text));
            }
            self.name = target.clone();
            self.ttl = self.ttl.min(ttl);
            self.aliases.push(alias);
        }
    }
}

/// The name in lower case without its trailing dot, A-labels left as they are, and odd octets
/// escaped in decimal (RFC 1035 §5.1; hickory's own text has them in octal).
pub(super) fn plain(name: &Name) -> String {
    let mut text = String::new();
    for (index, label) in name.iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        for octet in label {
            match octet {
                b'.' | b'\\' => text.extend(['\\', char::from(*octet)]),
                b'!'..=b'~' => text.push(char::from(octet.to_ascii_lowercase())),
                _ => text.push_str(&format!("\\{octet:03}")),
            }
        }
    }
    text
}

//! The reply.

use super::netstring::write_in_halves;
use crate::postfix::Reply;

/// Writes a reply as a netstring behind what is there; its payload has at most 100,000 octets, the
/// most that Postfix reads.
pub fn write_reply(reply: &Reply, out: &mut Vec<u8>) {
    let (word, text) = match reply {
        Reply::Found(text) => ("OK ", text.as_str()),
        Reply::NotFound => ("NOTFOUND ", ""),
        Reply::Temporary(reason) => ("TEMP ", reason.as_str()),
        Reply::TimedOut(reason) => ("TIMEOUT ", reason.as_str()),
        Reply::Permanent(reason) => ("PERM ", reason.as_str()),
    };
    write_in_halves(word.as_bytes(), text.as_bytes(), out);
}

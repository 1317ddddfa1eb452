// Replies.
mod reply;
mod reply_reader;

pub use reply::{EnhancedCode, Reply, ReplyOddity};
pub use reply_reader::{Limits, ReplyError, ReplyReader};

// The greeting of the client and its answer.
mod ehlo;
mod ehlo_name;

pub use ehlo::{Ehlo, Extension};
pub use ehlo_name::{EhloName, EhloNameError};

// A look at a server.
mod probe;
mod transcript;

pub use probe::{Action, Fault, Probe, Stage, Summary};
pub use transcript::{Channel, Direction, TranscriptLine};

// The side that is called, and the side that hands a message over.
pub mod client;
pub mod server;

/// Octets from a stranger as text for people: printable US-ASCII as it is, the rest as `\r`, `\n`,
/// `\t` or `\x1b`. Never more than four characters an octet.
fn readable(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for octet in octets {
        match octet {
            b' '..=b'~' => text.push(char::from(*octet)),
            _ => text.extend(octet.escape_ascii().map(char::from)),
        }
    }
    text
}

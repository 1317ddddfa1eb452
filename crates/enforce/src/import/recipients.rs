//! Domains that mail was sent to: out of a list, or out of a mail server's log.
//!
//! Each line is judged by itself, so no form has to be named:
//!
//! * a single word is a domain, or a mailbox in it; `#` begins a comment;
//! * a line of Postfix counts if its `smtp` client wrote it: `… postfix/smtp[7]: …: to=<a@b.test>,
//!   relay=…`;
//! * a line of Exim's main log counts if it tells of a delivery, a failure or a delay: `… => `,
//!   `-> `, `== ` or `** ` and a mailbox.
//!
//! Other lines of a log are passed over.

use std::collections::HashSet;

use mail_domain::DomainName;

/// The domains of a list or log, each once.
#[derive(Debug, Default)]
pub struct Recipients {
    domains: HashSet<DomainName>,
    limit: usize,
}

/// What a line has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A domain that was not there before.
    New(DomainName),
    /// One that was.
    Known,
    /// A domain for which there is no room.
    TooMany,
    /// Nothing that tells of a recipient.
    Nothing,
}

/// A word that should be a domain and is none. The text fits after "failed to ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the domain")]
pub struct NotADomain;

impl Recipients {
    /// The longest line that is looked at, in octets: 64 KiB.
    pub const LONGEST_LINE: usize = 65_536;

    /// Room for so many domains.
    pub fn new(limit: usize) -> Self {
        Self { domains: HashSet::new(), limit }
    }

    /// Takes in a line, with or without its end.
    ///
    /// # Errors
    ///
    /// [`NotADomain`] if the line is a single word and no domain.
    pub fn read_line(&mut self, line: &[u8]) -> Result<Seen, NotADomain> {
        let Some(domain) = domain_of(line)? else { return Ok(Seen::Nothing) };
        if self.domains.contains(&domain) {
            return Ok(Seen::Known);
        }
        if self.domains.len() >= self.limit {
            return Ok(Seen::TooMany);
        }
        self.domains.insert(domain.clone());
        Ok(Seen::New(domain))
    }

    /// How many domains there are.
    pub fn count(&self) -> usize {
        self.domains.len()
    }
}

fn domain_of(line: &[u8]) -> Result<Option<DomainName>, NotADomain> {
    let line = line.trim_ascii();
    if line.len() > Recipients::LONGEST_LINE {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(line);
    let uncommented = text.split('#').next().unwrap_or_default().trim();
    let mut words = uncommented.split_whitespace();
    match (words.next(), words.next()) {
        (None, _) => Ok(None),
        (Some(word), None) => {
            let domain = word.rsplit_once('@').map_or(word, |(_, domain)| domain);
            domain.trim_end_matches('>').parse().map(Some).map_err(|_| NotADomain)
        }
        // What looks like a recipient in a log may be one of a local mailbox, or an address.
        (Some(_), Some(_)) => {
            let mailbox = postfix_recipient(&text).or_else(|| exim_recipient(&text));
            let domain = mailbox.and_then(|mailbox| mailbox.rsplit_once('@'));
            Ok(domain.and_then(|(_, domain)| domain.parse().ok()))
        }
    }
}

/// The recipient of a delivery by Postfix's `smtp` client.
fn postfix_recipient(line: &str) -> Option<&str> {
    let (program, rest) = line.split_once("]: ")?;
    program.rsplit_once('[')?.0.ends_with("/smtp").then_some(())?;
    let (_, behind) = rest.split_once(": to=<")?;
    Some(behind.split_once(">, ")?.0)
}

/// The recipient of a delivery by Exim: the first word behind the sign.
fn exim_recipient(line: &str) -> Option<&str> {
    let signs = [" => ", " -> ", " == ", " ** "];
    let places = signs.iter().filter_map(|sign| line.split_once(sign));
    // The first sign in the line counts: others may stand in what a server has answered.
    let (_, behind) = places.min_by_key(|(before, _)| before.len())?;
    behind.split([' ', ':']).next()
}

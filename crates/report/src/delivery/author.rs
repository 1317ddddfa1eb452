//! Who writes the mails, and signs them.

use std::{io::Read as _, path::Path, path::PathBuf};

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_dkim::{Selector, SignError, SigningKey, SigningKeyError};
use sealpost_store::submissions::Claim;
use tls_rpt::{
    ComposedMail, MailAddress, MailAddressError, MailHead, MessageId, MessageIdError, PackedReport,
    Purpose,
};

use super::mark::mark;
use crate::section::Delivery;

/// The largest key file that is read, in octets.
const LARGEST_KEY: u64 = 64 * 1024;

/// Who writes the mails.
#[derive(Debug)]
pub struct Author {
    from: MailAddress,
    return_path: MailAddress,
    delimiter: Option<char>,
    keys: Vec<Key>,
    secret: String,
}

#[derive(Debug)]
struct Key {
    key: SigningKey,
    selector: Selector,
    domain: DomainName,
}

/// Why mails cannot be written. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// The contact, from which mails are by default.
    #[error("write mails from {contact}: {reason}")]
    Contact {
        /// The contact.
        contact: String,
        /// Why it is no address.
        reason: MailAddressError,
    },
    /// A file of a key.
    #[error("read the DKIM key: {0}")]
    File(#[from] std::io::Error),
    /// What stands in it.
    #[error("read the DKIM key in {}: {reason}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: SigningKeyError,
    },
}

/// A mail with its envelope.
pub(super) struct WrittenMail {
    pub(super) sender: MailAddress,
    pub(super) mail: ComposedMail,
}

/// Why a mail cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("its id: {0}")]
    Id(#[from] MessageIdError),
    #[error("its date: {0}")]
    Date(#[from] jiff::Error),
    #[error("its signature: {0}")]
    Signature(#[from] SignError),
    #[error("its return path: {0}")]
    ReturnPath(#[from] MailAddressError),
}

impl Author {
    /// Reads the keys. `contact` is that of the reports; `secret` makes the marks of the mails.
    ///
    /// # Errors
    ///
    /// If a key cannot be read, or the contact is no address.
    pub fn new(delivery: &Delivery, contact: &str, secret: String) -> Result<Self, AuthorError> {
        let from = match &delivery.from {
            Some(from) => from.clone(),
            None => MailAddress::parse(contact)
                .map_err(|reason| AuthorError::Contact { contact: contact.to_owned(), reason })?,
        };
        let read = |key: &crate::section::DkimKey| -> Result<Key, AuthorError> {
            Ok(Key {
                key: read_key(&key.key)?,
                selector: key.selector.clone(),
                domain: key.domain.clone().unwrap_or_else(|| from.domain().clone()),
            })
        };
        let keys = delivery.dkim.iter().map(read).collect::<Result<_, _>>()?;
        let return_path = delivery.return_path.clone().unwrap_or_else(|| from.clone());
        Ok(Self { from, return_path, delimiter: delivery.return_path_delimiter, keys, secret })
    }

    /// Whether mails are signed here.
    pub fn signs(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Writes the mail of a submission. At each attempt it is the same, octet for octet.
    pub(super) fn write(
        &self,
        claim: &Claim,
        report: &PackedReport,
        to: &MailAddress,
    ) -> Result<WrittenMail, WriteError> {
        let mark = mark(&self.secret, claim.id, &claim.rua);
        let date = Timestamp::from_second(claim.first_try)?;
        let plain = report.mail(&MailHead {
            from: &self.from,
            to,
            date,
            message_id: &MessageId::new(&mark, self.from.domain())?,
            purpose: Purpose::Report,
        });
        let mut mail = plain.clone();
        for Key { key, selector, domain } in &self.keys {
            let field =
                sealpost_dkim::sign(plain.octets(), key, selector, domain, claim.first_try)?;
            mail = mail.with_signature(&field);
        }
        let sender = match self.delimiter {
            None => self.return_path.clone(),
            Some(delimiter) => {
                let (name, domain) = (self.return_path.local_part(), self.return_path.domain());
                MailAddress::parse(&format!("{name}{delimiter}{mark}@{domain}"))?
            }
        };
        Ok(WrittenMail { sender, mail })
    }
}

/// The key in a file, as PEM.
pub(crate) fn read_key(file: &Path) -> Result<SigningKey, AuthorError> {
    let mut pem = Vec::new();
    fs_err::File::open(file)?.take(LARGEST_KEY).read_to_end(&mut pem)?;
    SigningKey::from_pem(&pem).map_err(|reason| AuthorError::Key { file: file.to_owned(), reason })
}

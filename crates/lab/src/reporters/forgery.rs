//! What is sent in the name of a reporter.

use super::account::Account;
use super::json::Written;
use super::month::Way;
use super::sign::{Draft, OUTSIDER, signers};
use super::{mail, traffic::DAY};

/// How a report is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Forgery {
    /// The mail has no signature.
    Unsigned,
    /// It is signed in the name of the reporter with a key that is not the reporter's.
    WrongKey,
    /// The text was changed after it was signed.
    Changed,
    /// It is signed by somebody else than `From` names.
    OtherSigner,
    /// It is a genuine signature of a genuine mail, with another `From` put on top.
    SecondFrom,
    /// It is posted from anywhere.
    Posted,
}

impl Forgery {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unsigned,
        Self::WrongKey,
        Self::Changed,
        Self::OtherSigner,
        Self::SecondFrom,
        Self::Posted,
    ];

    /// What is sent: `written` is made up, sent at `at` and signed at `signed_at`, both in seconds
    /// since 1970.
    pub(super) fn way(self, account: &Account, written: &Written, at: i64, signed_at: i64) -> Way {
        let reporter = account.reporter;
        let draft = mail::draft(account, written, at);
        let octets = match self {
            Self::Unsigned => draft.signed([], signed_at),
            Self::WrongKey => {
                let forged: Vec<_> =
                    signers(reporter).map(|signer| signer.with_wrong_key()).collect();
                draft.signed(&forged, signed_at)
            }
            Self::Changed => {
                let as_signed = Draft { fields: draft.fields.clone(), body: "--x\r\n".to_owned() };
                let signatures = as_signed.signed(signers(reporter), signed_at);
                let header = signatures.len() - as_signed.signed([], signed_at).len();
                let signatures = signatures.get(..header).unwrap_or_default().to_vec();
                [signatures, draft.signed([], signed_at)].concat()
            }
            Self::OtherSigner => draft.signed([&OUTSIDER], signed_at),
            Self::SecondFrom => {
                let genuine = Draft {
                    fields: draft
                        .fields
                        .iter()
                        .map(|(name, value)| match *name {
                            "From" => ("From", format!("tls@{}", OUTSIDER.domain)),
                            name => (name, value.clone()),
                        })
                        .collect(),
                    body: draft.body.clone(),
                };
                let on_top = draft.fields.iter().find(|(name, _)| *name == "From");
                let from = on_top.map_or(String::new(), |(_, value)| format!("From: {value}\r\n"));
                [from.into_bytes(), genuine.signed([&OUTSIDER], signed_at)].concat()
            }
            Self::Posted => {
                let from =
                    std::net::IpAddr::from([203, 0, 113, u8::try_from(at % 250).unwrap_or(0)]);
                let body = written.json.clone();
                return Way::Post { from, media_type: "application/tlsrpt+json", body };
            }
        };
        Way::Mail { to: account.domain.report_to.to_owned(), octets }
    }

    /// What is claimed: the same days and the same domain, and numbers that were never true.
    pub(super) fn claim(account: &Account) -> Account {
        let successful = account.successful.saturating_add(1_000_000);
        Account { successful, failures: std::collections::BTreeMap::new(), ..account.clone() }
    }

    /// When it is sent: with the genuine one or a day after it.
    pub(super) fn delay(self) -> i64 {
        match self {
            Self::Unsigned | Self::Posted => 60,
            _ => DAY,
        }
    }
}

//! What went wrong in a session.

use std::borrow::Cow;
use std::net::IpAddr;

use mail_domain::DomainName;
use serde::{Deserialize, Serialize};

use super::normal;
use crate::ResultType;

/// A failure, without what changes from session to session, so that equal ones can be counted.
///
/// Its order is that of its fields; it has no other meaning than to be the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionFailure {
    /// What went wrong; a registered type.
    pub result_type: ResultType,
    /// The address of the mail server that sent.
    pub sending_mta_ip: Option<IpAddr>,
    /// The MX that was tried.
    pub receiving_mx_hostname: Option<DomainName>,
    /// The name by which the MX introduced itself: one word of at most 255 characters.
    pub receiving_mx_helo: Option<String>,
    /// The address of the MX.
    pub receiving_ip: Option<IpAddr>,
    /// A URI.
    pub additional_information: Option<String>,
    /// What exactly went wrong: visible characters and single blanks, at most 256.
    pub failure_reason_code: Option<String>,
}

/// The texts of a failure, as the mail server wrote them.
#[derive(Default)]
pub(super) struct Texts<'t> {
    pub(super) sending_mta_ip: Option<Cow<'t, str>>,
    pub(super) receiving_mx_hostname: Option<Cow<'t, str>>,
    pub(super) receiving_mx_helo: Option<Cow<'t, str>>,
    pub(super) receiving_ip: Option<Cow<'t, str>>,
    pub(super) additional_information: Option<Cow<'t, str>>,
    pub(super) failure_reason_code: Option<Cow<'t, str>>,
}

/// The reason of a failure that stands for others that are not kept apart.
const OTHERS: &str = "further-failures-not-listed";

/// As it is stored, with the letters of libtlsrpt.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    c: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    s: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    h: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    r: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    f: Option<String>,
}

impl SessionFailure {
    /// A failure of this type of which nothing else is known.
    pub fn new(result_type: ResultType) -> Self {
        Self {
            result_type,
            sending_mta_ip: None,
            receiving_mx_hostname: None,
            receiving_mx_helo: None,
            receiving_ip: None,
            additional_information: None,
            failure_reason_code: None,
        }
    }

    /// A failure from its texts, and whether every address and name in them was one.
    pub(super) fn from_texts(result_type: ResultType, texts: Texts<'_>) -> (Self, bool) {
        let mut is_whole = true;
        let mut address = |text: Option<Cow<'_, str>>| {
            let text = text.filter(|text| !text.is_empty())?;
            let address = normal::address(&text);
            is_whole &= address.is_some();
            address
        };
        let (sending_mta_ip, receiving_ip) =
            (address(texts.sending_mta_ip), address(texts.receiving_ip));
        let host = texts.receiving_mx_hostname.filter(|text| !text.is_empty());
        let receiving_mx_hostname = host.and_then(|text| {
            let name = DomainName::parse(&text).ok();
            is_whole &= name.is_some();
            name
        });
        let mut reason = texts.failure_reason_code.and_then(|text| normal::reason(&text));
        let mut information = None;
        if let Some(text) = texts.additional_information {
            // What is no URI may stand where free text may.
            match normal::uri(&text) {
                Some(uri) => information = Some(uri),
                None => reason = reason.or_else(|| normal::reason(&text)),
            }
        }
        let failure = Self {
            result_type,
            sending_mta_ip,
            receiving_mx_hostname,
            receiving_mx_helo: texts.receiving_mx_helo.and_then(|text| normal::helo(&text)),
            receiving_ip,
            additional_information: information,
            failure_reason_code: reason,
        };
        (failure, is_whole)
    }

    /// How much memory it takes, about, in octets.
    pub fn octets(&self) -> usize {
        let texts =
            [&self.receiving_mx_helo, &self.additional_information, &self.failure_reason_code];
        let name = self.receiving_mx_hostname.as_ref().map_or(0, |name| name.as_str().len());
        texts.into_iter().flatten().map(String::len).sum::<usize>() + name + 256
    }

    /// What stands for failures of this type beyond those that are kept apart. A report says so in
    /// its reason code.
    pub fn others(result_type: ResultType) -> Self {
        Self { failure_reason_code: Some(OTHERS.to_owned()), ..Self::new(result_type) }
    }

    /// Whether it stands for others.
    pub fn is_others(&self) -> bool {
        *self == Self::others(self.result_type.clone())
    }

    /// As JSON, for a store. Equal failures have equal texts.
    pub fn to_json(&self) -> String {
        let name = self.receiving_mx_hostname.as_ref().map(|name| name.as_str().to_owned());
        let stored = Stored {
            c: self.result_type.as_str().to_owned(),
            s: self.sending_mta_ip,
            n: name,
            h: self.receiving_mx_helo.clone(),
            r: self.receiving_ip,
            a: self.additional_information.clone(),
            f: self.failure_reason_code.clone(),
        };
        // Strings and addresses always have a form in JSON.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// From what [`Self::to_json`] wrote; `None` from anything else.
    pub fn from_json(text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        let name = stored.n.as_deref().map(DomainName::parse).transpose().ok()?;
        Some(Self {
            result_type: ResultType::from(stored.c.as_str()),
            sending_mta_ip: stored.s,
            receiving_mx_hostname: name,
            receiving_mx_helo: stored.h,
            receiving_ip: stored.r,
            additional_information: stored.a,
            failure_reason_code: stored.f,
        })
    }
}

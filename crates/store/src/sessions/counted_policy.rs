//! A policy as counters have it.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use mail_domain::DomainName;
use tls_rpt::{PolicyType, SeenPolicy};

use super::text::{NAME, Text};

/// A policy that sessions are counted under: its text, and whether that is stored.
///
/// There are as many as counters, and they lie all over the memory. So each is in few pieces, and its
/// text is made once, however often the numbers are written.
#[derive(Debug)]
pub struct CountedPolicy {
    text: Box<str>,
    name: OnceLock<[u8; NAME]>,
    is_stored: AtomicBool,
    /// The host of TLSA records.
    host: Option<DomainName>,
}

impl CountedPolicy {
    /// One that is not stored as far as is known.
    pub fn of(policy: &SeenPolicy) -> Self {
        let is_of_host = policy.policy_type == PolicyType::Tlsa;
        Self {
            text: policy.to_json().into(),
            name: OnceLock::new(),
            is_stored: AtomicBool::new(false),
            host: is_of_host.then(|| policy.domain.clone()),
        }
    }

    /// The text, which is equal where the policies are.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the text in the store. It is made once: the earlier, the less is to be done while it
    /// is written.
    pub fn name(&self) -> &[u8] {
        self.name.get_or_init(|| Text::name(&self.text))
    }

    pub(super) fn host(&self) -> Option<&DomainName> {
        self.host.as_ref()
    }

    pub(super) fn is_stored(&self) -> bool {
        self.is_stored.load(Ordering::Relaxed)
    }

    pub(super) fn note_stored(&self) {
        self.is_stored.store(true, Ordering::Relaxed);
    }
}

/// Whether it is stored is no part of it.
impl PartialEq for CountedPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CountedPolicy {}

//! What is served, in memory.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use mail_domain::DomainName;

/// The body for each policy host. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<RwLock<HashMap<Box<str>, Arc<[u8]>>>>);

/// The answers to challenges by http-01. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens(Arc<RwLock<HashMap<Box<str>, Token>>>);

#[derive(Debug)]
struct Token {
    name: String,
    answer: String,
}

impl Shelf {
    /// What is served at this host, whose name is in lower case.
    pub(crate) fn body(&self, host: &str) -> Option<Arc<[u8]>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    /// From now on this is served, or nothing.
    pub(crate) fn put(&self, changes: impl IntoIterator<Item = (DomainName, Option<Arc<[u8]>>)>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (host, body) in changes {
            match body {
                Some(body) => all.insert(host.as_str().into(), body),
                None => all.remove(host.as_str()),
            };
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Tokens {
    /// The answer for this token at this host.
    pub(crate) fn answer(&self, host: &str, token: &str) -> Option<String> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(host).filter(|known| known.name == token).map(|known| known.answer.clone())
    }

    pub(crate) fn set(&self, host: &DomainName, token: &str, answer: String) {
        let token = Token { name: token.to_owned(), answer };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(host.as_str().into(), token);
    }

    pub(crate) fn remove(&self, host: &DomainName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(host.as_str());
    }
}

//! What is configured now, where that may change while a pass is under way.

use std::sync::Arc;

use mail_domain::DomainName;
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::{Domains, PublishedDomain};

/// What is configured now; nothing where it stays as it is as long as anybody passes. Clones are the
/// same.
#[derive(Clone, Debug, Default)]
pub(super) struct Configured(Option<Arc<RwLock<Arc<Domains>>>>);

/// While it lives, nothing else is configured.
pub(super) struct Hold<'a> {
    _guard: Option<RwLockReadGuard<'a, Arc<Domains>>>,
}

impl Configured {
    pub(super) fn of(domains: Arc<Domains>) -> Self {
        Self(Some(Arc::new(RwLock::new(domains))))
    }

    /// These from now on: what still goes by those before has been written when this returns.
    pub(super) async fn replace(&self, domains: Arc<Domains>) {
        if let Some(configured) = &self.0 {
            *configured.write().await = domains;
        }
    }

    /// Keeps the configuration of a domain as it is; `None` if it is another one already.
    pub(super) async fn hold(&self, published: &PublishedDomain) -> Option<Hold<'_>> {
        let Some(configured) = &self.0 else { return Some(Hold { _guard: None }) };
        let now = configured.read().await;
        let is_same = now.of(&published.domain).is_some_and(|now| now.is_as(published));
        is_same.then_some(Hold { _guard: Some(now) })
    }

    /// Keeps a domain configured, however; `None` if it is not any more.
    pub(super) async fn hold_any(&self, domain: &DomainName) -> Option<Hold<'_>> {
        let Some(configured) = &self.0 else { return Some(Hold { _guard: None }) };
        let now = configured.read().await;
        now.of(domain).is_some().then_some(Hold { _guard: Some(now) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Section;

    fn domains(text: &str) -> Domains {
        let section: Section = toml::from_str(text).unwrap();
        Domains::load(&section, "sealpost.toml", text).unwrap()
    }

    #[tokio::test]
    async fn what_is_configured_otherwise_meanwhile_is_noticed() {
        let name: DomainName = "a.test".parse().unwrap();
        let begun = domains("[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\n");
        let moved = domains("\n\n[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\n");
        let other = domains("[domains.\"a.test\"]\nmx = [\"mx.b.test\"]\n");
        let published = begun.of(&name).unwrap();
        let configured = Configured::of(Arc::new(begun.clone()));
        assert!(configured.hold(published).await.is_some());
        configured.replace(Arc::new(moved)).await;
        assert!(configured.hold(published).await.is_some(), "only its line is another");
        configured.replace(Arc::new(other)).await;
        assert!(configured.hold(published).await.is_none());
        assert!(configured.hold_any(&name).await.is_some());
        configured.replace(Arc::default()).await;
        assert!(configured.hold(published).await.is_none(), "it is gone");
        assert!(configured.hold_any(&name).await.is_none());
        assert!(Configured::default().hold(published).await.is_some());
    }

    #[tokio::test]
    async fn nothing_else_is_configured_while_it_is_held() {
        let begun = domains("[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\n");
        let published = begun.iter().next().unwrap();
        let configured = Configured::of(Arc::new(begun.clone()));
        let hold = configured.hold(published).await.unwrap();
        let later = configured.clone();
        let replaced = tokio::spawn(async move { later.replace(Arc::default()).await });
        tokio::task::yield_now().await;
        assert!(!replaced.is_finished());
        drop(hold);
        replaced.await.unwrap();
        assert!(configured.hold(published).await.is_none());
    }
}

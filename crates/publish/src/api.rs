//! What the role tells about itself.

use std::sync::Arc;

use sealpost_runtime::metrics::Exposition;

use crate::{DriveMetrics, PolicyHost};

/// Tells of the leading of domains, and of the policy host if there is one.
pub struct PublishApi {
    host: Option<PolicyHost>,
    drive: Arc<DriveMetrics>,
}

impl PublishApi {
    /// Tells of these.
    pub fn new(host: Option<PolicyHost>, drive: Arc<DriveMetrics>) -> Self {
        Self { host, drive }
    }

    /// Writes all that is counted.
    pub fn write_metrics(&self, text: &mut Exposition) {
        if let Some(host) = &self.host {
            text.table(&*host.metrics());
        }
        text.table(&*self.drive);
    }

    /// Whether what is configured is served, as far as is known: whoever asks sets nothing off.
    ///
    /// # Errors
    ///
    /// Why not, for people; what was served is served on.
    pub fn readiness(&self) -> Result<(), String> {
        self.host.as_ref().map_or(Ok(()), PolicyHost::readiness)
    }
}

#[cfg(test)]
mod tests {
    use sealpost_net::{Network, Settings};
    use sealpost_runtime::Clock;
    use sealpost_store::Store;

    use super::*;
    use crate::{Domains, Section};

    #[tokio::test]
    async fn who_cannot_read_the_stages_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let settings = sealpost_store::Settings::at(folder.path().join("store.sqlite"));
        let store = Store::open(settings).await.unwrap();
        let resolvers = vec!["127.0.0.1:53".parse().unwrap()];
        let settings = Settings { resolvers, ..Settings::default() };
        let network = Network::new(settings, Clock::system()).unwrap();
        let (section, domains) = (Section::default(), Domains::default());
        let host = PolicyHost::prepare(&section, domains, &store, network, Clock::system());
        let host = host.await.unwrap();
        let api = PublishApi::new(Some(host.clone()), Arc::default());
        assert_eq!(api.readiness(), Ok(()));
        store.close().await;
        assert_eq!(api.readiness(), Ok(()), "nothing is read for who asks");
        host.refresh().await.unwrap_err();
        let why = api.readiness().unwrap_err();
        assert!(why.starts_with("failed to "), "{why}");
    }
}

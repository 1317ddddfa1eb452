//! What the role tells about itself.

use std::sync::Arc;

use sealpost_runtime::metrics::Exposition;

use crate::{DriveMetrics, HostError, PolicyHost};

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

    /// Whether what is configured is served: stages can be read, and no body waits for the store.
    ///
    /// # Errors
    ///
    /// [`HostError`]: what was served is served on.
    pub async fn readiness(&self) -> Result<(), HostError> {
        match &self.host {
            Some(host) => host.refresh().await.map(drop),
            None => Ok(()),
        }
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
        let api = PublishApi::new(Some(host.await.unwrap()), Arc::default());
        assert!(api.readiness().await.is_ok());
        store.close().await;
        let error = api.readiness().await.unwrap_err();
        assert_eq!(error.to_string(), "use the store");
    }
}

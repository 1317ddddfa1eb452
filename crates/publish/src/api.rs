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

//! What is counted about the roles.

use sealpost_runtime::metrics::{CounterVec, GaugeVec};

use super::role::RoleName;

sealpost_runtime::metric_table! {
    /// What `serve` counts.
    pub(crate) struct ServeMetrics {
        up: GaugeVec<RoleName> = "sealpost_role_up", "Whether the role runs: 1, or 0 if it has failed and waits for its next start, or was not asked for.";
        failures: CounterVec<RoleName> = "sealpost_role_failures_total", "Times that the role failed as a whole and had to be started again. Other roles go on meanwhile.";
    }
}

//! The interface for the operator and Prometheus.

use std::sync::Arc;

use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_runtime::metrics::{Exposition, Process};

use super::PolicyHost;
use crate::PublishMetrics;

/// Answers `GET /health` and `GET /metrics`; there is no password, so listen on this machine only.
pub struct HostApi {
    host: PolicyHost,
    metrics: Arc<PublishMetrics>,
    process: Process,
}

impl HostApi {
    /// Tells of this host. `version` is that of the program.
    pub fn new(host: PolicyHost, version: &'static str) -> Self {
        let metrics = host.metrics();
        Self { host, metrics, process: Process::new(version) }
    }

    fn metrics(&self) -> Response {
        let mut text = Exposition::default();
        text.table(&*self.metrics);
        text.table(&self.process);
        Response::new(Status::Ok, Exposition::CONTENT_TYPE, text.into_string())
    }

    /// Whether what is configured is served: stages can be read, and no body waits for the store.
    async fn health(&self) -> Response {
        match self.host.refresh().await {
            Ok(_) => Response::text(Status::Ok, "ok\n"),
            Err(error) => {
                Response::text(Status::ServiceUnavailable, format!("failed to {error}\n"))
            }
        }
    }
}

impl HttpService for HostApi {
    async fn respond(&self, request: Request) -> Response {
        if request.method != Method::Get {
            return Response::method_not_allowed("GET, HEAD");
        }
        match request.segments().as_slice() {
            ["health"] => self.health().await,
            ["metrics"] => self.metrics(),
            _ => Response::not_found(),
        }
    }
}

//! The interface for people and Prometheus, over HTTP.

use std::sync::Arc;

use sealpost_evidence::traffic::Day;
use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_runtime::metrics::{Exposition, Process};
use sealpost_store::Sessions;

use crate::ReportMetrics;

/// Answers `GET /metrics` and `GET /health`. Nothing can be changed here, and no domain is named;
/// there is no password, so listen on this machine only.
pub struct ReportApi {
    metrics: Arc<ReportMetrics>,
    sessions: Sessions,
    process: Process,
}

impl ReportApi {
    /// Tells of these. `version` is that of the program.
    pub fn new(metrics: Arc<ReportMetrics>, sessions: Sessions, version: &'static str) -> Self {
        Self { metrics, sessions, process: Process::new(version) }
    }

    /// Writes the metrics of the role.
    pub fn write_metrics(&self, text: &mut Exposition) {
        text.table(&*self.metrics);
    }

    fn metrics(&self) -> Response {
        let mut text = Exposition::default();
        self.write_metrics(&mut text);
        text.table(&self.process);
        Response::new(Status::Ok, Exposition::CONTENT_TYPE, text.into_string())
    }

    /// Whether counters can be read.
    async fn health(&self) -> Response {
        match self.sessions.days(Day::new(i64::MAX), 1).await {
            Ok(_) => Response::text(Status::Ok, "ok\n"),
            Err(error) => {
                Response::text(Status::ServiceUnavailable, format!("failed to {error}\n"))
            }
        }
    }
}

impl HttpService for ReportApi {
    async fn respond(&self, request: Request) -> Response {
        let segments = request.segments();
        if request.method != Method::Get {
            return Response::method_not_allowed("GET, HEAD");
        }
        match segments.as_slice() {
            ["metrics"] => self.metrics(),
            ["health"] => self.health().await,
            _ => Response::not_found(),
        }
    }
}

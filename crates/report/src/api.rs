//! The interface for people and Prometheus, over HTTP.

use std::sync::{Arc, OnceLock};

use sealpost_evidence::traffic::Day;
use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_runtime::metrics::{Exposition, Process};
use sealpost_store::Sessions;

use crate::{ReportMetrics, SessionPosts};

/// Answers `GET /metrics` and `GET /health`, where nothing can be changed and no domain is named:
/// there is no password, so listen on this machine only. If it is told to, it counts what is posted
/// to `/v1/sessions` with a token.
pub struct ReportApi {
    metrics: Arc<ReportMetrics>,
    sessions: Sessions,
    process: Process,
    posts: OnceLock<SessionPosts>,
}

impl ReportApi {
    /// Tells of these. `version` is that of the program.
    pub fn new(metrics: Arc<ReportMetrics>, sessions: Sessions, version: &'static str) -> Self {
        Self { metrics, sessions, process: Process::new(version), posts: OnceLock::new() }
    }

    /// From now on it counts what is posted.
    pub fn take_posts(&self, posts: SessionPosts) {
        // An error means that it does already.
        let _ = self.posts.set(posts);
    }

    /// What answers this request, if it is a post of sessions.
    fn posts(&self, request: &Request) -> Option<&SessionPosts> {
        let is_of_posts = request.segments() == SessionPosts::PATH;
        self.posts.get().filter(|_| is_of_posts)
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
    fn admit(&self, head: &Request) -> Option<Response> {
        self.posts(head)?.admit(head)
    }

    async fn respond(&self, request: Request) -> Response {
        if let Some(posts) = self.posts(&request) {
            return posts.respond(request).await;
        }
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

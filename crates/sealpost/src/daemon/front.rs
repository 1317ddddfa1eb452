//! One address for people and Prometheus, whatever roles run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealpost_alert::AlertMetrics;
use sealpost_check::scheduled::CheckMetrics;
use sealpost_enforce::HttpApi;
use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_publish::{Leader, PublishApi};
use sealpost_receive::ReceiveApi;
use sealpost_report::ReportApi;
use sealpost_runtime::metrics::{Exposition, Process};
use sealpost_web::Site;

use super::metrics::ServeMetrics;
use super::report::Doctor;
use super::role::RoleName;

/// Who speaks for a role over HTTP.
#[derive(Clone)]
pub(super) enum Voice {
    Enforce(Arc<HttpApi>),
    Receive(Arc<ReceiveApi>),
    Report(Arc<ReportApi>, Arc<Doctor>),
    Publish(Arc<PublishApi>, Leader),
    Check(Arc<CheckMetrics>),
    Alert(Arc<AlertMetrics>),
}

/// What answers there: `/metrics` with those of all roles, `/healthz` (the process works), `/readyz`
/// (every role runs), what the roles answer below `/v1`, and the pages.
#[derive(Clone)]
pub(super) struct Facade {
    pub(super) front: Front,
    pub(super) site: Site,
}

/// Which roles run, and who speaks for them. Clones are the same.
#[derive(Clone)]
pub(super) struct Front {
    shared: Arc<Shared>,
}

struct Shared {
    /// The roles that were asked for; those that have failed have no voice.
    voices: Mutex<BTreeMap<RoleName, Option<Voice>>>,
    /// Something of the pages could not be opened.
    pages_wait: AtomicBool,
    metrics: ServeMetrics,
    process: Process,
}

impl Voice {
    /// What a role that runs cannot do all the same, if there is such a thing.
    fn readiness(&self) -> Result<(), String> {
        match self {
            Self::Publish(api, _) => {
                api.readiness().map_err(|why| format!("serves what it served before: {why}"))
            }
            Self::Enforce(_)
            | Self::Receive(_)
            | Self::Report(..)
            | Self::Check(_)
            | Self::Alert(_) => Ok(()),
        }
    }
}

impl Front {
    pub(super) fn new() -> Self {
        let process = Process::new(env!("CARGO_PKG_VERSION"));
        let (voices, metrics) = (Mutex::default(), ServeMetrics::default());
        let pages_wait = AtomicBool::new(false);
        Self { shared: Arc::new(Shared { voices, pages_wait, metrics, process }) }
    }

    /// The role runs.
    pub(super) fn up(&self, name: RoleName, voice: Voice) {
        self.shared.metrics.up.set(name, 1);
        self.voices().insert(name, Some(voice));
    }

    /// The role has stopped, and shall run again.
    pub(super) fn down(&self, name: RoleName) {
        self.shared.metrics.up.set(name, 0);
        self.voices().insert(name, None);
    }

    /// The role is no longer asked for.
    pub(super) fn forget(&self, name: RoleName) {
        self.shared.metrics.up.set(name, 0);
        self.voices().remove(&name);
    }

    /// Whether something of the pages could not be opened, and is tried again.
    pub(super) fn pages_wait(&self, wait: bool) {
        self.shared.pages_wait.store(wait, Ordering::Relaxed);
    }

    pub(super) fn metrics(&self) -> &ServeMetrics {
        &self.shared.metrics
    }

    /// Who leads domains on, while somebody does.
    pub(super) fn leader(&self) -> Option<Leader> {
        match self.voices().get(&RoleName::Publish) {
            Some(Some(Voice::Publish(_, leader))) => Some(leader.clone()),
            _ => None,
        }
    }

    /// Who speaks for a role, while it runs.
    pub(super) fn voice(&self, name: RoleName) -> Option<Voice> {
        self.voices().get(&name).cloned().flatten()
    }

    fn voices(&self) -> MutexGuard<'_, BTreeMap<RoleName, Option<Voice>>> {
        self.shared.voices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exposition(&self, site: &Site) -> Response {
        let voices: Vec<Voice> = self.voices().values().flatten().cloned().collect();
        let mut text = Exposition::default();
        for voice in voices {
            match voice {
                Voice::Enforce(api) => api.write_metrics(&mut text),
                Voice::Receive(api) => api.write_metrics(&mut text),
                Voice::Report(api, _) => api.write_metrics(&mut text),
                Voice::Publish(api, _) => api.write_metrics(&mut text),
                Voice::Check(metrics) => text.table(&*metrics),
                Voice::Alert(metrics) => text.table(&*metrics),
            }
        }
        site.write_metrics(&mut text);
        text.table(self.metrics());
        text.table(&self.shared.process);
        Response::new(Status::Ok, Exposition::CONTENT_TYPE, text.into_string())
    }

    /// Of what the roles know: anybody may ask, as often as he likes.
    fn readiness(&self) -> Response {
        let voices = self.voices();
        let mut text = String::new();
        let mut is_ready = !voices.is_empty();
        for (name, voice) in &*voices {
            let state = match voice {
                None => Err("has failed and is tried again".to_owned()),
                Some(voice) => voice.readiness(),
            };
            is_ready &= state.is_ok();
            let state = state.err().unwrap_or_else(|| "runs".to_owned());
            text.push_str(&format!("{}: {state}\n", name.as_str()));
        }
        if self.shared.pages_wait.load(Ordering::Relaxed) {
            is_ready = false;
            text.push_str("pages: cannot be opened in full and are tried again\n");
        }
        let status = if is_ready { Status::Ok } else { Status::ServiceUnavailable };
        Response::text(status, text)
    }

    /// What a role answers below `/v1`, if it runs.
    async fn of_role(&self, name: RoleName, request: Request) -> Response {
        match self.voice(name) {
            Some(Voice::Enforce(api)) => api.respond(request).await,
            Some(Voice::Receive(api)) => api.respond(request).await,
            Some(Voice::Report(api, _)) => api.respond(request).await,
            Some(Voice::Publish(..) | Voice::Check(_) | Voice::Alert(_)) | None => {
                Response::not_found()
            }
        }
    }
}

impl HttpService for Facade {
    async fn respond(&self, request: Request) -> Response {
        let segments = request.segments();
        let is_get = request.method == Method::Get;
        match segments.as_slice() {
            ["metrics" | "healthz" | "readyz"] | ["v1", "enforce" | "observed", ..] if !is_get => {
                Response::method_not_allowed("GET, HEAD")
            }
            ["metrics"] => match self.site.refusal_from_afar(&request).await {
                Some(refusal) => refusal,
                None => self.front.exposition(&self.site),
            },
            ["healthz"] => Response::text(Status::Ok, "ok\n"),
            ["readyz"] => self.front.readiness(),
            ["v1", "enforce" | "observed", ..] => match self.site.refusal(&request).await {
                Some(refusal) => refusal,
                None => self.front.of_role(RoleName::Enforce, request).await,
            },
            _ => self.site.respond(request).await,
        }
    }
}

//! The interface for people and Prometheus, over HTTP.

use std::sync::{Mutex, PoisonError};

use sealpost_listen::{
    http::{HttpService, Method, Request, Response, Status},
    smtp::{SmtpCounters, SmtpCounts},
};
use sealpost_runtime::metrics::{CounterVec, Exposition, Process};

use crate::{ReadingRoom, metrics::MailRefusal};

/// Answers `GET /metrics` and `GET /health`. Nothing can be changed here, and no report is shown;
/// there is no password, so listen on this machine only.
pub struct ReceiveApi {
    room: ReadingRoom,
    smtp: MailCounts,
    lmtp: MailCounts,
    process: Process,
}

/// The counts of a door, and what was seen of them last.
struct MailCounts {
    counters: SmtpCounters,
    seen: Mutex<SmtpCounts>,
}

impl ReceiveApi {
    /// Tells of this room and of these doors. `version` is that of the program.
    pub fn new(
        room: ReadingRoom,
        smtp: SmtpCounters,
        lmtp: SmtpCounters,
        version: &'static str,
    ) -> Self {
        let (smtp, lmtp) = (MailCounts::of(smtp), MailCounts::of(lmtp));
        Self { room, smtp, lmtp, process: Process::new(version) }
    }

    /// Writes the metrics of the role.
    pub fn write_metrics(&self, text: &mut Exposition) {
        let metrics = self.room.metrics();
        let sessions =
            self.smtp.take_over(&metrics.smtp_refused) + self.lmtp.take_over(&metrics.lmtp_refused);
        metrics.smtp_sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        metrics.waiting.set(i64::try_from(self.room.waiting()).unwrap_or(i64::MAX));
        text.table(metrics);
    }

    fn metrics(&self) -> Response {
        let mut text = Exposition::default();
        self.write_metrics(&mut text);
        text.table(&self.process);
        Response::new(Status::Ok, Exposition::CONTENT_TYPE, text.into_string())
    }

    /// Whether reports can be stored and read: the raw file answers.
    async fn health(&self) -> Response {
        match self.room.intake().raw().list(0, 1).await {
            Ok(_) => Response::text(Status::Ok, "ok\n"),
            Err(error) => {
                Response::text(Status::ServiceUnavailable, format!("failed to {error}\n"))
            }
        }
    }
}

impl MailCounts {
    fn of(counters: SmtpCounters) -> Self {
        Self { counters, seen: Mutex::default() }
    }

    /// Adds what was refused since the last time, and gives the sessions that are open.
    fn take_over(&self, refused: &CounterVec<MailRefusal>) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.counters.read();
        for (why, count) in MailRefusal::between(&seen, &now) {
            refused.add(why, count);
        }
        *seen = now;
        now.open
    }
}

impl HttpService for ReceiveApi {
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

//! The interface for people and programs beside the mail server, over HTTP.

use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_rules::matrix::SenderDecision;
use sealpost_runtime::metrics::{Exposition, Process};
use sealpost_wire::postfix::Key;
use serde::Serialize;
use serde_json::json;

use crate::{Answerer, DaneAnswers, DecisionLabel, Observation};

/// Answers `GET /v1/enforce/DOMAIN`, `/v1/enforce`, `/v1/observed`, `/metrics` and `/health`.
///
/// A domain may be written as a next hop of Postfix: `[mail.example.com]:587` too. Nothing can be
/// changed here; there is no password, so listen on this machine only.
pub struct HttpApi {
    answerer: Answerer,
    process: Process,
}

/// How often a decision was made.
#[derive(Clone, Copy, Debug)]
pub struct DecisionCount {
    /// The decision.
    pub decision: SenderDecision,
    /// Answers that mail servers got.
    pub answered: u64,
    /// Answers that were only recorded.
    pub observed: u64,
}

impl HttpApi {
    /// Tells of these answers. `version` is that of the program.
    pub fn new(answerer: Answerer, version: &'static str) -> Self {
        Self { answerer, process: Process::new(version) }
    }

    /// What is answered about a next hop, and why.
    async fn explain(&self, key: &str) -> Response {
        let key = Key::parse(key.as_bytes());
        let Some(domain) = key.policy_domain().cloned() else {
            let error =
                json!({ "error": "not a domain name, nor a next hop as Postfix writes it" });
            return json_of(Status::BadRequest, &error);
        };
        json_of(Status::Ok, &self.answerer.explain(&key, &domain).await)
    }

    fn overview(&self) -> Response {
        let (policies, without_policy) = self.answerer.enforcer().sizes();
        let dane = match self.answerer.dane() {
            DaneAnswers::On => "on",
            DaneAnswers::Off => "off",
        };
        let exceptions: Vec<_> = self
            .answerer
            .exceptions()
            .all()
            .map(|(domain, exception)| json!({ "domain": domain, "exception": exception.to_string() }))
            .collect();
        let overview = json!({
            "mode": self.answerer.settings().mode,
            "dane": dane,
            "policies": policies,
            "without_policy": without_policy,
            "exceptions": exceptions,
        });
        json_of(Status::Ok, &overview)
    }

    /// How often each decision was made since the start.
    pub fn decisions(&self) -> impl Iterator<Item = DecisionCount> {
        let metrics = self.answerer.metrics();
        SenderDecision::ALL.into_iter().map(|decision| DecisionCount {
            decision,
            answered: metrics.answers.value(DecisionLabel(decision)),
            observed: metrics.observed.value(DecisionLabel(decision)),
        })
    }

    /// The last answers that were only recorded and would have demanded something, the newest first.
    pub fn observations(&self) -> Vec<Observation> {
        self.answerer.observations().last()
    }

    fn observed(&self) -> Response {
        let counts: serde_json::Map<String, serde_json::Value> = self
            .decisions()
            .map(|counted| (counted.decision.as_str().to_owned(), counted.observed.into()))
            .collect();
        json_of(Status::Ok, &json!({ "counts": counts, "last": self.observations() }))
    }

    /// Writes the metrics of the role.
    pub fn write_metrics(&self, text: &mut Exposition) {
        self.answerer.measure();
        text.table(self.answerer.metrics());
    }

    fn metrics(&self) -> Response {
        let mut text = Exposition::default();
        self.write_metrics(&mut text);
        text.table(&self.process);
        Response::new(Status::Ok, Exposition::CONTENT_TYPE, text.into_string())
    }
}

impl HttpService for HttpApi {
    async fn respond(&self, request: Request) -> Response {
        let segments = request.segments();
        if request.method != Method::Get {
            return Response::method_not_allowed("GET, HEAD");
        }
        match segments.as_slice() {
            ["v1", "enforce"] => self.overview(),
            ["v1", "enforce", key] => self.explain(key).await,
            ["v1", "observed"] => self.observed(),
            ["metrics"] => self.metrics(),
            ["health"] => Response::text(Status::Ok, "ok\n"),
            _ => Response::not_found(),
        }
    }
}

fn json_of(status: Status, value: &impl Serialize) -> Response {
    match serde_json::to_vec_pretty(value) {
        Ok(mut text) => {
            text.push(b'\n');
            Response::json(status, text)
        }
        // Maps with keys that are no strings, of which there are none.
        Err(error) => Response::text(Status::InternalServerError, format!("{error}\n")),
    }
}

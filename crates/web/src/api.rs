//! `/api/v1`: what the pages show, as JSON, and its description in OpenAPI.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use sealpost_listen::http::{Response, Status};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::model;

/// An answer in JSON.
pub(crate) fn json_of(status: Status, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => Response::json(status, text),
        Err(error) => {
            tracing::error!(%error, "an answer could not be made");
            Response::text(Status::InternalServerError, "the answer could not be made\n")
        }
    }
}

/// Why there is no other answer.
pub(crate) fn error(status: Status, text: &str) -> Response {
    json_of(status, &json!({ "error": text }))
}

type SchemaOf = fn(&mut SchemaGenerator) -> schemars::Schema;

/// One thing that can be asked.
struct Operation {
    path: &'static str,
    summary: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    /// What is sent along, if something is to be changed.
    wish: Option<SchemaOf>,
    answer: SchemaOf,
}

impl Operation {
    /// What programs call it: `domains_domain_mx`.
    fn id(&self) -> String {
        let path = self.path.trim_start_matches("/api/v1/");
        path.chars()
            .filter(|c| !matches!(c, '{' | '}'))
            .map(|c| if c == '/' { '_' } else { c })
            .collect()
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> schemars::Schema {
    generator.subschema_for::<T>()
}

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/domains",
        summary: "Every domain, what needs a person first, 500 at a time",
        parameters: &[
            ("q", "a text that the name has in it"),
            ("after", "the `next` of the page before"),
        ],
        wish: None,
        answer: schema_of::<model::Domains>,
    },
    Operation {
        path: "/api/v1/domains/{domain}",
        summary: "One domain",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::Domain>,
    },
    Operation {
        path: "/api/v1/domains/{domain}/mx",
        summary: "The MX hosts of a domain, as they were last seen",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::MxHosts>,
    },
    Operation {
        path: "/api/v1/domains/{domain}/events",
        summary: "What has changed at a domain from look to look, newest first",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::Events>,
    },
    Operation {
        path: "/api/v1/domains/{domain}/move",
        summary: "Move a domain to another stage",
        parameters: &[],
        wish: Some(schema_of::<model::MoveWish>),
        answer: schema_of::<model::Done>,
    },
    Operation {
        path: "/api/v1/domains/{domain}/waive",
        summary: "Let a domain leave its stage without the evidence of reports",
        parameters: &[],
        wish: Some(schema_of::<model::WaiveWish>),
        answer: schema_of::<model::Done>,
    },
    Operation {
        path: "/api/v1/domains/{domain}/accept",
        summary: "Accept kinds of failures of a domain as explained",
        parameters: &[],
        wish: Some(schema_of::<model::AcceptWish>),
        answer: schema_of::<model::Done>,
    },
    Operation {
        path: "/api/v1/reports",
        summary: "Reports, newest first, 100 at a time",
        parameters: &[
            ("scope", "counted, unverified or not-ours"),
            ("domain", "the policy domain"),
            ("failing", "true: only those that tell of failures"),
            ("after", "the `next` of the page before"),
        ],
        wish: None,
        answer: schema_of::<model::Reports>,
    },
    Operation {
        path: "/api/v1/reports/{id}",
        summary: "One report with everything in it",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::Report>,
    },
    Operation {
        path: "/api/v1/incidents",
        summary: "Incidents, the last first, 100 at a time",
        parameters: &[
            ("phase", "open or resolved"),
            ("domain", "the policy domain"),
            ("before", "the `next` of the page before"),
        ],
        wish: None,
        answer: schema_of::<model::Incidents>,
    },
    Operation {
        path: "/api/v1/incidents/{incident}",
        summary: "One incident, and what was told of it",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::Incident>,
    },
    Operation {
        path: "/api/v1/incidents/{incident}/acknowledge",
        summary: "Take an incident in hand: nobody is told of it again until the end",
        parameters: &[],
        wish: Some(schema_of::<model::AcknowledgeWish>),
        answer: schema_of::<model::Done>,
    },
    Operation {
        path: "/api/v1/policies",
        summary: "The policies that are held for mail servers that send, 500 at a time",
        parameters: &[
            ("q", "a text that the name has in it"),
            ("after", "the `next` of the page before"),
        ],
        wish: None,
        answer: schema_of::<model::Policies>,
    },
    Operation {
        path: "/api/v1/decisions",
        summary: "What mail servers that send were told since the role enforce was started",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::DecisionsMade>,
    },
    Operation {
        path: "/api/v1/unreached",
        summary: "Domains that mail does not reach securely now, 500 at a time",
        parameters: &[("after", "the `next` of the page before")],
        wish: None,
        answer: schema_of::<model::Unreached>,
    },
    Operation {
        path: "/api/v1/deliveries",
        summary: "The reports that we send, in the order of queuing, 200 at a time",
        parameters: &[
            ("state", "waiting, accepted, refused, expired, reserve, spared or dropped"),
            ("after", "the `next` of the page before"),
        ],
        wish: None,
        answer: schema_of::<model::Deliveries>,
    },
    Operation {
        path: "/api/v1/sessions",
        summary: "The sessions of a day by domain, as mail servers told of them, 200 at a time",
        parameters: &[
            ("day", "the day, today if none is given"),
            ("after", "the `next` of the page before"),
        ],
        wish: None,
        answer: schema_of::<model::Sessions>,
    },
    Operation {
        path: "/api/v1/doctor",
        summary: "Whether the reports that we send would be believed, as it was last looked at",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::Doctor>,
    },
    Operation {
        path: "/api/v1/activity",
        summary: "Who did what here, newest first, 200 at a time",
        parameters: &[("before", "the `next` of the page before")],
        wish: None,
        answer: schema_of::<model::Acts>,
    },
    Operation {
        path: "/api/v1/settings",
        summary: "The settings in force, and the tokens without their secrets",
        parameters: &[],
        wish: None,
        answer: schema_of::<model::Settings>,
    },
];

/// The description of all this, OpenAPI 3.1.
pub(crate) fn description(version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let paths: Map<String, Value> = OPERATIONS
        .iter()
        .map(|operation| (operation.path.to_owned(), described(operation, &mut generator)))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "sealpost", "version": version, "license": { "name": "MIT OR Apache-2.0" } },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "made by `sealpost web token new`",
            } },
        },
        // Without a password nobody on this machine needs a token to look.
        "security": [{ "token": [] }, {}],
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let in_path = operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let in_path = in_path.map(|name| {
        let kind = if name == "id" { "integer" } else { "string" };
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } })
    });
    let in_query = operation.parameters.iter().map(|(name, description)| {
        let schema = json!({ "type": "string" });
        json!({ "name": name, "in": "query", "description": description, "schema": schema })
    });
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let schema = (operation.answer)(generator);
    let content = json!({ "application/json": { "schema": schema } });
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "As asked", "content": content }));
    let always = ["400", "401", "404", "503"];
    let of_changes = ["403", "409", "413", "415"];
    let is_change = operation.wish.is_some();
    for status in always.into_iter().chain(of_changes.into_iter().filter(|_| is_change)) {
        responses.insert(status.to_owned(), error_described(status));
    }
    let (id, summary) = (operation.id(), operation.summary);
    let Some(wish) = operation.wish else {
        return json!({ "get": {
            "operationId": id,
            "summary": summary,
            "parameters": parameters,
            "responses": responses,
        } });
    };
    let schema = wish(generator);
    json!({ "post": {
        "operationId": id,
        "summary": summary,
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema } },
        },
        "responses": responses,
        "security": [{ "token": [] }],
    } })
}

fn error_described(status: &str) -> Value {
    let json = json!({ "schema": {
        "type": "object",
        "required": ["error"],
        "properties": { "error": { "type": "string" } },
    } });
    // What is no request of HTTP, or too large, is refused before anybody looks at what it asks for.
    let content = match status {
        "400" | "413" | "503" => json!({
            "application/json": json,
            "text/plain": { "schema": { "type": "string" } },
        }),
        _ => json!({ "application/json": json }),
    };
    json!({ "description": "Why not", "content": content })
}

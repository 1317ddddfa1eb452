//! In and out: who asks, log-in, log-out, and what those hear who are not let in.

use std::fmt::Write as _;

use sealpost_listen::http::{Method, Request, Response, Status};
use sealpost_store::{Act, ActKind};

use super::{Refusal, Site, parameter};
use crate::{
    access::{Caller, NotIn, Turned, Who},
    api,
    metrics::{LogIn, Refused},
    pages::{self, Frame},
};

/// The longest target that is come back to after a log-in.
const LONGEST_TARGET: usize = 1_000;

impl Site {
    pub(super) async fn caller(&self, request: &Request) -> Result<Caller, Turned> {
        let now = self.desk.clock.now().as_second();
        self.access.caller(request, &self.desk.store.tokens(), now).await
    }

    /// What somebody hears who is not let in.
    pub(super) async fn turned(&self, turned: Turned, request: &Request) -> Response {
        let is_program = request
            .path
            .first()
            .is_some_and(|part| matches!(part.as_str(), "api" | "csv" | "v1" | "metrics"));
        match turned {
            Turned::Away(refused, why) => {
                self.metrics.refused.increment(refused);
                Response::text(Status::Forbidden, why)
            }
            Turned::Token => {
                self.metrics.refused.increment(Refused::Token);
                self.note_refusal(request, "a program", "unknown token").await;
                api::error(Status::Unauthorized, "the token is not known, or has ended")
                    .field("www-authenticate", "Bearer realm=\"sealpost\", error=\"invalid_token\"")
            }
            Turned::Unknown if is_program => {
                self.metrics.refused.increment(Refused::Unknown);
                api::error(Status::Unauthorized, "a token is wanted: `sealpost web token new`")
                    .field("www-authenticate", "Bearer realm=\"sealpost\"")
            }
            Turned::Unknown if self.access.has_password() => {
                let to = encoded(&page(request));
                // Whoever sent a form has to know that nothing came of it.
                let undone = if request.method == Method::Get { "" } else { "&undone=yes" };
                Response::text(Status::SeeOther, "log in first\n")
                    .field("location", &format!("/login?to={to}{undone}"))
            }
            Turned::Unknown => {
                self.metrics.refused.increment(Refused::Unknown);
                Response::text(Status::Forbidden, "the proxy does not say who this is\n")
            }
            Turned::Store(error) => {
                let (status, text) = Refusal::Store(error).told();
                Response::text(status, format!("{text}\n"))
            }
        }
    }

    pub(super) fn log_in_page(&self, request: &Request) -> Response {
        let to = parameter(request, "to").unwrap_or("/").to_owned();
        let undone = "nothing was done, for nobody was logged in any more: log in, and do it again";
        let trouble = parameter(request, "undone").map(|_| undone.to_owned());
        self.log_in_form(Status::Ok, to, trouble)
    }

    fn log_in_form(&self, status: Status, to: String, trouble: Option<String>) -> Response {
        if !self.access.has_password() {
            let text = "nobody logs in here: [web] names no password_file".to_owned();
            let frame = Frame::default();
            let page = pages::Message { frame, title: "No log-in", text, back: None };
            return pages::page(Status::NotFound, &page);
        }
        let to = if is_here(&to) { to } else { "/".to_owned() };
        pages::page(status, &pages::LogIn { frame: Frame::default(), to, trouble })
    }

    pub(super) async fn log_in(&self, request: &Request) -> Response {
        let form = request.form().unwrap_or_default();
        let field = |wanted: &str| {
            let found = form.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let to = field("to");
        let trouble = |status, text: String| self.log_in_form(status, to.clone(), Some(text));
        if !self.access.has_password() {
            return trouble(Status::NotFound, String::new());
        }
        if !self.access.is_from_us(request) {
            self.metrics.refused.increment(Refused::Forgery);
            self.note_refusal(request, "somebody", "forged form").await;
            return trouble(Status::Forbidden, "the form did not come from this page".to_owned());
        }
        match self.access.log_in(request, field("password")).await {
            Ok(cookie) => {
                self.metrics.log_ins.increment(LogIn::Right);
                self.note_access(request, "log-in", "the operator", "welcome").await;
                let to = if is_here(&to) { to } else { "/".to_owned() };
                Response::text(Status::SeeOther, "welcome\n")
                    .field("location", &to)
                    .field("set-cookie", &cookie)
            }
            Err(NotIn::Wrong) => {
                self.metrics.log_ins.increment(LogIn::Wrong);
                self.note_access(request, "log-in", "somebody", "wrong password").await;
                trouble(Status::Forbidden, "this is not the password".to_owned())
            }
            Err(NotIn::TooOften(wait)) => {
                self.metrics.log_ins.increment(LogIn::TooOften);
                self.note_refusal(request, "somebody", "too many tries").await;
                let seconds = wait.as_secs() + 1;
                let text = format!("too many tries; the next may be in {seconds} seconds");
                trouble(Status::TooManyRequests, text).retry_after(wait)
            }
            Err(NotIn::Broken) => {
                let text = "the system gives no random octets".to_owned();
                trouble(Status::InternalServerError, text)
            }
        }
    }

    pub(super) async fn log_out(&self, request: &Request) -> Response {
        let home = Response::text(Status::SeeOther, "good-bye\n").field("location", "/");
        let Ok(caller) = self.caller(request).await else { return home };
        if !matches!(caller.who, Who::Operator(_)) {
            return home;
        }
        if let Err(refused) = self.admit_form(request, &caller).await {
            return refused;
        }
        self.note_access(request, "log-out", &caller.name(), "good-bye").await;
        home.field("set-cookie", &self.access.log_out(request))
    }

    /// Whether a form comes from a page of ours and from this caller; or what he hears.
    pub(super) async fn admit_form(
        &self,
        request: &Request,
        caller: &Caller,
    ) -> Result<(), Response> {
        let form = request.form().unwrap_or_default();
        let mark = form.iter().find(|(name, _)| name == "mark").map(|(_, value)| value.as_str());
        let is_marked = mark.is_some_and(|mark| self.access.is_marked(caller, mark));
        if is_marked && self.access.is_from_us(request) {
            return Ok(());
        }
        self.metrics.refused.increment(Refused::Forgery);
        self.note_refusal(request, &caller.name(), "forged form").await;
        let text = "the form did not come from a page that was shown to you; open the page again";
        let frame = self.frame(&[], caller);
        let (text, back) = (text.to_owned(), form_page(request));
        let page = pages::Message { frame, title: "Refused", text, back };
        Err(pages::page(Status::Forbidden, &page))
    }

    async fn note_access(&self, request: &Request, what: &str, who: &str, outcome: &str) {
        self.note(Act {
            kind: ActKind::Access,
            at: self.desk.clock.now().as_second(),
            who: who.to_owned(),
            source: self.access.source(request),
            what: what.to_owned(),
            about: String::new(),
            outcome: outcome.to_owned(),
        })
        .await;
    }

    /// Somebody was refused. Of many refusals in a short time only some are written down.
    pub(super) async fn note_refusal(&self, request: &Request, who: &str, why: &str) {
        if !self.access.is_noted(request) {
            return;
        }
        self.note(Act {
            kind: ActKind::Refusal,
            at: self.desk.clock.now().as_second(),
            who: who.to_owned(),
            source: self.access.source(request),
            what: "refused".to_owned(),
            about: target(request),
            outcome: why.to_owned(),
        })
        .await;
    }

    /// Writes into the audit log, if that can be written.
    pub(super) async fn note(&self, act: Act) {
        tracing::info!(what = act.what, who = act.who, source = act.source, outcome = act.outcome);
        if let Err(error) = self.desk.store.audit().note(act).await {
            tracing::error!(%error, "the audit log could not be written");
        }
    }
}

/// The page that is come back to: what was to be done there is done by its form alone.
fn page(request: &Request) -> String {
    match request.method {
        Method::Get => target(request),
        _ => form_page(request).unwrap_or_else(|| "/".to_owned()),
    }
}

/// The page of which this is a form, if it is on a page of something.
pub(super) fn form_page(request: &Request) -> Option<String> {
    match request.segments().as_slice() {
        [what @ ("domains" | "incidents"), name, _] => Some(format!("/{what}/{}", encoded(name))),
        _ => None,
    }
}

/// What was asked for, as it stands in a link.
fn target(request: &Request) -> String {
    let mut target: String =
        request.path.iter().map(|part| format!("/{}", encoded(part))).collect();
    for (place, (name, value)) in request.query.iter().enumerate() {
        let sign = if place == 0 { '?' } else { '&' };
        target.push_str(&format!("{sign}{}={}", encoded(name), encoded(value)));
    }
    target
}

/// Every octet but letters, digits and a few signs as `%XX` (RFC 3986 §2.1).
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{octet:02X}");
        }
    }
    encoded
}

/// Whether a target leads to a page of ours: what a browser could take for another host does not.
fn is_here(target: &str) -> bool {
    let mut octets = target.bytes();
    octets.next() == Some(b'/')
        && !matches!(octets.next(), Some(b'/' | b'\\'))
        && target.len() <= LONGEST_TARGET
        && target.bytes().all(|octet| octet.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_log_in_nobody_is_led_elsewhere() {
        for target in ["/", "/domains/a.example", "/reports?scope=counted&domain=a.example"] {
            assert!(is_here(target), "{target}");
        }
        for target in [
            "",
            "domains",
            "//evil.example/",
            "/\\evil.example/",
            "https://evil.example/",
            "/\r\nSet-Cookie: a=b",
            "/\u{202e}",
            "javascript:alert(1)",
            &format!("/{}", "x".repeat(1_000)),
        ] {
            assert!(!is_here(target), "{target:?}");
        }
    }

    #[test]
    fn everything_that_could_mean_something_is_encoded() {
        assert_eq!(encoded("a-b.c_d~e"), "a-b.c_d~e");
        assert_eq!(encoded("/?&=%\"<>\r\nü"), "%2F%3F%26%3D%25%22%3C%3E%0D%0A%C3%BC");
    }
}

//! Sessions that programs post over HTTP, as JSON.

use std::sync::Arc;

use jiff::Timestamp;
use sealpost_listen::http::{HttpService, Method, Request, Response, Status};
use sealpost_runtime::Clock;
use sealpost_store::Digest;
use serde::Serialize;
use tls_rpt::{Session, SessionReading};

use crate::{Intake, ReportMetrics, TimedSession};

/// The most sessions in one post.
const MOST_SESSIONS: usize = 10_000;
/// How far ahead the clock of another machine may be, in seconds.
const CLOCKS_APART: i64 = 300;
/// The shortest token: one that cannot be guessed.
const SHORTEST_TOKEN: usize = 16;
/// What the field `Authorization` begins with (RFC 6750).
const SCHEME: &str = "bearer";

/// Counts sessions that are posted to `/v1/sessions` by whoever has the token.
///
/// The body holds one session, or several, one on each line: the JSON that libtlsrpt sends. It is
/// answered with success only after all of them have been counted; what cannot be read makes that
/// nothing of the body is. With `?at=TIME` they are of that time.
pub struct SessionPosts {
    /// Compared in place of the token: how long that takes tells nothing of it.
    token: Digest,
    intake: Intake,
    clock: Clock,
    metrics: Arc<ReportMetrics>,
}

/// There is no token, or one that could be guessed. The text fits after "failed to ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the token: it is shorter than {SHORTEST_TOKEN} characters, or has blanks in it")]
pub struct TokenError;

/// What is answered.
#[derive(Serialize)]
struct Counted {
    /// Sessions that were counted.
    counted: usize,
    /// Sessions for which there was no room: they are lost, and need not be sent again.
    uncounted: usize,
}

impl SessionPosts {
    /// The path, for [`ReportApi`](crate::ReportApi).
    pub const PATH: [&'static str; 2] = ["v1", "sessions"];

    /// Counts into `intake` what comes with this token, around which white space does not count.
    ///
    /// # Errors
    ///
    /// [`TokenError`]
    pub fn new(
        token: &str,
        intake: Intake,
        clock: Clock,
        metrics: Arc<ReportMetrics>,
    ) -> Result<Self, TokenError> {
        let token = token.trim();
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(TokenError);
        }
        Ok(Self { token: Digest::of(token.as_bytes()), intake, clock, metrics })
    }

    fn refuse(&self, response: Response) -> Response {
        self.metrics.post_refused.increment();
        response
    }

    fn is_authorized(&self, request: &Request) -> bool {
        let field = request.fields.single("authorization").unwrap_or_default();
        let Some((scheme, token)) = field.trim().split_once(' ') else { return false };
        scheme.eq_ignore_ascii_case(SCHEME) && Digest::of(token.trim().as_bytes()) == self.token
    }
}

impl HttpService for SessionPosts {
    fn admit(&self, head: &Request) -> Option<Response> {
        if head.method != Method::Post {
            return Some(self.refuse(Response::method_not_allowed("POST")));
        }
        if !self.is_authorized(head) {
            let text = "the token is missing or wrong: send `Authorization: Bearer TOKEN`\n";
            return Some(self.refuse(Response::text(Status::Forbidden, text)));
        }
        None
    }

    async fn respond(&self, request: Request) -> Response {
        let now = self.clock.now().as_second();
        let read = at(&request.query, now).and_then(|at| Ok((at, read(&request.body)?)));
        let (at, sessions) = match read {
            Ok(read) => read,
            Err(why) => {
                return self.refuse(Response::text(Status::UnprocessableContent, why));
            }
        };
        let all = sessions.len();
        let sessions = sessions.into_iter().map(|reading| TimedSession { reading, at }).collect();
        // They are counted even if the client does not wait for the answer.
        let counted = match self.intake.count(sessions).await {
            Ok(0) => {
                let text = "no session was counted: the memory is full, and the store cannot be \
                            written\n";
                return self.refuse(Response::text(Status::ServiceUnavailable, text));
            }
            Ok(counted) => counted,
            Err(error) => {
                let text = format!("failed to {error}\n");
                return self.refuse(Response::text(Status::ServiceUnavailable, text));
            }
        };
        self.metrics.posted.add(u64::try_from(counted).unwrap_or(u64::MAX));
        let answer = Counted { counted, uncounted: all.saturating_sub(counted) };
        // Numbers always have a form in JSON.
        Response::json(Status::Ok, serde_json::to_vec(&answer).unwrap_or_default())
    }
}

/// When the sessions were: now, unless `at` says it, as it does for those that had to wait.
fn at(query: &[(String, String)], now: i64) -> Result<i64, String> {
    let mut times = query.iter().filter(|(name, _)| name == "at");
    let at = match (times.next(), times.next()) {
        (None, _) => return Ok(now),
        (Some((_, text)), None) => text.parse::<Timestamp>().ok().map(Timestamp::as_second),
        (Some(_), Some(_)) => None,
    };
    let at = at.filter(|at| (0..=now.saturating_add(CLOCKS_APART)).contains(at));
    at.ok_or_else(|| {
        "nothing was counted: `at` is no time such as 2026-11-26T10:00:00Z, or one in the future\n"
            .to_owned()
    })
}

/// The sessions of a body, or what is wrong with it.
fn read(body: &[u8]) -> Result<Vec<SessionReading>, String> {
    // One session may be written over several lines.
    if let Ok(session) = Session::read(body) {
        return Ok(vec![session]);
    }
    let mut sessions = Vec::new();
    for (number, line) in body.split(|octet| *octet == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if sessions.len() == MOST_SESSIONS {
            return Err(format!(
                "nothing was counted: there are more than {MOST_SESSIONS} sessions\n"
            ));
        }
        match Session::read(line) {
            Ok(session) => sessions.push(session),
            Err(refusal) => {
                let number = number.saturating_add(1);
                return Err(format!("nothing was counted: in line {number} {refusal}\n"));
            }
        }
    }
    if sessions.is_empty() {
        return Err("nothing was counted: there is no session in it\n".to_owned());
    }
    Ok(sessions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"dpv":"1","d":"a.test","policies":[{"policy-type":9,"t":0,"f":0}]}"#;

    #[test]
    fn a_body_is_read_as_a_whole_or_not_at_all() {
        let good = |body: &str, expected: usize| {
            assert_eq!(read(body.as_bytes()).unwrap().len(), expected)
        };
        good(GOOD, 1);
        good(&format!("\n{GOOD}\r\n\n{GOOD}"), 2);
        good(&GOOD.replace(',', ",\n"), 1);
        let bad = |body: &[u8], expected: &str| {
            let why = read(body).unwrap_err();
            assert_eq!(why, format!("nothing was counted: {expected}\n"));
        };
        bad(b"", "there is no session in it");
        bad(b" \n\n", "there is no session in it");
        bad(b"\xff\xfe", "in line 1 it is no JSON object");
        bad(format!("[{GOOD}]").as_bytes(), "in line 1 it is no JSON object");
        bad(format!("{GOOD}\n{GOOD}\n{{").as_bytes(), "in line 3 it breaks off");
        bad(format!("{GOOD}\n\n{{}}\n{GOOD}").as_bytes(), "in line 3 `d` is missing");
        bad(format!("{GOOD}\n").repeat(10_001).as_bytes(), "there are more than 10000 sessions");
    }

    #[test]
    fn sessions_are_of_now_unless_a_time_is_given() {
        const NOW: i64 = 1_795_651_200;
        let of = |query: &[(&str, &str)]| {
            let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            at(&query.iter().map(owned).collect::<Vec<_>>(), NOW).ok()
        };
        assert_eq!(of(&[]), Some(NOW));
        assert_eq!(of(&[("after", "x")]), Some(NOW));
        assert_eq!(of(&[("at", "2026-11-25T23:59:59Z")]), Some(NOW - 1));
        assert_eq!(of(&[("at", "2026-11-26T01:00:00+01:00")]), Some(NOW));
        assert_eq!(of(&[("at", "2026-11-26T00:05:00Z")]), Some(NOW + 300));
        for bad in ["", "now", "2026-11-26", "2026-11-26T00:05:01Z", "1969-12-31T23:59:59Z"] {
            assert_eq!(of(&[("at", bad)]), None, "{bad}");
        }
        let time = ("at", "2026-11-25T23:59:59Z");
        assert_eq!(of(&[time, time]), None);
    }

    #[tokio::test]
    async fn a_token_that_can_be_guessed_is_refused() {
        let (intake, _deliveries) = Intake::new();
        let new = |token: &str| {
            SessionPosts::new(token, intake.clone(), Clock::system(), Arc::default()).is_ok()
        };
        assert!(new("  0123456789abcdef\n"));
        for token in ["", "0123456789abcde", "0123456789 abcdef", "0123456789äbcdefg"] {
            assert!(!new(token), "{token}");
        }
    }
}

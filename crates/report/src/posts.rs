//! Sessions that programs post over HTTP, as JSON.

use std::sync::Arc;

use jiff::Timestamp;
use sealpost_evidence::traffic::Day;
use sealpost_listen::http::{Fields, HttpService, Method, Request, Response, Status};
use sealpost_runtime::Clock;
use sealpost_store::{
    Digest, Sessions, StoreError,
    sessions::{Epoch, HeldPost, SessionPost},
};
use serde::Serialize;
use tls_rpt::{Session, SessionReading};
use tokio::sync::OnceCell;

use crate::{
    Intake, IntakeClosed, ReportMetrics, TimedSession,
    posted::{Begun, Turn},
};

/// The most sessions in one post.
const MOST_SESSIONS: usize = 10_000;
/// How far ahead the clock of another machine may be, in seconds.
const CLOCKS_APART: i64 = 300;
/// The shortest token: one that cannot be guessed.
const SHORTEST_TOKEN: usize = 16;
/// The longest key of a post.
const LONGEST_KEY: usize = 255;
/// What the field `Authorization` begins with (RFC 6750).
const SCHEME: &str = "bearer";

/// Counts sessions that are posted to `/v1/sessions` by whoever has the token.
///
/// The body holds one session, or several, one on each line: the JSON that libtlsrpt sends. It is
/// answered with success only after all of them have been counted; what cannot be read makes that
/// nothing of the body is. With `?at=TIME` they are of that time.
///
/// A client that got no answer cannot know whether its post was counted. With the field
/// `Idempotency-Key` it may post it again: under one key, a post is counted once, also if this process
/// was started anew meanwhile or shares the store with others, and gets the answer of the first time.
pub struct SessionPosts {
    /// Compared in place of the token: how long that takes tells nothing of it.
    token: Digest,
    intake: Intake,
    sessions: Sessions,
    clock: Clock,
    retention_days: u16,
    metrics: Arc<ReportMetrics>,
    holder: Arc<Holder>,
}

/// The name under which this process holds keys of posts that it counts. What its node held before is
/// free.
struct Holder {
    name: String,
    epoch: OnceCell<Epoch>,
}

/// What is counted now, or was before.
enum Once {
    Now(u64, u64),
    Before(SessionPost),
}

/// What cannot be counted.
enum Uncounted {
    /// Its key stands for something else.
    OtherContent,
    /// It is being counted.
    UnderWay,
    /// No more keys can be kept.
    NoKeys,
    /// There is no room for any of it.
    NoRoom,
    /// Nobody counts.
    Closed(IntakeClosed),
    /// The store cannot tell whether it was counted.
    Store(StoreError),
    /// It broke off.
    Panicked,
}

/// There is no token, or one that could be guessed. The text fits after "failed to ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use the token: it is shorter than {SHORTEST_TOKEN} characters, or has blanks in it")]
pub struct TokenError;

/// What is answered.
#[derive(Serialize)]
struct Counted {
    /// Sessions that were counted.
    counted: u64,
    /// Sessions for which there was no room: they are lost, and need not be sent again.
    uncounted: u64,
}

impl SessionPosts {
    /// The path, for [`ReportApi`](crate::ReportApi).
    pub const PATH: [&'static str; 2] = ["v1", "sessions"];

    /// Counts into `intake` what comes with this token, around which white space does not count. `node`
    /// is the name under which this process counts. What is older than `retention_days` is refused:
    /// it would be forgotten at once.
    ///
    /// # Errors
    ///
    /// [`TokenError`]
    pub fn new(
        token: &str,
        node: &str,
        intake: Intake,
        sessions: Sessions,
        clock: Clock,
        retention_days: u16,
        metrics: Arc<ReportMetrics>,
    ) -> Result<Self, TokenError> {
        let token = token.trim();
        if token.len() < SHORTEST_TOKEN || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(TokenError);
        }
        let holder = Holder { name: format!("posts at {node}"), epoch: OnceCell::new() };
        Ok(Self {
            token: Digest::of(token.as_bytes()),
            intake,
            sessions,
            clock,
            retention_days,
            metrics,
            holder: Arc::new(holder),
        })
    }

    fn refuse(&self, response: Response) -> Response {
        self.metrics.post_refused.increment();
        response
    }

    /// Counts, and says how many were counted and how many were not.
    async fn count(&self, sessions: Vec<TimedSession>) -> Result<(u64, u64), Uncounted> {
        let numbers = count(&self.intake, sessions).await?;
        self.metrics.posted.add(numbers.0);
        Ok(numbers)
    }

    /// [`Self::count`], unless it was done under this key.
    async fn count_once(
        &self,
        post: SessionPost,
        sessions: Vec<TimedSession>,
    ) -> Result<(u64, u64), Uncounted> {
        let turn = match self.intake.posted.begin(post) {
            Begun::New(turn) => turn,
            Begun::Counted(first) => return self.again(&post, &first),
            Begun::UnderWay(first) if first.content != post.content => {
                return Err(Uncounted::OtherContent);
            }
            Begun::UnderWay(_) => return Err(Uncounted::UnderWay),
            Begun::Full => return Err(Uncounted::NoKeys),
        };
        // Whoever gives up the waiting does not cut it off: the key would be left without its end.
        let (intake, metrics, store) =
            (self.intake.clone(), Arc::clone(&self.metrics), self.sessions.clone());
        let (holder, now) = (Arc::clone(&self.holder), self.clock.now().as_microsecond());
        let counting = tokio::spawn(async move {
            let held = holder.hold(&store, post, now).await.map_err(Uncounted::Store)?;
            match held {
                HeldPost::New => {}
                HeldPost::Counted(first) => return Ok(Once::Before(first)),
                HeldPost::Elsewhere(first) if first.content != post.content => {
                    return Err(Uncounted::OtherContent);
                }
                HeldPost::Elsewhere(_) => return Err(Uncounted::UnderWay),
            }
            let (counted, uncounted) = count_under(&intake, &store, turn, sessions).await?;
            metrics.posted.add(counted);
            Ok(Once::Now(counted, uncounted))
        });
        match counting.await.unwrap_or(Err(Uncounted::Panicked))? {
            Once::Now(counted, uncounted) => Ok((counted, uncounted)),
            Once::Before(first) => self.again(&post, &first),
        }
    }

    /// What was answered to the first one.
    fn again(&self, post: &SessionPost, first: &SessionPost) -> Result<(u64, u64), Uncounted> {
        if post.content != first.content {
            return Err(Uncounted::OtherContent);
        }
        self.metrics.post_repeated.increment();
        Ok((first.counted, first.uncounted))
    }

    fn is_authorized(&self, request: &Request) -> bool {
        let field = request.fields.single("authorization").unwrap_or_default();
        let Some((scheme, token)) = field.trim().split_once(' ') else { return false };
        scheme.eq_ignore_ascii_case(SCHEME) && Digest::of(token.trim().as_bytes()) == self.token
    }
}

impl Holder {
    async fn hold(
        &self,
        sessions: &Sessions,
        post: SessionPost,
        now: i64,
    ) -> Result<HeldPost, StoreError> {
        let epoch = self.epoch.get_or_try_init(|| sessions.begin(&self.name, now)).await?;
        sessions.hold_post(post, epoch).await
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
        let key = match key(&request.fields) {
            Ok(key) => key,
            Err(why) => return self.refuse(Response::text(Status::BadRequest, why)),
        };
        let read = at(&request.query, now, self.retention_days)
            .and_then(|at| Ok((at, read(&request.body)?)));
        let (at, sessions) = match read {
            Ok(read) => read,
            Err(why) => {
                return self.refuse(Response::text(Status::UnprocessableContent, why));
            }
        };
        let sessions: Vec<_> =
            sessions.into_iter().map(|reading| TimedSession { reading, at }).collect();
        // They are counted even if the client does not wait for the answer.
        let counted = match key {
            None => self.count(sessions).await,
            Some(key) => {
                let post = SessionPost {
                    key,
                    content: content(&request),
                    counted: number(sessions.len()),
                    uncounted: 0,
                    posted_at: now,
                };
                self.count_once(post, sessions).await
            }
        };
        match counted {
            Ok((counted, uncounted)) => {
                let answer = Counted { counted, uncounted };
                // Numbers always have a form in JSON.
                Response::json(Status::Ok, serde_json::to_vec(&answer).unwrap_or_default())
            }
            Err(uncounted) => self.refuse(uncounted.into()),
        }
    }
}

impl From<Uncounted> for Response {
    fn from(uncounted: Uncounted) -> Self {
        let (status, text) = match uncounted {
            Uncounted::OtherContent => (
                Status::UnprocessableContent,
                "nothing was counted: this Idempotency-Key came before with another body or another \
                 `at`; each post has a key of its own"
                    .to_owned(),
            ),
            Uncounted::UnderWay => (
                Status::Conflict,
                "a post with this Idempotency-Key is being counted: ask again in a second".to_owned(),
            ),
            Uncounted::NoKeys => (
                Status::ServiceUnavailable,
                "nothing was counted: too many keys wait for the store, which cannot be written"
                    .to_owned(),
            ),
            Uncounted::NoRoom => (
                Status::ServiceUnavailable,
                "no session was counted: the memory is full, and the store cannot be written"
                    .to_owned(),
            ),
            Uncounted::Closed(error) => (Status::ServiceUnavailable, format!("failed to {error}")),
            Uncounted::Store(error) => (Status::ServiceUnavailable, format!("failed to {error}")),
            Uncounted::Panicked => {
                (Status::InternalServerError, "failed to count the sessions".to_owned())
            }
        };
        Self::text(status, format!("{text}\n"))
    }
}

async fn count(intake: &Intake, sessions: Vec<TimedSession>) -> Result<(u64, u64), Uncounted> {
    let all = sessions.len();
    match intake.count(sessions).await {
        Ok(0) => Err(Uncounted::NoRoom),
        Ok(counted) => Ok((number(counted), number(all.saturating_sub(counted)))),
        Err(error) => Err(Uncounted::Closed(error)),
    }
}

/// Counts what has the turn.
async fn count_under(
    intake: &Intake,
    store: &Sessions,
    turn: Turn,
    sessions: Vec<TimedSession>,
) -> Result<(u64, u64), Uncounted> {
    let key = turn.count();
    match count(intake, sessions).await {
        Ok((counted, uncounted)) => {
            turn.counted(counted, uncounted);
            Ok((counted, uncounted))
        }
        Err(uncounted) => {
            // It may be written already. Where it cannot be taken back, it was hardly written.
            let _ = store.forget_post(key).await;
            Err(uncounted)
        }
    }
}

/// The digest of the key under which something is posted.
fn key(fields: &Fields) -> Result<Option<Digest>, String> {
    if !fields.has("idempotency-key") {
        return Ok(None);
    }
    let value = fields.single("idempotency-key").map(str::trim).unwrap_or_default();
    // As a string of structured fields it stands in quotation marks.
    let key = value.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(value);
    let is_plain = |octet: u8| octet.is_ascii_graphic() && octet != b'"' && octet != b'\\';
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(is_plain) {
        return Err(format!(
            "nothing was counted: `Idempotency-Key` is not one key of 1 to {LONGEST_KEY} visible \
             characters\n"
        ));
    }
    Ok(Some(Digest::of(key.as_bytes())))
}

/// The digest of what is posted, and for which time.
fn content(request: &Request) -> Digest {
    let at = request.query.iter().find(|(name, _)| name == "at");
    let mut octets = at.map_or("", |(_, time)| time).as_bytes().to_vec();
    octets.push(b'\n');
    octets.extend_from_slice(&request.body);
    Digest::of(&octets)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// When the sessions were: now, unless `at` says it, as it does for those that had to wait.
fn at(query: &[(String, String)], now: i64, retention_days: u16) -> Result<i64, String> {
    if let Some((name, _)) = query.iter().find(|(name, _)| name != "at") {
        let name: String = name.chars().take(40).flat_map(char::escape_debug).collect();
        return Err(format!(
            "nothing was counted: `{name}` is unknown; in the query, only `at` is known\n"
        ));
    }
    let mut times = query.iter();
    let at = match (times.next(), times.next()) {
        (None, _) => return Ok(now),
        (Some((_, text)), None) => text.parse::<Timestamp>().ok().map(Timestamp::as_second),
        (Some(_), Some(_)) => None,
    };
    let at = at.filter(|at| (0..=now.saturating_add(CLOCKS_APART)).contains(at));
    let at = at.ok_or(
        "nothing was counted: `at` is no time such as 2026-11-26T10:00:00Z, or one in the future\n",
    )?;
    let first = Day::of(now).plus(-i64::from(retention_days));
    if Day::of(at) < first {
        return Err(format!(
            "nothing was counted: `at` is before {first}, and counters are kept for {retention_days} \
             days (`retention_days`)\n"
        ));
    }
    Ok(at)
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
    use sealpost_store::{Settings, Store};

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
            at(&query.iter().map(owned).collect::<Vec<_>>(), NOW, 35).ok()
        };
        assert_eq!(of(&[]), Some(NOW));
        // One that is misspelt must not make them of today.
        assert_eq!(of(&[("att", "2026-11-25T23:59:59Z")]), None);
        assert_eq!(of(&[("at", "2026-11-25T23:59:59Z"), ("after", "x")]), None);
        assert_eq!(of(&[("at", "2026-11-25T23:59:59Z")]), Some(NOW - 1));
        assert_eq!(of(&[("at", "2026-11-26T01:00:00+01:00")]), Some(NOW));
        assert_eq!(of(&[("at", "2026-11-26T00:05:00Z")]), Some(NOW + 300));
        assert_eq!(of(&[("at", "2026-10-22T00:00:00Z")]), Some(NOW - 35 * 86_400));
        assert_eq!(of(&[("at", "2026-10-21T23:59:59Z")]), None);
        for bad in ["", "now", "2026-11-26", "2026-11-26T00:05:01Z", "1969-12-31T23:59:59Z"] {
            assert_eq!(of(&[("at", bad)]), None, "{bad}");
        }
        let time = ("at", "2026-11-25T23:59:59Z");
        assert_eq!(of(&[time, time]), None);
    }

    #[tokio::test]
    async fn a_token_that_can_be_guessed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let (intake, _deliveries) = Intake::new(Arc::default());
        let (sessions, clock) = (store.sessions(), Clock::system());
        let new = |token: &str| {
            let (intake, sessions) = (intake.clone(), sessions.clone());
            SessionPosts::new(token, "node", intake, sessions, clock.clone(), 35, Arc::default())
                .is_ok()
        };
        assert!(new("  0123456789abcdef\n"));
        for token in ["", "0123456789abcde", "0123456789 abcdef", "0123456789äbcdefg"] {
            assert!(!new(token), "{token}");
        }
    }
}

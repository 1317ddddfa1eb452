//! What is remembered of a domain, for people and programs.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use mta_sts::{
    Mode, Policy, PolicyError,
    cache::{LONGEST_REFRESH, SHORTEST_REFRESH, UNUSED_LIMIT},
};
use sealpost_store::Remembered;
use serde::Serialize;

/// What the store remembers of a domain, with what follows from it.
///
/// Its `Display` is a page for people, in which nothing that came from outside stands unescaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// The policy domain.
    pub domain: String,
    /// The policy that was fetched last.
    pub policy: Option<ListedPolicy>,
    /// The fetches that have failed since.
    pub failures: Option<ListedFailures>,
    /// When somebody last asked for the domain. A use alone is not stored at once, so it may have
    /// been a day later.
    pub last_used: Option<Timestamp>,
}

/// A stored policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListedPolicy {
    /// What it demands; none if the text is not a policy.
    pub mode: Option<&'static str>,
    /// Whether it still applies.
    pub state: PolicyState,
    /// The id of the record under which it was fetched.
    pub id: String,
    /// When it was fetched.
    pub fetched_at: Option<Timestamp>,
    /// Until when it applies.
    pub expires_at: Option<Timestamp>,
    /// When it is fetched again at the latest, unless that fails or the daemon does not run. None
    /// if nobody has asked for so long that it is left to expire.
    pub refresh_by: Option<Timestamp>,
    /// Which hosts it allows.
    pub mx: Vec<String>,
    /// The text as it was fetched, every octet that is not printable ASCII escaped.
    pub text: String,
}

/// Whether a stored policy applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PolicyState {
    /// It does.
    Valid,
    /// More than its `max_age` has passed.
    Expired,
    /// The text is no policy for this version.
    Unreadable,
}

/// Fetches that failed in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListedFailures {
    /// How many.
    pub count: u32,
    /// When the last one failed.
    pub last_at: Option<Timestamp>,
    /// Why, as a result type of RFC 8460 §4.3.
    pub reason: String,
}

impl Listed {
    /// What is remembered, as it stands at `now`.
    pub fn new(remembered: &Remembered, now: Timestamp) -> Self {
        let Remembered { domain, policy, backoff, last_used } = remembered;
        let policy = policy.as_ref().map(|stored| {
            let parsed = Policy::parse(&stored.text);
            let (expires_at, refresh_by) = moments(&parsed, stored.fetched_at, *last_used);
            let state = match &parsed {
                Err(_) => PolicyState::Unreadable,
                Ok(_) if expires_at.is_some_and(|at| at < now.as_second()) => PolicyState::Expired,
                Ok(_) => PolicyState::Valid,
            };
            let refresh_by = refresh_by.filter(|_| state == PolicyState::Valid);
            ListedPolicy {
                mode: parsed.as_ref().ok().map(|policy| mode_name(policy.mode())),
                state,
                id: stored.id.as_str().to_owned(),
                fetched_at: timestamp(stored.fetched_at),
                expires_at: expires_at.and_then(timestamp),
                refresh_by: refresh_by.and_then(timestamp),
                mx: parsed.iter().flat_map(Policy::mx).map(ToString::to_string).collect(),
                text: stored.text.escape_ascii().to_string(),
            }
        });
        let failures = backoff.as_ref().map(|backoff| ListedFailures {
            count: backoff.failures,
            last_at: timestamp(backoff.failed_at),
            reason: backoff.failure.escape_default().to_string(),
        });
        let domain = domain.as_str().to_owned();
        Self { domain, policy, failures, last_used: timestamp(*last_used) }
    }

    /// Is a policy held that keeps mail from hosts that fail?
    pub fn is_enforced(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| {
            policy.state == PolicyState::Valid && policy.mode == Some(mode_name(Mode::Enforce))
        })
    }

    /// The domain in a line of a table.
    pub fn row(&self) -> String {
        let policy = self.policy.as_ref();
        let mode = policy.map_or("-", |policy| match (policy.state, policy.mode) {
            (PolicyState::Valid, Some(mode)) => mode,
            (PolicyState::Expired, _) => "expired",
            _ => "unreadable",
        });
        let time = |at: Option<Timestamp>| shown(at, "-");
        let failures = self.failures.as_ref().map_or(0, |failures| failures.count);
        row(
            &self.domain,
            mode,
            &time(policy.and_then(|policy| policy.fetched_at)),
            &time(policy.and_then(|policy| policy.expires_at)),
            &time(policy.and_then(|policy| policy.refresh_by)),
            &time(self.last_used),
            &failures.to_string(),
        )
    }

    /// What stands above a table of [`Self::row`].
    pub fn header() -> String {
        row("domain", "mode", "fetched", "expires", "refresh by", "last used", "failures")
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.domain)?;
        let line = |f: &mut fmt::Formatter<'_>, name: &str, value: &str| {
            writeln!(f, "  {name:<12}{value}")
        };
        match &self.policy {
            None => line(f, "policy", "none")?,
            Some(policy) => {
                let state = match policy.state {
                    PolicyState::Valid => "applies",
                    PolicyState::Expired => "expired",
                    PolicyState::Unreadable => "not readable by this version",
                };
                line(f, "policy", &format!("{}, {state}", policy.mode.unwrap_or("?")))?;
                for pattern in &policy.mx {
                    line(f, "mx", pattern)?;
                }
                line(f, "id", &policy.id)?;
                line(f, "fetched", &shown(policy.fetched_at, "?"))?;
                line(f, "expires", &shown(policy.expires_at, "?"))?;
                line(f, "refresh by", &shown(policy.refresh_by, "not refreshed any more"))?;
                for (index, text) in policy.text.split_inclusive("\\n").enumerate() {
                    line(f, if index == 0 { "text" } else { "" }, text)?;
                }
            }
        }
        match &self.failures {
            None => line(f, "failures", "none")?,
            Some(ListedFailures { count, last_at, reason }) => {
                let last = shown(*last_at, "?");
                line(f, "failures", &format!("{count} in a row, the last at {last}: {reason}"))?;
            }
        }
        line(f, "last used", &shown(self.last_used, "?"))
    }
}

/// When a policy expires, and when it is fetched again at the latest: half its life or a day after
/// the last fetch, as the cache of `mta-sts` has it.
fn moments(
    policy: &Result<Policy, PolicyError>,
    fetched_at: i64,
    last_used: i64,
) -> (Option<i64>, Option<i64>) {
    let Ok(policy) = policy else { return (None, None) };
    let after = |wait: Duration| {
        fetched_at.saturating_add(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX))
    };
    let lifetime = policy.max_age().as_duration();
    let refresh = after((lifetime / 2).min(LONGEST_REFRESH).max(SHORTEST_REFRESH));
    let unused = i64::try_from(UNUSED_LIMIT.as_secs()).unwrap_or(i64::MAX);
    let is_used = refresh < last_used.saturating_add(unused);
    (Some(after(lifetime)), is_used.then_some(refresh))
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Testing => "testing",
        Mode::None => "none",
    }
}

fn timestamp(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

fn shown(time: Option<Timestamp>, otherwise: &str) -> String {
    time.map_or_else(|| otherwise.to_owned(), |time| time.to_string())
}

fn row(
    domain: &str,
    mode: &str,
    fetched: &str,
    expires: &str,
    refresh: &str,
    used: &str,
    failures: &str,
) -> String {
    format!(
        "{domain:<32}  {mode:<10}  {fetched:<20}  {expires:<20}  {refresh:<20}  {used:<20}  {failures}"
    )
}

#[cfg(test)]
mod tests;

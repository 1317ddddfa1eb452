//! The memory of a sealpost as text: one JSON object a line for each domain.
//!
//! ```json
//! {"domain":"example.com","policy":{"id":"20261101","fetched_at":"2026-11-01T00:00:00Z",
//! "text":"version: STSv1\n…"},"backoff":null,"last_used":"2026-11-02T00:00:00Z"}
//! ```
//!
//! (In one line.) The text of a policy that is not UTF-8 comes as `text_base64` instead. `backoff`
//! tells of failed fetches. It is written for the reader's sake and not taken over: another machine
//! may have more luck.

use data_encoding::BASE64;
use jiff::Timestamp;
use sealpost_store::{FetchedPolicy, Remembered};
use serde::{Deserialize, Serialize};

use super::found::{Found, RowError, domain};

/// No line is longer: the longest policy in the longest way to write its octets fits twice.
pub const LONGEST_LINE: usize = 1_048_576;

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    domain: String,
    policy: Option<PolicyOfLine>,
    backoff: Option<BackoffOfLine>,
    last_used: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct PolicyOfLine {
    id: String,
    fetched_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text_base64: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BackoffOfLine {
    id: String,
    failure: String,
    failures: u32,
    failed_at: Timestamp,
}

/// What is remembered of a domain as a line, without the line feed.
pub fn write_line(remembered: &Remembered) -> String {
    let policy = remembered.policy.as_ref().map(|policy| {
        let text = String::from_utf8(policy.text.clone());
        let (text, text_base64) = match text {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(BASE64.encode(error.as_bytes()))),
        };
        let (id, fetched_at) = (policy.id.as_str().to_owned(), timestamp(policy.fetched_at));
        PolicyOfLine { id, fetched_at, text, text_base64 }
    });
    let backoff = remembered.backoff.as_ref().map(|backoff| BackoffOfLine {
        id: backoff.id.as_str().to_owned(),
        failure: backoff.failure.clone(),
        failures: backoff.failures,
        failed_at: timestamp(backoff.failed_at),
    });
    let domain = remembered.domain.as_str().to_owned();
    let line = Line { domain, policy, backoff, last_used: timestamp(remembered.last_used) };
    // Strings and numbers under fixed names: there is nothing that JSON could not say.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Reads a line; `now` in seconds since 1970.
///
/// # Errors
///
/// [`RowError`] says what is wrong with it.
pub fn read_line(line: &[u8], now: i64) -> Result<Found, RowError> {
    if line.len() > LONGEST_LINE {
        return Err(RowError::Line("it is too long"));
    }
    let line: Line =
        serde_json::from_slice(line).map_err(|_| RowError::Line("it is no line of a dump"))?;
    let domain = domain(line.domain.as_bytes())?;
    let Some(policy) = line.policy else { return Ok(Found::name(domain)) };
    let text = match (policy.text, policy.text_base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(text)) => {
            BASE64.decode(text.as_bytes()).map_err(|_| RowError::Field("text_base64"))?
        }
        _ => return Err(RowError::Field("text")),
    };
    let id = policy.id.parse().map_err(RowError::Id)?;
    let policy = FetchedPolicy { id, text, fetched_at: policy.fetched_at.as_second() };
    Found::policy(domain, policy, line.last_used.as_second(), now)
}

/// The time; the nearest there is for one beyond the calendar.
fn timestamp(seconds: i64) -> Timestamp {
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(nearest)
}

//! What the pages say, read as anybody may.

use std::net::SocketAddr;
use std::time::Duration;

use sealpost_evidence::traffic::Day;
use sealpost_lab::read_page;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::acts::DOMAIN;
use crate::outcome::Failure;

/// How often something is looked for that is to come, and how long each time is waited.
const LOOKS: (usize, Duration) = (1_500, Duration::from_millis(20));

/// Where the pages are.
#[derive(Clone, Copy)]
pub(super) struct Pages(pub(super) SocketAddr);

impl Pages {
    /// Waits until they are open.
    pub(super) async fn open(self) -> Result<(), Failure> {
        let is_open = async || {
            let asked = spawn_blocking(move || read_page(self.0, "/readyz")).await;
            Ok(matches!(asked, Ok(Ok((200, _)))))
        };
        wait_until(is_open, "open the pages: they are not ready in time").await
    }

    /// What is at a path.
    pub(super) async fn read(self, path: &str) -> Result<String, Failure> {
        let asked = path.to_owned();
        let answer = spawn_blocking(move || read_page(self.0, &asked)).await;
        match answer.map_err(Failure::new)?.map_err(Failure::new)? {
            (200, body) => Ok(body),
            (status, _) => Err(Failure::new(format!("read {path}: the pages answer {status}"))),
        }
    }

    /// The same as data.
    pub(super) async fn data(self, path: &str) -> Result<Value, Failure> {
        serde_json::from_str(&self.read(path).await?).map_err(Failure::new)
    }

    /// The page for people that is about the domain.
    pub(super) async fn html(self) -> Result<String, Failure> {
        self.read(&format!("/domains/{DOMAIN}")).await
    }

    /// The same as data.
    pub(super) async fn domain(self) -> Result<Value, Failure> {
        self.data(&format!("/api/v1/domains/{DOMAIN}")).await
    }

    /// What people are told of the domain: `open`, or `resolved`.
    pub(super) async fn incidents(self, phase: &str) -> Result<Vec<Value>, Failure> {
        let found = self.data(&format!("/api/v1/incidents?phase={phase}&domain={DOMAIN}")).await?;
        Ok(rows(&found, "incidents").cloned().collect())
    }

    /// The sessions of a day with hosts of the domain that a mail server told of, as they are written
    /// down: what went well, and what failed.
    pub(super) async fn counted(self, day: Day) -> Result<(u64, u64), Failure> {
        let found = self.data(&format!("/api/v1/sessions?day={day}")).await?;
        let mut domains = rows(&found, "domains").filter(|row| text(row, "domain") == DOMAIN);
        let row = domains.next().cloned().unwrap_or_default();
        let number = |member: &str| row.get(member).and_then(Value::as_u64).unwrap_or(0);
        Ok((number("successful"), number("failed")))
    }

    /// What some metrics show.
    pub(super) async fn counts<const N: usize>(
        self,
        names: [&str; N],
    ) -> Result<[u64; N], Failure> {
        let metrics = self.read("/metrics").await?;
        Ok(names.map(|name| {
            let mut rows = metrics.lines().filter_map(|line| line.strip_prefix(name));
            rows.find_map(|count| count.strip_prefix(' ')?.parse().ok()).unwrap_or(0)
        }))
    }

    /// Waits until each of these metrics shows as much, or more; says after each look in vain that time
    /// has passed.
    pub(super) async fn wait_for<const N: usize>(
        self,
        names: [&str; N],
        least: [u64; N],
        mut passed: impl FnMut() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for _ in 0..LOOKS.0 {
            let counts = self.counts(names).await?;
            if counts.iter().zip(least).all(|(count, least)| *count >= least) {
                return Ok(());
            }
            sleep(LOOKS.1).await;
            passed()?;
        }
        let names = names.join(", ");
        Err(Failure::new(format!("see {names} grow: nothing came of it in time")))
    }
}

/// Asks again and again.
pub(super) async fn wait_until(
    is_so: impl AsyncFn() -> Result<bool, Failure>,
    failure: &str,
) -> Result<(), Failure> {
    for _ in 0..LOOKS.0 {
        if is_so().await? {
            return Ok(());
        }
        sleep(LOOKS.1).await;
    }
    Err(Failure::new(failure))
}

/// The rows of a list.
pub(super) fn rows<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    value.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// The texts of a list.
pub(super) fn texts<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    rows(value, list).filter_map(Value::as_str)
}

/// A text; empty if there is none.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

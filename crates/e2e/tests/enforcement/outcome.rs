//! What became of a message: what the mail server says, and what the lab took.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use sealpost_e2e::{Memory, Message, Route, Senders};
use serde_json::Value;

/// How often, and how long each time, the mail servers are waited for.
const WAIT: (u32, Duration) = (600, Duration::from_millis(100));

/// What became of a message to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken, by the hosts of the domain or by another.
    Delivered { by: By, tls: bool },
    /// It waits; with the enhanced status code, where the mail server gives one.
    Deferred(String),
    /// It was given up.
    Bounced(String),
    /// The mail server and the lab do not agree, or there is not one outcome.
    Unclear(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Owner,
    Attacker,
}

impl Outcome {
    /// The word for it in the tables of the test.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Delivered { by: By::Owner, tls: true } => "sent".to_owned(),
            Self::Delivered { by: By::Owner, tls: false } => "clear".to_owned(),
            Self::Delivered { by: By::Attacker, tls: true } => "stolen".to_owned(),
            Self::Delivered { by: By::Attacker, tls: false } => "stolen-clear".to_owned(),
            Self::Deferred(code) if code.is_empty() => "waits".to_owned(),
            Self::Deferred(code) => code.clone(),
            Self::Bounced(code) => format!("bounced{code}"),
            Self::Unclear(text) => format!("unclear: {text}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered { by: By::Owner, tls: true } => f.write_str("delivered"),
            Self::Delivered { by: By::Owner, tls: false } => f.write_str("delivered, no TLS"),
            Self::Delivered { by: By::Attacker, tls: true } => f.write_str("**to the attacker**"),
            Self::Delivered { by: By::Attacker, tls: false } => {
                f.write_str("**to the attacker**, no TLS")
            }
            Self::Deferred(code) => f.write_str(format!("deferred {code}").trim_end()),
            Self::Bounced(code) => f.write_str(format!("bounced {code}").trim_end()),
            Self::Unclear(text) => f.write_str(text),
        }
    }
}

/// What the lab took.
#[derive(Debug, Default)]
pub(crate) struct Deliveries(HashMap<String, Vec<(By, bool)>>);

impl Deliveries {
    pub(crate) fn read(senders: &Senders) -> Self {
        let file = senders.environment().directory().join("lab/deliveries.jsonl");
        let text = fs_err::read_to_string(file).unwrap_or_default();
        let mut deliveries = Self::default();
        for line in text.lines() {
            let delivery: Value = serde_json::from_str(line).unwrap();
            let text = |key| delivery.get(key).and_then(Value::as_str);
            let by = match text("by") {
                Some("owner") => By::Owner,
                Some("attacker") => By::Attacker,
                other => panic!("taken by {other:?}: {line}"),
            };
            let recipient = text("recipient").unwrap().to_owned();
            let tls = delivery.get("tls").is_some_and(Value::is_object);
            deliveries.0.entry(recipient).or_default().push((by, tls));
        }
        deliveries
    }

    /// Whether a message to this recipient was taken, by whomever.
    pub(crate) fn is_taken(&self, recipient: &str) -> bool {
        self.0.contains_key(recipient)
    }

    /// Every message that an attacker took, by its recipient.
    pub(crate) fn to_the_attacker(&self) -> Vec<&str> {
        let stolen = self.0.iter().filter(|(_, all)| all.iter().any(|(by, _)| *by == By::Attacker));
        stolen.map(|(recipient, _)| recipient.as_str()).collect()
    }
}

/// What a mail server has logged as the last word on a recipient.
struct Status {
    word: Word,
    code: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Sent,
    Deferred,
    Bounced,
    /// It is put off because of what became of another.
    NotTried,
}

/// The last word on every recipient, and how many words there were.
fn statuses(route: Route, log: &str) -> HashMap<String, (Status, usize)> {
    let mut all: HashMap<String, (Status, usize)> = HashMap::new();
    for line in log.lines() {
        let said = if route == Route::Exim { exim_status(line) } else { postfix_status(line) };
        if let Some((recipient, status)) = said {
            let count = all.get(&recipient).map_or(0, |(_, count)| *count);
            all.insert(recipient, (status, count + 1));
        }
    }
    all
}

fn postfix_status(line: &str) -> Option<(String, Status)> {
    let (_, rest) = line.split_once(": to=<")?;
    let (recipient, rest) = rest.split_once('>')?;
    let (_, rest) = rest.split_once("dsn=")?;
    let (code, rest) = rest.split_once(',')?;
    let (_, rest) = rest.split_once("status=")?;
    let word = match rest.split(' ').next()? {
        _ if rest.contains("delivery temporarily suspended") => Word::NotTried,
        "sent" => Word::Sent,
        "deferred" => Word::Deferred,
        _ => Word::Bounced,
    };
    let code = match code {
        // A connection that is blocked may fail early or late.
        "4.4.1" | "4.4.2" => "4.4.1/2",
        code => code,
    };
    Some((recipient.to_owned(), Status { word, code: code.to_owned() }))
}

fn exim_status(line: &str) -> Option<(String, Status)> {
    // Date, time, message, mark, recipient.
    let mut words = line.split(' ').skip(3);
    let word = match words.next()? {
        "=>" | "->" => Word::Sent,
        "==" if line.contains("retry time not reached") => Word::NotTried,
        "==" => Word::Deferred,
        "**" => Word::Bounced,
        _ => return None,
    };
    let recipient = words.next()?.trim_end_matches(':');
    Some((recipient.to_owned(), Status { word, code: String::new() }))
}

/// Waits until every message has been tried, and tells what became of each.
pub(crate) fn outcomes(senders: &Senders, messages: &[Message]) -> HashMap<String, Outcome> {
    tried(senders, messages, 1)
}

/// The same after so many tries of each.
pub(crate) fn tried(
    senders: &Senders,
    messages: &[Message],
    tries: usize,
) -> HashMap<String, Outcome> {
    let (mut attempts, pause) = WAIT;
    loop {
        let mut known = HashMap::new();
        for route in Route::ALL {
            for memory in [Memory::Cached, Memory::Fresh] {
                known.extend(statuses(route, &senders.log(route, memory).unwrap()));
            }
        }
        let recipients = messages.iter().flat_map(|message| &message.recipients);
        let missing: Vec<_> = recipients
            .clone()
            .filter(|recipient| known.get(*recipient).is_none_or(|(_, count)| *count < tries))
            .collect();
        if missing.is_empty() || attempts == 0 {
            let deliveries = Deliveries::read(senders);
            return recipients
                .map(|recipient| {
                    let status = known.get(recipient).map(|(status, _)| status);
                    (recipient.clone(), outcome(status, deliveries.0.get(recipient)))
                })
                .collect();
        }
        attempts -= 1;
        std::thread::sleep(pause);
    }
}

fn outcome(status: Option<&Status>, taken: Option<&Vec<(By, bool)>>) -> Outcome {
    let taken = taken.map_or(&[][..], Vec::as_slice);
    match (status, taken) {
        (Some(Status { word: Word::Sent, .. }), &[(by, tls)]) => Outcome::Delivered { by, tls },
        (Some(Status { word: Word::Deferred, code }), []) => Outcome::Deferred(code.clone()),
        (Some(Status { word: Word::Bounced, code }), []) => Outcome::Bounced(code.clone()),
        (None, _) => Outcome::Unclear(format!("not tried in time, taken: {taken:?}")),
        (Some(Status { word: Word::Sent, .. }), _) => {
            Outcome::Unclear(format!("sent, but taken: {taken:?}"))
        }
        (Some(Status { word: Word::NotTried, .. }), []) => {
            Outcome::Unclear("put off because of another".to_owned())
        }
        (Some(Status { .. }), _) => Outcome::Unclear(format!("not sent, but taken: {taken:?}")),
    }
}

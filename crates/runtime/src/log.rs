//! The log: lines on standard error, filtered by the environment.

mod json;

use std::io::{IsTerminal as _, Write as _};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use serde_json::{Map, Value};
use tracing::Level;
use tracing_subscriber::EnvFilter;

use self::json::{JsonEvents, line};
use crate::Clock;

/// In what form lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For people.
    Text,
    /// For programs: an object on each line.
    Json,
}

static FORMAT: OnceLock<Format> = OnceLock::new();

/// Starts logging to standard error.
///
/// `SEALPOST_LOG` chooses what is logged, in the syntax of `tracing`'s filters
/// (`warn,sealpost_net=debug`); without it, warnings and errors. `SEALPOST_LOG_FORMAT=json` makes
/// each line an object with the members `time`, `level`, `target`, `message` and `fields`; panics are
/// such lines too. A second call does nothing.
pub fn start_log() {
    let filter = EnvFilter::try_from_env("SEALPOST_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let wanted = std::env::var_os("SEALPOST_LOG_FORMAT").unwrap_or_default();
    let (format, is_known) = match wanted.to_str() {
        Some("" | "text") => (Format::Text, true),
        Some("json") => (Format::Json, true),
        _ => (Format::Text, false),
    };
    let format = *FORMAT.get_or_init(|| format);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        Format::Text => log.with_ansi(is_coloured()).with_target(true).try_init(),
        Format::Json => log.event_format(JsonEvents).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!("the log was started before: {error}");
        return;
    }
    if format == Format::Json {
        std::panic::set_hook(Box::new(log_panic));
    }
    if !is_known {
        tracing::warn!(
            found = ?wanted,
            "SEALPOST_LOG_FORMAT is \"text\" or \"json\": what is logged is text"
        );
    }
}

/// Says something to whoever runs this, whatever is logged: as it is, or where the log is made of
/// objects as one of these, of the target `sealpost`. `speaker` is the role that speaks, where several
/// do.
pub fn say(speaker: Option<&str>, text: &str) {
    let text = match FORMAT.get() {
        Some(Format::Json) => {
            let role = speaker.map(|name| ("role".to_owned(), Value::from(name)));
            let fields: Map<String, Value> = role.into_iter().collect();
            line(Clock::system().now(), level_of(text), "sealpost", text, &fields)
        }
        _ => format!("{}{text}", speaker.map(|name| format!("{name}: ")).unwrap_or_default()),
    };
    // If standard error is gone there is nobody to tell.
    writeln!(std::io::stderr(), "{text}").ok();
}

/// Failures and warnings are said as such, in their first word.
fn level_of(text: &str) -> Level {
    match text.split_once(": ").map(|(word, _)| word) {
        Some("error") => Level::ERROR,
        Some("warning") => Level::WARN,
        _ => Level::INFO,
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or("it says nothing that is text");
    let mut fields = Map::new();
    if let Some(place) = panic.location() {
        fields.insert("place".to_owned(), place.to_string().into());
    }
    let thread = std::thread::current();
    fields.insert("thread".to_owned(), thread.name().unwrap_or("unnamed").into());
    let text = line(Clock::system().now(), Level::ERROR, "panic", said, &fields);
    writeln!(std::io::stderr(), "{text}").ok();
}

/// Colour is for terminals; NO_COLOR is respected there too.
fn is_coloured() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !unwanted
}

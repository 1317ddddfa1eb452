//! Events as JSON, one on each line.

use std::error::Error;
use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::Clock;

/// Writes events as lines of JSON.
pub(super) struct JsonEvents;

impl<S, N> FormatEvent<S, N> for JsonEvents
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        writeln!(
            writer,
            "{}",
            line(Clock::system().now(), level, target, &seen.message, &seen.fields)
        )
    }
}

/// One object, without a line feed. Nothing in it acts on a terminal, and every line of a log is one
/// object: what controls or turns the direction of writing is escaped too, as JSON allows.
pub(super) fn line(
    at: Timestamp,
    level: Level,
    target: &str,
    message: &str,
    fields: &Map<String, Value>,
) -> String {
    let object = json!({
        "time": at.to_string(),
        "level": level.as_str().to_ascii_lowercase(),
        "target": target,
        "message": message,
        "fields": fields,
    });
    let mut text = String::new();
    // Such characters stand in strings only.
    for c in object.to_string().chars() {
        if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            // Nothing keeps a string from growing.
            write!(text, "\\u{:04x}", u32::from(c)).ok();
        } else {
            text.push(c);
        }
    }
    text
}

/// What an event has.
#[derive(Default)]
struct Seen {
    message: String,
    fields: Map<String, Value>,
}

impl Seen {
    fn keep(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.keep(field, text) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.keep(field, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value);
    }

    /// What is no number in JSON is null.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.keep(field, value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(events: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = tracing_subscriber::fmt()
            .event_format(JsonEvents)
            .with_max_level(Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log, events);
        let octets = kept.0.lock().unwrap().clone();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn each_event_is_an_object_with_values_of_their_own_types() {
        let text = logged(|| {
            let error = io::Error::other("it is broken");
            let pause = std::time::Duration::from_secs(3);
            tracing::warn!(
                target: "sealpost_test",
                count = 3_u64, left = -1_i64, share = 0.5, known = true, name = "a\"b",
                error = &error as &dyn Error, ?pause,
                "failed for {}", "example.com"
            );
            tracing::info!(name = "no words");
        });
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [first, second] = lines.as_slice() else { panic!("{text}") };
        assert!(first["time"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{first}");
        assert_eq!((&first["level"], &first["target"]), (&"warn".into(), &"sealpost_test".into()));
        assert_eq!(first["message"], "failed for example.com");
        assert_eq!(
            first["fields"],
            json!({
                "count": 3, "left": -1, "share": 0.5, "known": true, "name": "a\"b",
                "error": "it is broken", "pause": "3s",
            })
        );
        let members = ["time", "level", "target", "message", "fields"];
        for line in [first, second] {
            let names: Vec<&String> = line.as_object().unwrap().keys().collect();
            assert_eq!(names, members, "{line}");
        }
        assert_eq!((&second["message"], &second["level"]), (&"".into(), &"info".into()));
    }

    #[test]
    fn text_from_outside_stays_on_its_line_and_in_its_direction() {
        let odd = "a\r\nb\u{1b}[31m\u{9b}2J\u{202e}c\u{2028}\u{2066}ä";
        let text = logged(|| tracing::error!(odd, "{odd}"));
        assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text:?}");
        let line = text.trim_end();
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!line.contains(['\u{202e}', '\u{2028}', '\u{2066}']) && line.contains('ä'));
        let read: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&read["message"], &read["fields"]["odd"]), (&odd.into(), &odd.into()));
    }
}

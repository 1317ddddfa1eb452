//! What `sealpost enforce` makes of mail: real mail servers send into the lab, and every outcome is
//! compared with a table, and the tables with the page of the documentation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod outcome;
mod page;
mod table;

use std::time::Duration;

use sealpost_e2e::{Message, Route, Senders, Server, Signal};

use outcome::{Deliveries, Outcome, outcomes, tried};
use page::Page;
use table::{BACK, DOWN, HONEST, HUNG, LEVELS, Table};

/// What `sealpost enforce` is given beside where to listen and what to ask.
const ARGUMENTS: &[&str] = &[];

/// How long a daemon hangs: long enough for what would be sent without its answer to be sent.
const HANG: Duration = Duration::from_secs(12);

#[test]
fn mail_goes_where_the_page_says() {
    let mut run = Run::start();
    run.all(&[&HONEST, &LEVELS]);
    run.failing_daemons();
    run.end();
}

/// One run of all tables.
struct Run {
    senders: Senders,
    page: Page,
    differences: String,
}

impl Run {
    fn start() -> Self {
        let senders = Senders::start(ARGUMENTS).unwrap();
        Self { senders, page: Page::new(), differences: String::new() }
    }

    /// Sends what the tables hold, all at once, and judges it.
    fn all(&mut self, tables: &[&Table]) {
        let messages: Vec<_> = tables.iter().flat_map(|table| messages(table)).collect();
        self.senders.submit(&messages).unwrap();
        for table in tables {
            self.judge(table, 1);
        }
    }

    /// The daemons hang, are killed, and come back.
    fn failing_daemons(&mut self) {
        let daemons = [Server::Enforce, Server::Peer];
        let signal = |run: &Self, signal| {
            for daemon in daemons {
                run.senders.environment().signal(daemon, signal).unwrap();
            }
        };
        signal(self, Signal::Pause);
        let hung = messages(&HUNG);
        self.senders.submit(&hung).unwrap();
        std::thread::sleep(HANG);
        let taken = Deliveries::read(&self.senders);
        for recipient in recipients(&hung) {
            assert!(!taken.is_taken(recipient), "{recipient}, while the daemon hangs");
        }
        signal(self, Signal::Kill);
        self.judge(&HUNG, 1);

        self.all(&[&DOWN]);

        self.senders.environment().start_again(&daemons).unwrap();
        self.all(&[&BACK]);
        self.senders.try_again().unwrap();
        let waited: Vec<_> = [hung, messages(&DOWN)].concat();
        for (recipient, outcome) in tried(&self.senders, &waited, 2) {
            if !matches!(outcome, Outcome::Delivered { .. }) {
                self.differ(&format!("{recipient}: {outcome} when the daemon is back"));
            }
        }
    }

    /// Waits until what a table holds has been tried, compares, and adds it to the page.
    fn judge(&mut self, table: &Table, tries: usize) {
        let messages = messages(table);
        let outcomes = match tries {
            1 => outcomes(&self.senders, &messages),
            _ => tried(&self.senders, &messages, tries),
        };
        let mut rows = Vec::new();
        for (domain, _, expected) in table.cases {
            let mut row = Vec::new();
            let expected: Vec<_> = expected.split(' ').collect();
            let mut seen = Vec::new();
            for route in table.routes {
                let outcome = message(table, *route, domain)
                    .and_then(|message| outcomes.get(message.recipients.first()?).cloned());
                seen.push(outcome.as_ref().map_or("-".to_owned(), Outcome::word));
                row.push(outcome);
            }
            if seen != expected {
                self.differ(&format!(
                    "{}, {domain}: expected {expected:?}, seen {:?}",
                    table.name,
                    seen.join(" ")
                ));
            }
            rows.push(row);
        }
        self.page.add(table, &rows);
    }

    fn differ(&mut self, difference: &str) {
        self.differences.push('\n');
        self.differences.push_str(difference);
    }

    fn end(self) {
        if let Some(directory) = std::env::var_os("SEALPOST_E2E_LOGS") {
            let from = self.senders.environment().directory().join("log");
            for entry in fs_err::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                let to = std::path::Path::new(&directory).join(entry.file_name());
                fs_err::copy(entry.path(), to).unwrap();
            }
        }
        assert!(self.differences.is_empty(), "{}", self.differences);
        self.page.compare();
    }
}

/// The messages of a table.
fn messages(table: &Table) -> Vec<Message> {
    let domains = table.cases.iter().map(|(domain, ..)| *domain);
    domains
        .flat_map(|domain| table.routes.iter().map(move |route| message(table, *route, domain)))
        .flatten()
        .collect()
}

/// The message for one cell of a table, if there is one: the Exim of the tests has no smart host.
fn message(table: &Table, route: Route, domain: &str) -> Option<Message> {
    let (tag, domain) = match domain.split_once('/') {
        Some(_) if route == Route::Exim => return None,
        Some((smart_host, domain)) => (format!("{}-{smart_host}", table.name), domain),
        None => (table.name.to_owned(), domain),
    };
    Some(Message::new(route, table.memory, &tag, domain))
}

fn recipients(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().flat_map(|message| &message.recipients).map(String::as_str)
}

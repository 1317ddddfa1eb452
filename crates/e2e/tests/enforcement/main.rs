//! What `sealpost enforce` makes of mail: real mail servers send into the lab, and every outcome is
//! compared with a table, and the tables with the page of the documentation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod outcome;
mod page;
mod rounds;
mod table;

use std::collections::HashMap;
use std::time::Duration;

use sealpost_e2e::{Message, Route, Senders, Server, Signal};

use outcome::{Deliveries, Outcome, outcomes, tried};
use page::Page;
use table::{Row, Table, back, dane, down, honest, hung, levels};

/// How long a daemon hangs: long enough for what would be sent without its answer to be sent.
const HANG: Duration = Duration::from_secs(12);

#[test]
fn mail_goes_where_the_page_says() {
    let mut run = Run::start();
    run.send(&[&honest(), &dane(), &levels()]);
    run.publish(&[&honest(), &dane(), &levels()]);
    run.failing_daemons();
    run.attacks();
    run.end();
}

/// One run of all tables.
struct Run {
    senders: Senders,
    outcomes: HashMap<String, Outcome>,
    page: Page,
    differences: String,
}

impl Run {
    fn start() -> Self {
        let senders = Senders::start().unwrap();
        Self { senders, outcomes: HashMap::new(), page: Page::new(), differences: String::new() }
    }

    /// Sends what the tables hold, all at once, and waits until it has been tried.
    fn send(&mut self, tables: &[&Table]) {
        let messages = tables.iter().flat_map(|table| messages(table));
        self.send_messages(&messages.collect::<Vec<_>>());
    }

    fn send_messages(&mut self, messages: &[Message]) {
        self.senders.submit(messages).unwrap();
        self.outcomes.extend(outcomes(&self.senders, messages));
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
        let hung_messages = messages(&hung());
        self.senders.submit(&hung_messages).unwrap();
        std::thread::sleep(HANG);
        let taken = Deliveries::read(&self.senders);
        for recipient in recipients(&hung_messages) {
            assert!(!taken.is_taken(recipient), "{recipient}, while the daemon hangs");
        }
        signal(self, Signal::Kill);
        self.outcomes.extend(outcomes(&self.senders, &hung_messages));
        self.publish(&[&hung()]);

        self.send(&[&down()]);
        self.publish(&[&down()]);

        self.senders.start_again(&daemons).unwrap();
        self.send(&[&back()]);
        self.publish(&[&back()]);
        self.delivered_in_the_end(&[hung_messages, messages(&down())].concat());
    }

    /// Has everything tried again that waits. These messages must be with their owners then.
    fn delivered_in_the_end(&mut self, messages: &[Message]) {
        self.senders.try_again().unwrap();
        for (recipient, outcome) in tried(&self.senders, messages, 2) {
            if !matches!(outcome, Outcome::Delivered { by: outcome::By::Owner, .. }) {
                self.differ(&format!("{recipient}: {outcome} when all is over"));
            }
        }
    }

    /// Compares what became of the tables' mail with what they expect, and adds them to the page.
    fn publish(&mut self, tables: &[&Table]) {
        for (table, cells) in tables.iter().zip(self.judge(tables)) {
            self.page.add(table, &cells);
        }
    }

    fn judge(&mut self, tables: &[&Table]) -> Vec<Vec<Vec<Option<Outcome>>>> {
        tables.iter().map(|table| self.judge_one(table)).collect()
    }

    fn judge_one(&mut self, table: &Table) -> Vec<Vec<Option<Outcome>>> {
        let mut cells = Vec::new();
        for (number, row) in table.rows.iter().enumerate() {
            let outcome = |route: &Route| {
                let message = message(table, *route, number, row)?;
                self.outcomes.get(message.recipients.last()?).cloned()
            };
            let seen: Vec<_> = table.routes.iter().map(outcome).collect();
            let word = |outcome: &Option<Outcome>| match outcome {
                Some(outcome) => outcome.word(),
                None => "-".to_owned(),
            };
            let words = seen.iter().map(word).collect::<Vec<_>>().join(" ");
            if words != row.expected {
                self.differ(&format!(
                    "{}, {}, {}:\n    expected {}\n    seen     {words}",
                    table.name, row.domain, row.about, row.expected
                ));
            }
            cells.push(seen);
        }
        cells
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
    let rows = table.rows.iter().enumerate();
    rows.flat_map(|(number, row)| row_messages(table, number, row)).collect()
}

/// The messages of one of its rows, one for each column.
fn row_messages(table: &Table, number: usize, row: &Row) -> Vec<Message> {
    table.routes.iter().filter_map(|route| message(table, *route, number, row)).collect()
}

/// The message for one cell of a table, if there is one: the Exim of the tests has no smart host.
/// Its last recipient is the one that counts.
fn message(table: &Table, route: Route, number: usize, row: &Row) -> Option<Message> {
    let tag = format!("{}-{number}", table.name);
    Some(match (row.domain.split_once('/'), row.beside) {
        (Some(_), _) if route == Route::Exim => return None,
        (Some((smart_host, domain)), _) => {
            Message::new(route, table.memory, &format!("{tag}-{smart_host}"), domain)
        }
        (None, Some(beside)) => {
            Message::new(route, table.memory, &tag, beside).and(&tag, row.domain)
        }
        (None, None) => Message::new(route, table.memory, &tag, row.domain),
    })
}

fn recipients(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().flat_map(|message| &message.recipients).map(String::as_str)
}

/// Whether mail of a route is under the protection of `sealpost enforce`.
fn is_ours(route: Route) -> bool {
    !matches!(route, Route::Peer | Route::PeerTlsRpt)
}

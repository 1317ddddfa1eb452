//! The page of the documentation, and whether it is fresh.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;

use sealpost_e2e::Route;

use crate::outcome::Outcome;
use crate::table::{Row, Table};

/// The page, as the repository has it.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../doc/reference/enforcement.md");
/// Set to anything, it has the page written instead of compared.
const RENEW: &str = "SEALPOST_RENEW_PAGES";

const INTRODUCTION: &str = "\
# What becomes of mail

<!-- Made by a test: change crates/e2e/tests/enforcement, then run
     SEALPOST_RENEW_PAGES=1 cargo test -p sealpost-e2e --test enforcement -->

Mail was sent through real mail servers into `sealpost lab`, to domains each of which has one thing
that is special, and this is what became of it. The mail servers asked `sealpost enforce`: Postfix
3.10 the map `postfix`, Postfix 3.7 the map `postfix-3.9`, and Exim 4.96 the map `exim`, with the
[routers](../how-to/exim/router.conf) and the [transport](../how-to/exim/transport.conf) that are
proposed for it. The last two columns, p-m-s-r, are Postfix 3.10 with postfix-mta-sts-resolver 1.5.1
in our place, as its documentation configures it and with its option `tlsrpt: true`. Two things are otherwise than
by default, so that a test need not wait: it looks at every question whether a policy is still the
newest (`cache_grace: 0`), and the clock of `sealpost enforce` was put ahead by six minutes before
the attacks on policies, as if it had been away.

DANE answers are on (`dane = \"on\"`): the resolver of all of them is an Unbound that validates, and
each daemon has proven that before it answers. Each has as its `default_level` what the mail server
has that asks it, which is `may` where nothing else is said. postfix-mta-sts-resolver knows no DANE;
where a policy is enforced, its answer takes the place of Postfix's own.

\"Delivered\" means to a host of the domain and with TLS, where nothing else is said. A deferred
message is tried again later; the number is the enhanced status code that Postfix gives.
";

/// The page, as far as it is written.
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn new() -> Self {
        Self(INTRODUCTION.to_owned())
    }

    /// Adds a table with what became of each case.
    pub(crate) fn add(&mut self, table: &Table, rows: &[Vec<Option<Outcome>>]) {
        let Self(text) = self;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n## {}\n\n{}\n", table.heading, wrapped(table.text));
        let heads: Vec<_> = table.routes.iter().map(|route| head(*route)).collect();
        let _ = writeln!(text, "| domain | what is special | {} |", heads.join(" | "));
        let _ = writeln!(text, "|---|---|{}", "---|".repeat(heads.len()));
        for (Row { domain, about, .. }, row) in table.rows.iter().zip(rows) {
            let cells: Vec<_> = row
                .iter()
                .map(|cell| cell.as_ref().map_or("-".to_owned(), ToString::to_string))
                .collect();
            let domain = match domain.split_once('/') {
                Some((_, domain)) => format!("{domain} by a smart host"),
                None => (*domain).to_owned(),
            };
            let _ = writeln!(text, "| {domain} | {about} | {} |", cells.join(" | "));
        }
    }

    /// Compares it with the one of the repository, or writes that.
    pub(crate) fn compare(&self) {
        let Self(text) = self;
        if std::env::var_os(RENEW).is_some() {
            fs_err::write(FILE, text).unwrap();
            return;
        }
        let path = Path::new(FILE);
        let written = fs_err::read_to_string(path).unwrap_or_default();
        assert!(
            *text == written,
            "doc/reference/enforcement.md is stale: run this test with {RENEW}=1; the page would \
             be\n{text}"
        );
    }
}

fn head(route: Route) -> &'static str {
    match route {
        Route::Postfix3_10 => "Postfix 3.10",
        Route::Postfix3_10Plain => "Postfix 3.10, `dane = \"off\"`",
        Route::Postfix3_10Encrypt => "Postfix 3.10, `encrypt`",
        Route::Postfix3_10Dane => "Postfix 3.10, `dane`",
        Route::Postfix3_7 => "Postfix 3.7",
        Route::Exim => "Exim 4.96",
        Route::Peer => "p-m-s-r",
        Route::PeerTlsRpt => "p-m-s-r, `tlsrpt`",
    }
}

/// The text in lines of a readable length.
fn wrapped(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        if !line.is_empty() && line.len() + 1 + word.len() > LONGEST {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
